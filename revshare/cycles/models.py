"""A payout cycle: a period, its state, and which sales it closed over."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from revshare.cycles.rules import STATES


def instants(start: str, end: str) -> Func:
    """[start, end) as PostgreSQL's tstzrange."""
    return Func(F(start), F(end), Value("[)"), function="tstzrange", output_field=DateTimeRangeField())


def numbers(after: str, upto: str) -> Func:
    """(after, upto] as PostgreSQL's int8range."""
    return Func(F(after), F(upto), Value("(]"), function="int8range")


class Cycle(models.Model):
    key = models.TextField(unique=True, db_collation="C")
    starts_on = models.DateField()
    ends_on = models.DateField()  # exclusive
    timezone = models.TextField()
    starts_at = models.DateTimeField()  # the first instant of starts_on in the time zone
    ends_at = models.DateTimeField()
    policy = models.ForeignKey("revshare.Policy", on_delete=models.PROTECT, related_name="cycles")
    state = models.TextField(choices=[(state, state) for state in STATES], default="open")
    opened_by = models.TextField()
    locked_at = models.DateTimeField(null=True, blank=True)
    locked_by = models.TextField(default="", blank=True)
    upto_seq = models.BigIntegerField(null=True, blank=True)  # the last sale that had come when it was locked
    pinned = models.JSONField(
        default=dict, blank=True
    )  # {"manifests": {version: sha256}, "models": {model: [version]}}
    input_digest = models.TextField(default="", blank=True)
    calculated_at = models.DateTimeField(null=True, blank=True)
    calculated_by = models.TextField(default="", blank=True)
    calculation = models.BigIntegerField(null=True, blank=True, unique=True)  # 1, 2, 3 … in order of calculation
    # The journals whose movements of contributors' accounts are on its statements: numbers in (after, upto].
    journals_after = models.BigIntegerField(null=True, blank=True)
    journals_upto = models.BigIntegerField(null=True, blank=True)
    result_digest = models.TextField(default="", blank=True)
    balances_sha256 = models.TextField(default="", blank=True)  # of the lake's file of all closing balances by then
    submitted_by = models.TextField(default="", blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.TextField(default="", blank=True)
    approved_digest = models.TextField(default="", blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.TextField(default="", blank=True)

    class Meta:
        db_table = "cycles_cycle"
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(name="cycles_state_known", condition=Q(state__in=STATES)),
            models.CheckConstraint(name="cycles_period_forward", condition=Q(starts_at__lt=F("ends_at"))),
            ExclusionConstraint(
                name="cycles_never_overlap",
                expressions=[(instants("starts_at", "ends_at"), RangeOperators.OVERLAPS)],
            ),
            models.CheckConstraint(
                name="cycles_locked_has_digest",
                condition=Q(state="open") | ~Q(input_digest="") & Q(upto_seq__isnull=False, locked_at__isnull=False),
            ),
            models.CheckConstraint(
                name="cycles_calculated_has_digest",
                condition=Q(state__in=["open", "locked"]) | ~Q(result_digest="") & Q(calculation__isnull=False),
            ),
            models.CheckConstraint(
                name="cycles_calculated_has_journals",
                condition=Q(state__in=["open", "locked"])
                | Q(journals_after__isnull=False, journals_upto__gte=F("journals_after")),
            ),
            ExclusionConstraint(
                name="cycles_movement_in_one_cycle",
                expressions=[(numbers("journals_after", "journals_upto"), RangeOperators.OVERLAPS)],
                condition=Q(journals_upto__isnull=False),
            ),
            models.CheckConstraint(
                name="cycles_approved_by_another",
                condition=Q(approved_by="")
                | ~Q(approved_by__in=[F("locked_by"), F("calculated_by"), F("submitted_by")])
                & Q(approved_digest=F("result_digest")),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Window(models.Model):
    """The sales of a cycle: those dated in [starts_at, ends_at) that arrived as number (after_seq, upto_seq].

    Its own period makes one window; each earlier period that had late arrivals makes another; a restatement may take
    late arrivals of its own period. No two windows of any cycles overlap, so a sale is in one cycle at most.
    """

    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    after_seq = models.BigIntegerField()
    upto_seq = models.BigIntegerField()
    late = models.BooleanField()
    # Of the cycle's own period: what the sales of all its windows came to when it was locked (`cycles.kept_sums`).
    sums = models.JSONField(null=True, blank=True)
    # Sales that a restatement of the cycle took; they are not in what the cycle itself calculated.
    restatement = models.ForeignKey(
        "revshare.Restatement", null=True, blank=True, on_delete=models.PROTECT, related_name="windows", db_index=False
    )

    class Meta:
        db_table = "cycles_window"
        ordering = ["starts_at", "after_seq"]
        constraints = [
            ExclusionConstraint(
                name="cycles_sale_in_one_cycle",
                expressions=[
                    (instants("starts_at", "ends_at"), RangeOperators.OVERLAPS),
                    (numbers("after_seq", "upto_seq"), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cycle_id} {self.starts_at} {self.after_seq}–{self.upto_seq}"
