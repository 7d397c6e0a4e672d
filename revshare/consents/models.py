"""What contributors allow: opt-outs and opt-ins, dated, each with its source. Append-only; the latest effective one
counts (`queries.decisions`)."""

from django.db import models
from django.db.models import F, Q

DECISIONS = ("opt_out", "opt_in")


class Consent(models.Model):
    """A decision about one asset, or all of a contributor's (`asset_id` blank), in one dataset version or everywhere
    (`scope` blank)."""

    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False)
    asset_id = models.TextField(blank=True, db_collation="C")
    scope = models.TextField(blank=True, db_collation="C")
    effective_at = models.DateTimeField()
    decision = models.TextField(choices=[(name, name) for name in DECISIONS], db_collation="C")
    source = models.TextField(blank=True)
    file = models.ForeignKey("revshare.IngestedFile", on_delete=models.PROTECT, related_name="+", db_index=False)
    arrival = models.BigIntegerField()  # `files.row_tables`

    class Meta:
        db_table = "consents_consent"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["contributor", "asset_id", "scope", "effective_at"], name="consents_consent_once"
            ),
            models.CheckConstraint(name="consents_consent_decision", condition=Q(decision__in=DECISIONS)),
            models.CheckConstraint(name="consents_consent_arrival", condition=Q(arrival__gte=F("file"))),
        ]

    def __str__(self) -> str:
        return f"{self.decision} of {self.contributor_id} {self.asset_id}".rstrip()
