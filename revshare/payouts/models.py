"""Holds, batches of payments, and what the bank said of each. Rows move by few rules (`rules`), and never go away."""

from fractions import Fraction

from django.db import models
from django.db.models import F, Q

from revshare.payouts.rules import BATCH_STATES, COOL_OFF, LIVE, PAYMENT_STATES, RESULTS
from revshare.pools.models import MAX_RATE_PART


class Hold(models.Model):
    """Nobody pays this contributor (in this currency; blank: in any) until somebody releases it."""

    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="payment_holds")
    currency = models.CharField(max_length=3, default="", blank=True, db_collation="C")
    reason = models.TextField()
    placed_at = models.DateTimeField()
    placed_by = models.TextField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.TextField(default="", blank=True)
    release_reason = models.TextField(default="", blank=True)

    class Meta:
        db_table = "payouts_hold"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["contributor", "currency"], condition=Q(released_at__isnull=True), name="payouts_hold_once"
            ),
            models.CheckConstraint(name="payouts_hold_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="payouts_hold_released_by_somebody",
                condition=Q(released_at__isnull=True, released_by="")
                | Q(released_at__isnull=False) & ~Q(released_by=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contributor_id} {self.currency or 'any currency'}"


class PayoutCurrency(models.Model):
    """In which currency a contributor is paid whatever they are owed, from when on; the last one counts. Blank: each
    balance in its own."""

    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="payout_currencies")
    currency = models.CharField(max_length=3, default="", blank=True, db_collation="C")
    source = models.TextField()  # who asked for it, and how
    set_at = models.DateTimeField()
    set_by = models.TextField()

    class Meta:
        db_table = "payouts_currency"
        ordering = ["-id"]
        verbose_name_plural = "payout currencies"
        constraints = [models.CheckConstraint(name="payouts_currency_has_source", condition=~Q(source=""))]

    def __str__(self) -> str:
        return f"{self.contributor_id} {self.currency or 'as it is'}"


class Destination(models.Model):
    """Where a contributor's money goes, in their own words to the bank, from `usable_from` on; the last one usable
    counts. Never shown whole: `rules.masked`. Payments hold its hash."""

    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="destinations")
    text = models.TextField()
    set_at = models.DateTimeField()
    set_by = models.TextField()
    usable_from = models.DateTimeField()

    class Meta:
        db_table = "payouts_destination"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="payouts_destination_says_where", condition=~Q(text="")),
            models.CheckConstraint(
                name="payouts_destination_cools_off", condition=Q(usable_from__gte=F("set_at") + COOL_OFF)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contributor_id} from {self.usable_from:%Y-%m-%d}"


class DestinationNotice(models.Model):
    """The address known when a new destination was named, which a letter tells of it (`mail`); blank once its
    contributor is forgotten."""

    destination = models.OneToOneField(Destination, on_delete=models.PROTECT, related_name="notice")
    address = models.TextField(blank=True)

    class Meta:
        db_table = "payouts_destination_notice"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"notice of destination {self.destination_id}"


