"""Append-only: who did what, when, to what, and why; a gapless hash chain."""

from django.db import models


class Event(models.Model):
    """One deed. `hash` covers all the other fields and the event before, so that an edit anywhere shows."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.TextField()
    action = models.TextField()
    object = models.TextField()
    detail = models.JSONField(default=dict)
    prev_hash = models.TextField()
    hash = models.TextField(unique=True)

    class Meta:
        db_table = "audit_event"
        ordering = ["-seq"]
        indexes = [models.Index(fields=["object"], name="audit_event_object")]

    def __str__(self) -> str:
        return f"{self.seq} {self.actor} {self.action} {self.object}"
