"""What must run is a row here; the broker only hints at it."""

from django.db import models
from django.db.models import Q

LIVE = ("queued", "running")


class Run(models.Model):
    """One step on one subject (a cycle, an uploaded file), with the lease of the process that works on it."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    subject = models.TextField()  # "cycle:2011-11", "upload:<id>"
    step = models.TextField()  # "lock", "calculate", "publish", "ingest"
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    stage = models.TextField(default="", blank=True)
    progress_done = models.BigIntegerField(default=0)
    progress_total = models.BigIntegerField(default=0)
    request = models.JSONField(default=dict, blank=True)
    outcome = models.JSONField(default=dict, blank=True)
    error = models.TextField(default="", blank=True)
    actor = models.TextField()
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    attempts = models.IntegerField(default=0)
    token = models.BigIntegerField(default=0)  # rises with every claim: a process that lost its lease is known by it
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "runs_run"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["subject"], condition=Q(state__in=LIVE), name="runs_one_live_per_subject"),
            models.CheckConstraint(
                name="runs_state_known", condition=Q(state__in=["queued", "running", "done", "failed"])
            ),
        ]
        indexes = [models.Index(fields=["subject", "-id"], name="runs_by_subject")]

    def __str__(self) -> str:
        return f"{self.step} {self.subject} ({self.state})"

    @property
    def live(self) -> bool:
        return self.state in LIVE
