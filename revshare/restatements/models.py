"""Closed cycles computed again: what comes out differently, and what became of that. Append-only."""

from django.db import models
from django.db.models import F, Q

from revshare.restatements.rules import ACTIONS, BUCKETS


class Restatement(models.Model):
    """A published cycle computed again. What it is compared with is the cycle and its posted restatements, of which
    `base` is the last. `options`: what was asked for; `pinned` and `policy`: what it was computed from. `totals`: by
    currency and bucket, before and after, in micros as they move the account. `digest`: over all that, and the lines.
    Late sales that it takes arrived as number (after_seq, upto_seq]; if these are several ranges, `ranges` has them."""

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="restatements")
    number = models.IntegerField()
    base = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    words = models.TextField()
    options = models.JSONField()
    policy = models.ForeignKey("revshare.Policy", on_delete=models.PROTECT, related_name="+", db_index=False)
    pinned = models.JSONField()
    after_seq = models.BigIntegerField(null=True, blank=True)
    upto_seq = models.BigIntegerField(null=True, blank=True)
    ranges = models.JSONField(default=list, db_default=[])
    totals = models.JSONField()
    digest = models.CharField(max_length=64)
    drafted_at = models.DateTimeField()
    drafted_by = models.TextField()

    class Meta:
        db_table = "restatements_restatement"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["cycle", "number"], name="restatements_number_once"),
            models.CheckConstraint(
                name="restatements_late_range",
                condition=Q(after_seq__isnull=True, upto_seq__isnull=True) | Q(upto_seq__gt=F("after_seq"), ranges=[]),
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        return f"{self.cycle.key}/{self.number}"

    @property
    def late_spans(self) -> list[tuple[int, int]]:
        """The ranges of arrivals of the late sales that it takes."""
        if self.after_seq is not None and self.upto_seq is not None:
            return [(self.after_seq, self.upto_seq)]
        return [(after, upto) for after, upto in self.ranges]


class RestatementLine(models.Model):
    """An amount that comes out differently, with its sign as it moves the account: of a contributor by pool, of a
    bucket by pool. `reason`: why, where a bucket has several; of a split, between whom."""

    id = models.BigAutoField(primary_key=True)
    restatement = models.ForeignKey(Restatement, on_delete=models.PROTECT, related_name="lines", db_index=False)
    bucket = models.TextField(choices=[(name, name) for name in BUCKETS], db_collation="C")
    table = models.TextField(db_collation="C")
    model = models.TextField(db_collation="C")
    dataset_version = models.TextField(db_collation="C")
    part = models.TextField(db_collation="C")
    currency = models.CharField(max_length=3, db_collation="C")
    reason = models.TextField(db_collation="C")
    contributor = models.ForeignKey(
        "revshare.Contributor", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    old_micros = models.BigIntegerField()
    new_micros = models.BigIntegerField()

    class Meta:
        db_table = "restatements_line"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "restatement", "bucket", "contributor", "currency", "table", "model", "dataset_version", "part",
                    "reason",
                ],
                name="restatements_line_once", nulls_distinct=False,
            ),
            models.CheckConstraint(name="restatements_line_differs", condition=~Q(old_micros=F("new_micros"))),
            models.CheckConstraint(name="restatements_line_bucket", condition=Q(bucket__in=BUCKETS)),
            models.CheckConstraint(
                name="restatements_line_of_somebody",
                condition=Q(bucket__in=["contributor", "split", "held"], contributor__isnull=False)
                | ~Q(bucket__in=["contributor", "split", "held"]) & Q(contributor__isnull=True),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.restatement_id} {self.bucket} {self.difference_micros}"

    @property
    def difference_micros(self) -> int:
        return self.new_micros - self.old_micros

    @property
    def pool(self) -> str:
        """What people call it, as `pools.Pool.name`."""
        parts = (self.table, self.model or self.dataset_version, self.part, self.currency)
        return " · ".join(part for part in parts if part)


class RestatementStep(models.Model):
    """A move of a restatement: approved over its digest, or posted as a journal."""

    restatement = models.ForeignKey(Restatement, on_delete=models.PROTECT, related_name="steps", db_index=False)
    action = models.TextField(choices=[(name, name) for name in ACTIONS])
    digest = models.CharField(max_length=64)
    journal = models.OneToOneField(
        "revshare.Journal", null=True, blank=True, on_delete=models.PROTECT, related_name="restatement"
    )
    at = models.DateTimeField()
    by = models.TextField()

    class Meta:
        db_table = "restatements_step"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["restatement", "action"], name="restatements_step_once"),
            models.CheckConstraint(
                name="restatements_step_allowed",
                condition=Q(action="approve", journal__isnull=True) | Q(action="post", journal__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.restatement_id} {self.action}"
