"""Requests of contributors to have what is personal deleted, and what was decided. Append-only."""

from django.db import models
from django.db.models import Q

OUTCOMES = ("granted", "refused")


class DeletionRequest(models.Model):
    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+")
    text = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    asked_by = models.TextField()

    class Meta:
        db_table = "personal_deletion_request"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"deletion request {self.pk} of {self.contributor_id}"


class DeletionDecision(models.Model):
    """One for each request. What was deleted is gone; what the ledger and the law keep stands under the bare id."""

    request = models.OneToOneField(DeletionRequest, primary_key=True, on_delete=models.PROTECT, related_name="decision")
    outcome = models.TextField(choices=[(name, name) for name in OUTCOMES])
    reason = models.TextField()
    decided_at = models.DateTimeField()
    decided_by = models.TextField()

    class Meta:
        db_table = "personal_deletion_decision"
        constraints = [
            models.CheckConstraint(name="personal_decision_outcome", condition=Q(outcome__in=OUTCOMES)),
            models.CheckConstraint(name="personal_decision_says_why", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.request_id}"
