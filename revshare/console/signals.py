"""Records of files that are kept as they came: consents, splits, measures, outputs, usage, exchange rates."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from revshare.consents.models import Consent
from revshare.console.base import site
from revshare.console.records import BulkAdmin
from revshare.measures.models import Measure, Output, Usage
from revshare.money import format_micros
from revshare.rates.models import Rate
from revshare.splits.models import Split


@admin.register(Consent, site=site)
class ConsentAdmin(BulkAdmin):
    list_display = ("id", "contributor", "asset_id", "scope", "decision", "effective_at_utc", "source")
    list_select_related = ("contributor",)
    list_filter = ("decision",)
    search_fields = ("contributor__id__exact",)
    search_help_text = gettext_lazy("A contributor's id, whole")


@admin.register(Split, site=site)
class SplitAdmin(BulkAdmin):
    list_display = ("id", "contributor", "payee", "share", "starts_on_iso", "ends_on_iso", "reason")
    list_select_related = ("contributor", "payee")
    list_filter = ("reason",)
    search_fields = ("contributor__id__exact", "payee__id__exact")
    search_help_text = gettext_lazy("The id of a contributor or payee, whole")
    hidden = ("share_millionths",)
    extra = ("share",)

    @admin.display(description=gettext_lazy("share"))
    def share(self, split: Split) -> str:
        return format_micros(split.share_millionths)


@admin.register(Measure, site=site)
class MeasureAdmin(BulkAdmin):
    list_display = ("id", "measure", "contributor", "starts_on_iso", "ends_on_iso", "value_amount")
    list_select_related = ("contributor",)
    search_fields = ("measure__startswith",)
    search_help_text = gettext_lazy("How the measure's name begins")


@admin.register(Output, site=site)
class OutputAdmin(BulkAdmin):
    list_display = ("id", "sale_id", "role", "contributor", "score")
    list_select_related = ("contributor",)
    search_fields = ("sale_id__startswith",)
    search_help_text = gettext_lazy("How the sale's id begins")
    hidden = ("score_millionths",)
    extra = ("score",)

    @admin.display(description=gettext_lazy("score"))
    def score(self, output: Output) -> str:
        return format_micros(output.score_millionths)


@admin.register(Usage, site=site)
class UsageAdmin(BulkAdmin):
    counts = ("units",)
    list_display = ("id", "customer_id", "model", "day_iso", "units_whole")
    search_fields = ("customer_id__startswith",)
    search_help_text = gettext_lazy("How the customer's id begins")


@admin.register(Rate, site=site)
class RateAdmin(BulkAdmin):
    list_display = ("id", "date_iso", "base", "quote", "rate", "source")
    list_filter = ("base", "quote")
    search_fields = ("source",)
