"""One cycle's sales, gathered into the sums to be shared."""

from fractions import Fraction

from django.db import models
from django.db.models import F, Q

MAX_RATE_PART = 10**99


class Kind(models.TextChoices):
    SALES = "sales"
    MOVEMENTS = "movements"


class Pool(models.Model):
    """net + carried in + what suspense released, of which `distributable` is shared, `commons` goes to the commons
    fund, and the rest stays with the platform, first of all the tax and fees that were `deducted`; or, if what is left
    after these is negative, that is carried to the same pool of the next cycle. `table` is the policy's rule table;
    `model` and `dataset_version` are blank where the policy pools everything in one. The denominator is in the units
    of the measure: ticks for assets. What is carried in is a deficit; or more than nothing, where a restatement took
    back a deficit that had been made up for.

    A pool of kind `movements` shares nothing: under it stand, as entries of the cycle, what else moved contributors'
    accounts in one currency since the cycle before (payments, adjustments …). It comes after all others."""

    Kind = Kind

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="pools", db_index=False)
    kind = models.TextField(choices=Kind.choices, default=Kind.SALES, db_default=Kind.SALES)
    table = models.TextField(db_collation="C")
    model = models.TextField(default="", db_collation="C")
    dataset_version = models.TextField(default="", db_collation="C")
    part = models.TextField(
        default="", db_default="", db_collation="C"
    )  # of several that a pool is divided into (`division`)
    measure = models.TextField(
        default="assets", db_default="assets"
    )  # what contributors are measured by, `policies.terms`
    currency = models.CharField(max_length=3, db_collation="C")
    rule = models.TextField()  # in words, as it stands on statements
    share = models.TextField()  # "20%", as the policy says it
    sales_count = models.BigIntegerField()
    net_micros = models.BigIntegerField()
    carried_in_micros = models.BigIntegerField()
    released_micros = models.BigIntegerField(default=0, db_default=0)  # from suspense, to what is shared
    deducted_micros = models.BigIntegerField(default=0, db_default=0)
    distributable_micros = models.BigIntegerField()
    commons_micros = models.BigIntegerField(default=0, db_default=0)
    platform_micros = models.BigIntegerField()
    carried_out_micros = models.BigIntegerField()
    denominator_ticks = models.BigIntegerField()
    versions = models.JSONField(default=list)  # the dataset versions it is shared over; none: suspense
    suspense_reason = models.TextField(default="", blank=True)

    class Meta:
        db_table = "pools_pool"
        ordering = ["cycle_id", "table", "model", "dataset_version", "part", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["cycle", "kind", "table", "model", "dataset_version", "part", "currency"], name="pools_once"
            ),
            models.CheckConstraint(
                name="pools_conserve",
                condition=Q(
                    net_micros=F("distributable_micros")
                    + F("commons_micros")
                    + F("platform_micros")
                    + F("carried_out_micros")
                    - F("carried_in_micros")
                    - F("released_micros")
                ),
            ),
            models.CheckConstraint(
                name="pools_signs",
                condition=Q(
                    distributable_micros__gte=F("released_micros"), commons_micros__gte=0, released_micros__gte=0,
                    carried_out_micros__lte=0, denominator_ticks__gte=0,
                )
                & (Q(platform_micros__gte=0) | Q(platform_micros__gte=F("deducted_micros"))),
            ),
            models.CheckConstraint(
                name="pools_movements_share_nothing",
                condition=Q(kind=Kind.SALES) | Q(
                    kind=Kind.MOVEMENTS, net_micros=0, carried_in_micros=0, distributable_micros=0, platform_micros=0,
                    carried_out_micros=0, denominator_ticks=0,
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.cycle_id} {self.name}"

    @property
    def name(self) -> str:
        """What people call it: 'default · gen-tate-1 · GBP'."""
        if self.kind == Kind.MOVEMENTS:
            return f"movements · {self.currency}"
        parts = (self.table, self.model or self.dataset_version, self.part, self.currency)
        return " · ".join(part for part in parts if part)


class CarryCorrection(models.Model):
    """What a restatement changed of what a pool of a closed cycle carries: the next cycle that is calculated takes it
    in with what it carries anyway. Of either sign: a deficit that later cycles made up for may not have been one."""

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="+", db_index=False)
    journal = models.ForeignKey("revshare.Journal", on_delete=models.PROTECT, related_name="+", db_index=False)
    table = models.TextField(db_collation="C")
    model = models.TextField(db_collation="C")
    dataset_version = models.TextField(db_collation="C")
    part = models.TextField(db_collation="C")
    currency = models.CharField(max_length=3, db_collation="C")
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "pools_carry_correction"
        constraints = [
            models.UniqueConstraint(
                fields=["journal", "table", "model", "dataset_version", "part", "currency"],
                name="pools_carry_correction_once",
            ),
            models.CheckConstraint(name="pools_carry_correction_something", condition=~Q(amount_micros=0)),
        ]

    def __str__(self) -> str:
        return f"{self.journal_id} {self.amount_micros}"


class Conversion(models.Model):
    """What the sales of one day (of the rate) in one currency came to in the currency of a cycle's pools. One `base` is
    `rate_upper` ÷ `rate_lower` of `quote`; the rate is of the day `rate_on`, and was found in the `way` said. The sums
    of as many pools as `sums` were rounded each for itself, so the amount out is at most half a micro for each of them
    beside the product."""

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="conversions", db_index=False)
    day = models.DateField()
    base = models.CharField(max_length=3, db_collation="C")
    quote = models.CharField(max_length=3, db_collation="C")
    rate_upper = models.DecimalField(max_digits=100, decimal_places=0)
    rate_lower = models.DecimalField(max_digits=100, decimal_places=0)
    rate_on = models.DateField()
    source = models.TextField()
    way = models.TextField()
    sums = models.BigIntegerField()
    amount_in_micros = models.BigIntegerField()
    amount_out_micros = models.BigIntegerField()

    class Meta:
        db_table = "fx_conversion"
        ordering = ["cycle_id", "day", "base"]
        constraints = [
            models.UniqueConstraint(fields=["cycle", "day", "base"], name="fx_conversion_once"),
            models.CheckConstraint(name="fx_conversion_of_another", condition=~Q(base=F("quote"))),
            # That the amounts are the rate's, to the rounding, holds `fx_conversion_exact` (migration 0014).
            # For PostgreSQL NaN is greater than every number: the upper bounds keep it out.
            models.CheckConstraint(
                name="fx_conversion_positive",
                condition=Q(rate_upper__gt=0, rate_upper__lt=MAX_RATE_PART, sums__gt=0)
                & Q(rate_lower__gt=0, rate_lower__lt=MAX_RATE_PART),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cycle_id} {self.day} {self.base} to {self.quote}"

    @property
    def rate(self) -> Fraction:
        return Fraction(int(self.rate_upper), int(self.rate_lower))


class Match(models.Model):
    """That sales of a name which nobody knows are of a known model or dataset version: an operator's word. Append-only;
    of several for a name the latest counts, from the next lock on."""

    KINDS = ("model", "dataset_version")

    kind = models.TextField(choices=[(name, name) for name in KINDS], db_collation="C")
    name = models.TextField(db_collation="C")
    stands_for = models.TextField(db_collation="C")
    reason = models.TextField()
    matched_at = models.DateTimeField()
    matched_by = models.TextField()

    class Meta:
        db_table = "pools_match"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="pools_match_kind", condition=Q(kind__in=("model", "dataset_version"))),
            models.CheckConstraint(
                name="pools_match_says_all", condition=~Q(name="") & ~Q(stands_for="") & ~Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} is {self.stands_for}"
