"""That this instance came out of a backup, and what it must come to again before it may publish and pay."""

from django.db import models
from django.db.models import Q


class Restoration(models.Model):
    """A restore. Until it is reconciled, nothing is published and nobody is paid, but for what `expected` names:
    {"cycles": {key: result digest}, "batches": {id: digest}}, which was published and paid after the backup and is
    done again here."""

    backup_sha256 = models.CharField(max_length=64, blank=True)  # of its manifest; blank: it was no restore of ours
    restored_at = models.DateTimeField()
    restored_by = models.TextField()
    expected = models.JSONField(default=dict, blank=True)
    reconciled_at = models.DateTimeField(null=True, blank=True)
    reconciled_by = models.TextField(default="", blank=True)

    class Meta:
        db_table = "continuity_restoration"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="continuity_reconciled_by_somebody",
                condition=Q(reconciled_at__isnull=True, reconciled_by="")
                | Q(reconciled_at__isnull=False) & ~Q(reconciled_by=""),
            ),
        ]

    def __str__(self) -> str:
        return f"restored {self.restored_at:%Y-%m-%d %H:%M}"
