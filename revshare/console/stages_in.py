"""Records of what came in: files, contributors, manifests, sales, policies."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revshare.console.base import site
from revshare.console.filters import CycleOfSales, FileFilter, KindOfSale, ManifestFilter, ReasonFilter, StateOfRow
from revshare.console.record_words import choice
from revshare.console.records import BulkAdmin, RecordAdmin
from revshare.console.seeking import Seek, SeekList, Slice, by_key
from revshare.console.shown import amount, assets, digest, in_english, link, masked_email, size
from revshare.contributors.models import Contributor
from revshare.files.models import IngestedFile, QuarantinedRow, Upload
from revshare.files.reasons import sentence
from revshare.manifests.models import Manifest, Part, PartVersion, Training, Weight
from revshare.manifests.places import OnRollOf, last_roll_in, roll_in
from revshare.policies.models import Policy
from revshare.policies.rules import parse
from revshare.sales.models import Sale

NO_PERSONAL = {"email"}


def pretty(value: Any) -> SafeString:
    return format_html('<pre class="rs-text">{}</pre>', json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))


@admin.register(IngestedFile, site=site)
class FileAdmin(RecordAdmin):
    counts = ("rows_in", "rows_accepted", "rows_duplicate", "rows_quarantined")
    list_display = ("id", "kind", "name", *(f"{name}_whole" for name in counts), "loaded_at_utc",
                    "loaded_by", "totals_now")  # fmt: skip
    list_display_links = ("id", "name")
    list_filter = ("kind", "loaded_at")
    search_fields = ("name", "sha256__startswith")
    hidden = ("sum_in", "sum_accepted", "sum_duplicate", "sum_quarantined", "size_bytes")
    extra = ("size", "sum", "totals_now")

    @admin.display(description=gettext_lazy("control totals"))
    def totals_now(self, file: IngestedFile) -> SafeString:
        return link(_("As of now"), "file", file.pk)

    @admin.display(description=gettext_lazy("size"))
    def size(self, file: IngestedFile) -> str:
        return size(file.size_bytes)

    @admin.display(description=gettext_lazy("sum of amounts in the file"))
    def sum(self, file: IngestedFile) -> SafeString:
        return amount(file.sum_in)


@admin.register(QuarantinedRow, site=site)
class QuarantinedRowAdmin(BulkAdmin):
    list_display = ("id", "file", "line", "reason", "meaning", "amount_amount", "state", "decided_by")
    list_filter = (StateOfRow, ReasonFilter, FileFilter)
    list_select_related = ("file",)
    search_fields = ("reason__startswith", "file__name")
    hidden = ("row",)
    extra = ("meaning", "content")

    @admin.display(description=gettext_lazy("meaning"))
    def meaning(self, row: QuarantinedRow) -> str:
        return _(sentence(row.reason.partition("@")[0]))

    @admin.display(description=gettext_lazy("the row as it was read"))
    def content(self, row: QuarantinedRow) -> SafeString:
        return pretty({k: masked_email(v) if k in NO_PERSONAL else v for k, v in row.row.items()})


@admin.register(Upload, site=site)
class UploadAdmin(RecordAdmin):
    list_display = ("id", "kind", "name", "size", "uploaded_at_utc", "uploaded_by", "file", "report")
    list_display_links = ("id", "name")
    list_filter = ("kind", "uploaded_at")
    list_select_related = ("file",)
    search_fields = ("name", "sha256__startswith", "uploaded_by")
    hidden = ("size_bytes",)
    extra = ("size", "report")

    @admin.display(description=gettext_lazy("size"))
    def size(self, upload: Upload) -> str:
        return size(upload.size_bytes)

    @admin.display(description=gettext_lazy("report"))
    def report(self, upload: Upload) -> SafeString:
        return link(_("Progress and totals"), "upload-detail", upload.pk)


@admin.register(Contributor, site=site)
class ContributorAdmin(BulkAdmin):
    list_display = ("id", "name", "country", "currency", "payee_id", "unclaimed")
    list_display_links = ("id", "name")
    list_filter = ("unclaimed",)
    descending = False
    search_fields = ("id__startswith", "name")
    hidden = ("email",)
    extra = ("masked_email",)

    @admin.display(description=gettext_lazy("e-mail"))
    def masked_email(self, contributor: Contributor) -> str:
        return masked_email(contributor.email)


@admin.register(Manifest, site=site)
class ManifestAdmin(RecordAdmin):
    counts = ("assets", "records", "contributors")
    list_display = ("dataset_version", "frozen_at_utc", *(f"{name}_whole" for name in counts), "hash")
    search_fields = ("dataset_version",)
    list_filter = (("frozen_at", admin.EmptyFieldListFilter),)

    @admin.display(description=gettext_lazy("hash"), ordering="sha256")
    def hash(self, manifest: Manifest) -> SafeString:
        return digest(manifest.sha256)


@admin.register(Part, site=site)
class PartAdmin(RecordAdmin):
    counts = ("rows",)
    list_display = ("id", "file", "rows_whole", "parquet_sha256")
    list_select_related = ("file",)
    search_fields = ("parquet_sha256__startswith", "file__name")
    ordering = ("-pk",)


@admin.register(PartVersion, site=site)
class PartVersionAdmin(RecordAdmin):
    counts = ("rows",)
    list_display = ("id", "part", "manifest", "rows_whole")
    list_select_related = ("part", "manifest")
    search_fields = ("manifest__dataset_version",)
    ordering = ("-pk",)


@admin.register(Weight, site=site)
class WeightAdmin(BulkAdmin):
    list_display = ("id", "manifest", "contributor", "in_assets", "assets_ticks")
    list_filter = (ManifestFilter,)
    list_select_related = ("manifest", "contributor")
    search_fields = ("contributor__id__exact",)
    search_help_text = gettext_lazy("A contributor's id, whole")
    hidden = ("rolls_of", "roll")
    extra = ("in_assets",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Weight], search_term: str
    ) -> tuple[QuerySet[Weight], bool]:
        if text := search_term.strip():
            queryset = queryset.filter(OnRollOf(text, view=Weight._meta.db_table), contributor_id=text)
        return queryset, False

    def seek(self, rows: SeekList, seek: Seek) -> Slice:
        """One manifest's weights by contributor. A key is the manifest's id, a slash, and the contributor's id.

        They are looked for on the rolls beside that key, ever more of them: the view opens no others."""
        after, before = (key and key.partition("/")[2] for key in (seek.after, seek.before))
        own = Seek(seek.size, after, before)
        manifests = (int(one.value() or 0) for one in rows.filter_specs if isinstance(one, ManifestFilter))
        if rows.searched or not (manifest := next(manifests, 0)):  # there is none to choose
            return by_key(rows.queryset, own, descending=False, key="contributor_id")
        last, start, rolls = last_roll_in(manifest), roll_in(manifest, after or before or ""), 1
        while True:
            lowest, highest = (start, start + rolls) if before is None else (start - rolls, start)
            near = rows.queryset.filter(roll__range=(lowest, highest))
            found = by_key(near, own, descending=False, key="contributor_id")
            more, end = (found.older, highest >= last) if before is None else (found.newer, lowest <= 1)
            if more is not None or end:
                return found
            rolls *= 2

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Weight | None:
        manifest, _, contributor = object_id.partition("/")
        if not (manifest.isascii() and manifest.isdigit() and len(manifest) < 10):
            return None
        own = Weight.objects.filter(OnRollOf(contributor, view=Weight._meta.db_table), contributor=contributor)
        return own.filter(manifest=int(manifest)).first()

    @admin.display(description=gettext_lazy("assets"), ordering="assets_ticks")
    def in_assets(self, weight: Weight) -> SafeString:
        return assets(weight.assets_ticks)


@admin.register(Training, site=site)
class TrainingAdmin(RecordAdmin):
    list_display = ("model", "dataset_version", "mix", "file")
    list_select_related = ("file",)
    search_fields = ("model", "dataset_version")


@admin.register(Policy, site=site)
class PolicyAdmin(RecordAdmin):
    list_display = ("name", "version", "registered_at_utc", "registered_by", "hash")
    list_filter = ("registered_at",)
    list_display_links = ("name", "version")
    search_fields = ("name", "version", "sha256__startswith")
    hidden = ("text",)
    extra = ("plain_language", "policy_text")

    @admin.display(description=gettext_lazy("hash"))
    def hash(self, policy: Policy) -> SafeString:
        return digest(policy.sha256)

    @admin.display(description=gettext_lazy("in plain language"))
    def plain_language(self, policy: Policy) -> SafeString:
        said = parse(policy.text).sentences.items()
        told = ((table, in_english(" ".join(sentences))) for table, sentences in said)
        return format_html_join("", "<p><strong>{}</strong>: {}</p>", told)

    @admin.display(description=gettext_lazy("text"))
    def policy_text(self, policy: Policy) -> SafeString:
        return format_html('<pre class="rs-text">{}</pre>', policy.text)


@admin.register(Sale, site=site)
class SaleAdmin(BulkAdmin):
    list_display = ("seq", "sale_id", "sold_at_utc", "stream", "target", "gross_amount", "kind", "refund_of")
    list_display_links = ("seq", "sale_id")
    list_filter = (CycleOfSales, KindOfSale)
    search_fields = ("sale_id__startswith", "refund_of__exact")
    search_help_text = gettext_lazy("How the sale's id begins, or the id of the sale that a refund refunds")
    extra = ("kind",)

    @admin.display(description=gettext_lazy("model or dataset version"))
    def target(self, sale: Sale) -> str:
        return sale.model or sale.dataset_version

    @admin.display(description=gettext_lazy("kind"))
    def kind(self, sale: Sale) -> str:
        return choice(sale.kind)
