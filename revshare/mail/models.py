"""Letters to contributors by e-mail: one row for each, at most one per kind, event and contributor."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from revshare.mail.rules import KINDS, OPTIONAL, STATES


class Message(models.Model):
    """A letter to be sent. Its words are put together when it goes, in the contributor's language; the address is not
    kept. `event`: what it is about (`cycle:2026-05`, `step:12`, `event:991`, `destination:7`,
    `debt:3`). `unsure`: the sending process died."""

    kind = models.TextField(choices=[(kind, kind) for kind in KINDS])
    event = models.TextField()
    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.TextField(choices=[(state, state) for state in STATES], default="queued", db_default="queued")
    queued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0, db_default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(default="", db_default="", blank=True)

    class Meta:
        db_table = "mail_message"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["contributor", "kind", "event"], name="mail_message_once"),
            models.CheckConstraint(name="mail_message_kind", condition=Q(kind__in=KINDS)),
            models.CheckConstraint(name="mail_message_state", condition=Q(state__in=STATES)),
            models.CheckConstraint(
                name="mail_message_sent", condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent")
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="mail_message_due", condition=Q(state__in=["queued", "sending"])),
            models.Index(fields=["-id"], name="mail_message_lost", condition=Q(state__in=["failed", "unsure"])),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event} to {self.contributor_id}"


class Queued(models.Model):
    """That the letters about a published cycle are in the queue."""

    event = models.TextField(primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "mail_queued"

    def __str__(self) -> str:
        return self.event


class Preference(models.Model):
    """In which language a contributor reads, and which letters they do not want."""

    contributor = models.OneToOneField(
        "revshare.Contributor", primary_key=True, on_delete=models.PROTECT, related_name="+"
    )
    language = models.TextField(default="", blank=True)
    unwanted = ArrayField(models.TextField(), default=list, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "mail_preference"
        constraints = [
            models.CheckConstraint(
                name="mail_preference_optional_only", condition=Q(unwanted__contained_by=list(OPTIONAL))
            ),
        ]

    def __str__(self) -> str:
        return str(self.contributor_id)
