"""What contributors owe, and what was taken back of it. Append-only: where a debt stands is said by its last step, and
what is left of it by what was taken."""

from django.db import models
from django.db.models import F, Q

from revshare.recoupments.rules import KINDS, MOVES


class Debt(models.Model):
    """An advance, or an overpayment moved off the contributor's account, which was below zero. Cycles whose last day is
    `starts_on` or later take it back. `noticed_on`: the day of the notice. `cycle`: whose calculation found it."""

    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="debts")
    currency = models.CharField(max_length=3, db_collation="C")
    kind = models.TextField(choices=[(kind, kind) for kind in KINDS])
    amount_micros = models.BigIntegerField()
    reason = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.TextField()
    noticed_on = models.DateField()
    starts_on = models.DateField()
    cycle = models.ForeignKey("revshare.Cycle", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "recoupments_debt"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cycle", "contributor", "currency"], name="recoupments_debt_found_once",
                condition=Q(cycle__isnull=False),
            ),
            models.CheckConstraint(name="recoupments_debt_positive", condition=Q(amount_micros__gt=0)),
            models.CheckConstraint(name="recoupments_debt_kind_known", condition=Q(kind__in=KINDS)),
            models.CheckConstraint(name="recoupments_debt_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(name="recoupments_debt_after_notice", condition=Q(starts_on__gte=F("noticed_on"))),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"debt {self.pk}"


class DebtStep(models.Model):
    """A move of a debt, why, and the journal that made it so. `amount_micros`: what the journal moved."""

    debt = models.ForeignKey(Debt, on_delete=models.PROTECT, related_name="steps", db_index=False)
    action = models.TextField(choices=[(name, name) for name in MOVES])
    source = models.TextField()
    target = models.TextField()
    text = models.TextField()
    at = models.DateTimeField()
    by = models.TextField()
    amount_micros = models.BigIntegerField(default=0)
    journal = models.ForeignKey("revshare.Journal", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "recoupments_step"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["debt", "source"], name="recoupments_step_once"),
            models.CheckConstraint(
                name="recoupments_step_allowed",
                condition=Q(action="book", source="asked", target="booked", amount_micros__gt=0, journal__isnull=False)
                | Q(action="decline", source="asked", target="declined", amount_micros=0, journal__isnull=True)
                | Q(
                    action="write_off", source="booked", target="written_off", amount_micros__gt=0,
                    journal__isnull=False,
                ),
            ),
            models.CheckConstraint(name="recoupments_step_says_why", condition=~Q(text="")),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"debt {self.debt_id} {self.target}"


class Recouped(models.Model):
    """What a cycle took back of a debt, of what it earned the contributor after splits and of the reserves that it
    released to them. The cycle's journal of kind `recoupment` moves the sum of these by account."""

    debt = models.ForeignKey(Debt, on_delete=models.PROTECT, related_name="recouped", db_index=False)
    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="+")
    earned_micros = models.BigIntegerField()
    released_micros = models.BigIntegerField(default=0)
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "recoupments_recouped"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["debt", "cycle"], name="recoupments_recouped_once"),
            models.CheckConstraint(
                name="recoupments_recouped_of_earnings",
                condition=Q(amount_micros__gt=0, amount_micros__lte=F("earned_micros") + F("released_micros")),
            ),
        ]

    def __str__(self) -> str:
        return f"debt {self.debt_id} in {self.cycle_id}"
