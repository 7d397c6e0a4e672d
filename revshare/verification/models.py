"""What `verify` found when a worker ran it. Append-only."""

from django.db import models
from django.db.models import Q


class StoredVerdict(models.Model):
    """One run of `verify` over everything. `findings`: the first ones, each with invariant, where and what."""

    run = models.OneToOneField("revshare.Run", on_delete=models.PROTECT, related_name="verdict")
    asked_at = models.DateTimeField()
    asked_by = models.TextField()
    checks = models.IntegerField()
    cycles = models.IntegerField()
    findings_count = models.IntegerField()
    findings = models.JSONField(default=list, blank=True)

    class Meta:
        db_table = "verification_verdict"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="verification_verdict_names_findings",
                condition=Q(findings_count=0, findings=[]) | Q(findings_count__gt=0) & ~Q(findings=[]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asked_at:%Y-%m-%d}: {self.findings_count} findings"

    @property
    def is_clean(self) -> bool:
        return not self.findings_count
