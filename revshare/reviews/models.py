"""What is unusual about a calculated cycle, and what an approver said to it. Append-only."""

from django.db import models
from django.db.models import Q

from revshare.policies.review_terms import RULES

OVERRIDE, STOP = "override", "stop"
ACTIONS = (OVERRIDE, STOP)


class Review(models.Model):
    """A calculated cycle beside the one calculated before it. `result_digest`: of the result that it is about. `facts`:
    the difference, and what of its sales later reviews compare theirs with (`differences`, `takings`)."""

    cycle = models.OneToOneField("revshare.Cycle", on_delete=models.PROTECT, related_name="review")
    before = models.ForeignKey(
        "revshare.Cycle", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    result_digest = models.CharField(max_length=64)
    facts = models.JSONField()
    made_at = models.DateTimeField()
    made_by = models.TextField()

    class Meta:
        db_table = "reviews_review"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"review of {self.cycle_id}"


class Finding(models.Model):
    """Something that a rule of the policy found. One that `blocks` keeps the cycle from being approved until somebody
    overrode it. `measured`: the numbers behind the sentence, as text."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="findings", db_index=False)
    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="findings", db_index=False)
    number = models.IntegerField()
    rule = models.TextField(choices=[(rule, rule) for rule in RULES])
    subject = models.TextField(db_collation="C")
    currency = models.CharField(max_length=3, db_collation="C", blank=True, default="")
    blocks = models.BooleanField()
    says = models.TextField()
    measured = models.JSONField()
    contributor = models.ForeignKey(
        "revshare.Contributor", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        db_table = "reviews_finding"
        ordering = ["cycle_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["cycle", "number"], name="reviews_finding_once"),
            models.CheckConstraint(name="reviews_finding_rule_known", condition=Q(rule__in=RULES)),
        ]

    def __str__(self) -> str:
        return f"{self.cycle_id}: {self.number}"


class Decision(models.Model):
    """What an approver said to a finding. The last one counts."""

    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="decisions")
    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="+", db_index=False)
    action = models.TextField(choices=[(name, name) for name in ACTIONS])
    reason = models.TextField()
    at = models.DateTimeField()
    by = models.TextField()

    class Meta:
        db_table = "reviews_decision"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="reviews_decision_known", condition=Q(action__in=ACTIONS)),
            models.CheckConstraint(name="reviews_decision_says_why", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} {self.action}"