class PaymentBatch(models.Model):
    """Payments in one currency out of the balances of one published cycle, released together. `digest`: over all its
    payments (`rules.digest`); an approval is bound to it. Amounts in minor units."""

    currency = models.CharField(max_length=3, db_collation="C")
    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="payment_batches")
    state = models.TextField(choices=[(state, state) for state in BATCH_STATES])
    payments_count = models.IntegerField(default=0)
    total_minor = models.BigIntegerField(default=0)
    digest = models.TextField(default="", blank=True)
    prepared_at = models.DateTimeField()
    prepared_by = models.TextField()
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.TextField(default="", blank=True)
    approved_digest = models.TextField(default="", blank=True)
    exported_at = models.DateTimeField(null=True, blank=True)
    exported_by = models.TextField(default="", blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.TextField(default="", blank=True)

    class Meta:
        db_table = "payouts_batch"
        ordering = ["-id"]
        verbose_name_plural = "payment batches"
        constraints = [
            models.CheckConstraint(name="payouts_batch_state_known", condition=Q(state__in=BATCH_STATES)),
            models.CheckConstraint(
                name="payouts_batch_pays",
                condition=Q(state="preparing") | ~Q(digest="") & Q(payments_count__gt=0, total_minor__gt=0),
            ),
            models.CheckConstraint(
                name="payouts_batch_approved_by_another",
                condition=Q(approved_by="") | ~Q(approved_by=F("prepared_by")) & Q(approved_digest=F("digest")),
            ),
            models.CheckConstraint(
                name="payouts_batch_exported_is_approved",
                condition=~Q(state__in=["approved", "exported"]) | ~Q(approved_by=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.currency} {self.state}"


class Payment(models.Model):
    """One contributor's payment, of `amount_minor` in `currency`. It takes `account_micros` from the account in
    `account_currency`: the same amount, or where that is another currency what it costs at the rate of the day of the
    preparation, `rate_upper` ÷ `rate_lower` of the one paid in for 1 of the account's. `balance_micros`: what could be
    paid when it was prepared; what is less than a minor unit stays in the balance. `statement`: the number of the one
    whose balance it pays."""

    batch = models.ForeignKey(PaymentBatch, on_delete=models.PROTECT, related_name="payments")
    payment_key = models.TextField(unique=True, db_collation="C")
    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="payments")
    payee_id = models.TextField()
    name = models.TextField(blank=True)
    currency = models.CharField(max_length=3, db_collation="C")
    amount_minor = models.BigIntegerField()
    amount_micros = models.BigIntegerField()
    account_currency = models.CharField(max_length=3, db_collation="C")
    account_micros = models.BigIntegerField()
    balance_micros = models.BigIntegerField()
    rate_upper = models.DecimalField(max_digits=100, decimal_places=0, null=True, blank=True)
    rate_lower = models.DecimalField(max_digits=100, decimal_places=0, null=True, blank=True)
    rate_on = models.DateField(null=True, blank=True)
    rate_source = models.TextField(default="", blank=True)
    statement = models.TextField()
    destination_sha256 = models.CharField(max_length=64)
    state = models.TextField(choices=[(state, state) for state in PAYMENT_STATES], default=LIVE)

    class Meta:
        db_table = "payouts_payment"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="payouts_payment_state_known", condition=Q(state__in=PAYMENT_STATES)),
            models.CheckConstraint(
                name="payouts_payment_positive", condition=Q(amount_minor__gt=0, amount_micros__gt=0)
            ),
            models.CheckConstraint(
                name="payouts_payment_within_balance", condition=Q(account_micros__lte=F("balance_micros"))
            ),
            models.UniqueConstraint(
                fields=["contributor", "account_currency"], condition=Q(state=LIVE), name="payouts_one_live_payment"
            ),
            models.CheckConstraint(
                name="payouts_payment_converted_at_a_rate",
                condition=Q(
                    account_currency=F("currency"), account_micros=F("amount_micros"), rate_upper=None, rate_lower=None,
                    rate_on=None,
                )
                | ~Q(account_currency=F("currency"))
                & Q(account_micros__gt=0, rate_upper__gt=0, rate_upper__lt=MAX_RATE_PART, rate_on__isnull=False)
                & Q(rate_lower__gt=0, rate_lower__lt=MAX_RATE_PART),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.payment_key

    @property
    def rate(self) -> Fraction | None:
        """What 1 of the account's currency was in that of the payment; None if they are the same."""
        if self.rate_upper is None or self.rate_lower is None:
            return None
        return Fraction(int(self.rate_upper), int(self.rate_lower))


class PaymentResult(models.Model):
    """What the bank said of a payment, from a file of results, and the journal that booked it."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="results")
    result = models.TextField(choices=[(result, result) for result in RESULTS])
    dated = models.DateField()
    reference = models.TextField()
    reason = models.TextField(default="", blank=True)
    amount_micros = models.BigIntegerField(null=True, blank=True)  # what really went out, if the bank says
    journal = models.OneToOneField("revshare.Journal", on_delete=models.PROTECT, related_name="payment_result")
    file = models.ForeignKey("revshare.IngestedFile", on_delete=models.PROTECT, related_name="payment_results")

    class Meta:
        db_table = "payouts_result"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["payment", "result"], name="payouts_result_once"),
            models.CheckConstraint(name="payouts_result_known", condition=Q(result__in=RESULTS)),
            models.CheckConstraint(
                name="payouts_result_paid_something", condition=Q(amount_micros=None) | Q(amount_micros__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment_id} {self.result}"
