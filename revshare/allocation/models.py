"""Every pool split, to the micro, with what explains each amount."""

from django.db import models
from django.db.models import F, Q

from revshare.money import MICROS_PER_UNIT


class Bucket(models.TextChoices):
    CONTRIBUTOR = "contributor"
    PLATFORM = "platform"
    SUSPENSE = "suspense"
    CARRIED = "carried"
    COMMONS = "commons"
    HELD = "held"


class Rest(models.Model):
    """What of a pool goes to no contributor, or not yet. `reason`: why, where a bucket has several. Money that is held
    names whose it is; `units` is what it goes by, of the pool's denominator."""

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey("revshare.Pool", on_delete=models.PROTECT, related_name="+", db_index=False)
    bucket = models.TextField(choices=Bucket.choices)
    reason = models.TextField(default="", db_default="", blank=True)
    contributor = models.ForeignKey(
        "revshare.Contributor", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    units = models.BigIntegerField(default=0, db_default=0)
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "allocation_rest"
        indexes = [
            models.Index(fields=["reason", "contributor"], name="allocation_rest_held", condition=Q(bucket="held"))
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "bucket", "reason", "contributor"], name="allocation_rest_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="allocation_rest_signs",
                condition=Q(bucket="carried", amount_micros__lt=0)
                | Q(bucket="platform") & ~Q(amount_micros=0)  # below zero where more fees came back than were kept
                | Q(bucket="suspense", amount_micros__gt=0)
                | Q(bucket__in=["commons", "held"], amount_micros__gte=0),
            ),
            models.CheckConstraint(
                name="allocation_rest_held_for_somebody",
                condition=Q(bucket="held", contributor__isnull=False) | ~Q(bucket="held") & Q(contributor__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pool_id} {self.bucket} {self.amount_micros}"


class Correction(models.Model):
    """What a restatement changed of money in suspense or held, before it was released."""

    rest = models.ForeignKey(Rest, on_delete=models.PROTECT, related_name="corrections")
    journal = models.ForeignKey("revshare.Journal", on_delete=models.PROTECT, related_name="+", db_index=False)
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "allocation_correction"
        constraints = [
            models.UniqueConstraint(fields=["rest", "journal"], name="allocation_correction_once"),
            models.CheckConstraint(name="allocation_correction_something", condition=~Q(amount_micros=0)),
        ]

    def __str__(self) -> str:
        return f"{self.rest_id} by {self.amount_micros}"


class HeldRelease(models.Model):
    """Money that was held and is no more: whose it became, and by which journal. At most one for a rest."""

    rest = models.OneToOneField(Rest, primary_key=True, on_delete=models.PROTECT, related_name="held_release")
    journal = models.ForeignKey("revshare.Journal", on_delete=models.PROTECT, related_name="+")
    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "allocation_held_release"

    def __str__(self) -> str:
        return f"{self.rest_id} to {self.contributor_id}"


class PassedOn(models.Model):
    """What of a contributor's earnings in a cycle and currency went to a payee, by their splits in force on its last
    day. The journal of kind `split` moves the net of these by account."""

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="+")
    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False)
    payee = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3, db_collation="C")
    earned_micros = models.BigIntegerField()
    share_millionths = models.IntegerField()
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "allocation_passed_on"
        constraints = [
            models.UniqueConstraint(
                fields=["cycle", "contributor", "payee", "currency"], name="allocation_passed_on_once"
            ),
            models.CheckConstraint(
                name="allocation_passed_on_part",
                condition=Q(
                    earned_micros__gt=0, share_millionths__gte=1, share_millionths__lte=MICROS_PER_UNIT,
                    amount_micros__gte=0, amount_micros__lte=F("earned_micros"),
                ),
            ),
            models.CheckConstraint(name="allocation_passed_on_to_another", condition=~Q(payee=F("contributor"))),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.contributor_id} to {self.payee_id} {self.amount_micros} {self.currency}"


class Release(models.Model):
    """That a later cycle shared what an earlier one had set aside in suspense, all of it and once."""

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="+")
    rest = models.OneToOneField(Rest, on_delete=models.PROTECT, related_name="release")
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "allocation_release"
        constraints = [models.CheckConstraint(name="allocation_release_positive", condition=Q(amount_micros__gt=0))]

    def __str__(self) -> str:
        return f"{self.rest_id} in {self.cycle_id}"


class SuspenseDecision(models.Model):
    """What somebody decided about money in suspense that no match lets out: the next cycle shares it, with the pool it
    waits in or with the sales of a `model`; or it went to the platform or the commons fund, by a journal."""

    SHARE, SETTLED = "share", ("platform", "commons")

    rest = models.OneToOneField(Rest, primary_key=True, on_delete=models.PROTECT, related_name="decision")
    decision = models.TextField(choices=[(name, name) for name in (SHARE, *SETTLED)], db_collation="C")
    model = models.TextField(default="", blank=True, db_collation="C")
    journal = models.ForeignKey("revshare.Journal", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    decided_at = models.DateTimeField()
    decided_by = models.TextField()

    class Meta:
        db_table = "allocation_suspense_decision"
        ordering = ["-rest_id"]
        constraints = [
            models.CheckConstraint(
                name="allocation_suspense_decision_moves",
                condition=Q(decision="share", journal__isnull=True)
                | Q(decision__in=("platform", "commons"), journal__isnull=False, model=""),
            ),
            models.CheckConstraint(name="allocation_suspense_decision_says_why", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.rest_id} {self.decision}"


class Allocation(models.Model):
    """One amount of one pool. For a contributor: pool × numerator ÷ denominator, by largest remainder. A view over the
    entries of the ledger and the rest."""

    Bucket = Bucket

    id = models.BigIntegerField(primary_key=True)
    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.DO_NOTHING, related_name="+")
    pool = models.ForeignKey("revshare.Pool", on_delete=models.DO_NOTHING, related_name="allocations")
    currency = models.CharField(max_length=3)
    bucket = models.TextField(choices=Bucket.choices)
    contributor = models.ForeignKey(
        "revshare.Contributor", null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    numerator_ticks = models.BigIntegerField()
    amount_micros = models.BigIntegerField()
    first_no = models.IntegerField(null=True)  # names the folio in which it stands (`ledger.places`)

    class Meta:
        managed = False
        db_table = "allocation_allocation"

    def __str__(self) -> str:
        return f"{self.pool_id} {self.bucket} {self.amount_micros}"
