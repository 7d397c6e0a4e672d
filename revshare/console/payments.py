"""Records of payments: holds, batches, their payments, what the bank said of them."""

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, ngettext

from revshare.console.base import site
from revshare.console.filters import CurrencyFilter
from revshare.console.records import BulkAdmin, RecordAdmin
from revshare.console.shown import badge, digest, link
from revshare.payouts.models import Hold, Payment, PaymentBatch, PaymentResult, PayoutCurrency
from revshare.payouts.rules import major_text, payment_key, rate_text
from revshare.wording import decimal_sign, whole


def _major(minor: int, currency: str) -> str:
    return f"{major_text(minor, currency).replace('.', decimal_sign())} {currency}"


@admin.register(PaymentBatch, site=site)
class PaymentBatchAdmin(RecordAdmin):
    counts = ("payments_count",)
    list_display = ("id", "currency", "cycle", "state_badge", "payments_count_whole", "total", "prepared_by",
                    "approved_by", "exported_by", "short_digest")  # fmt: skip
    list_filter = ("state", CurrencyFilter)
    list_select_related = ("cycle",)
    search_fields = ("digest__startswith",)
    hidden = ("total_minor",)
    extra = ("total", "its_payments")

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, batch: PaymentBatch) -> SafeString:
        return badge(batch.state)

    @admin.display(description=gettext_lazy("total"))
    def total(self, batch: PaymentBatch) -> str:
        return _major(batch.total_minor, batch.currency)

    @admin.display(description=gettext_lazy("digest"))
    def short_digest(self, batch: PaymentBatch) -> SafeString:
        return digest(batch.digest)

    @admin.display(description=gettext_lazy("payments"))
    def its_payments(self, batch: PaymentBatch) -> SafeString:
        text = ngettext("%(count)s payment", "%(count)s payments", batch.payments_count)
        return link(
            text % {"count": whole(batch.payments_count)},
            "revshare_payment_changelist",
            query=f"?q={payment_key(batch.pk, 0)[:-6]}",
        )


@admin.register(Payment, site=site)
class PaymentAdmin(BulkAdmin):
    list_display = ("payment_key", "batch", "contributor", "amount", "statement", "state_badge")
    list_select_related = ("batch", "contributor")
    search_fields = ("payment_key__startswith", "contributor__id__exact")
    search_help_text = gettext_lazy("How a payment key begins, or a contributor's id, whole")
    hidden = ("amount_minor", "amount_micros", "rate_upper", "rate_lower")
    extra = ("amount", "rate_text")

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, payment: Payment) -> str:
        return _major(payment.amount_minor, payment.currency)

    @admin.display(description=gettext_lazy("rate"))
    def rate_text(self, payment: Payment) -> str:
        return rate_text(payment.rate_upper, payment.rate_lower) or "–"

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, payment: Payment) -> SafeString:
        return badge(payment.state)


@admin.register(PayoutCurrency, site=site)
class PayoutCurrencyAdmin(RecordAdmin):
    list_display = ("id", "contributor", "currency", "source", "set_at_utc", "set_by")
    list_filter = ("currency", "set_at")
    list_select_related = ("contributor",)
    search_fields = ("contributor__id__exact",)


@admin.register(PaymentResult, site=site)
class PaymentResultAdmin(BulkAdmin):
    list_display = ("id", "payment", "result", "dated_iso", "reference", "reason", "journal", "file")
    list_select_related = ("payment", "journal", "file")
    search_fields = ("payment__payment_key__exact", "reference__exact")
    search_help_text = gettext_lazy("A payment key or the bank's reference, whole")


@admin.register(Hold, site=site)
class HoldAdmin(RecordAdmin):
    list_display = (
        "id",
        "contributor",
        "currency",
        "reason",
        "placed_by",
        "placed_at_utc",
        "released_by",
        "released_at_utc",
    )
    list_filter = ("placed_at", "released_at")
    list_select_related = ("contributor",)
    search_fields = ("contributor__id__exact",)
