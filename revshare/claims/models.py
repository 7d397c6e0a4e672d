"""Who says that an asset is theirs, and what came of it. Append-only: where a claim stands is said by its last step."""

from django.db import models
from django.db.models import F, Q

from revshare.claims.rules import MOVES


class Claim(models.Model):
    """That an asset of a dataset version is the claimant's. `proof`: what there is at first; the full proof follows by
    `due_at`, or the claim lapses."""

    claimant = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False)
    dataset_version = models.TextField(db_collation="C")
    asset_id = models.TextField(db_collation="C")
    proof = models.TextField()
    filed_at = models.DateTimeField()
    filed_by = models.TextField()
    due_at = models.DateTimeField()

    class Meta:
        db_table = "claims_claim"
        ordering = ["-id"]
        indexes = [models.Index(fields=["dataset_version", "asset_id"], name="claims_claim_by_asset")]
        constraints = [
            models.CheckConstraint(name="claims_claim_has_days", condition=Q(due_at__gt=F("filed_at"))),
            models.CheckConstraint(name="claims_claim_has_proof", condition=~Q(proof="")),
        ]

    def __str__(self) -> str:
        return f"claim {self.pk}"


class ClaimStep(models.Model):
    """A move of a claim: the full proof came (`text`), or it was decided, and why."""

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="steps", db_index=False)
    action = models.TextField(choices=[(name, name) for name in dict.fromkeys(move.action for move in MOVES)])
    source = models.TextField()
    target = models.TextField()
    text = models.TextField()
    at = models.DateTimeField()
    by = models.TextField()

    class Meta:
        db_table = "claims_step"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["claim", "source"], name="claims_step_once"),
            models.CheckConstraint(
                name="claims_step_allowed",
                condition=Q(action="prove", source="filed", target="proven")
                | Q(action="lapse", source="filed", target="lapsed")
                | Q(action="reject", source__in=["filed", "proven"], target="rejected")
                | Q(action="uphold", source="proven", target="upheld"),
            ),
            models.CheckConstraint(name="claims_step_says_why", condition=~Q(text="")),
        ]

    def __str__(self) -> str:
        return f"claim {self.claim_id} {self.target}"
