"""Invitations to accounts: a link for one contributor, once, for a while."""

from django.db import models
from django.db.models import F, Q


class Invitation(models.Model):
    """The link's token is not kept, only its hash; the letter works it out again from `nonce` and the instance's secret
    key. Once used or void it does not change."""

    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+")
    email = models.TextField(blank=True)  # goes when the contributor's data goes
    nonce = models.TextField()
    token_sha256 = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    made_by = models.TextField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "invitations_invitation"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="invitations_expires", condition=Q(expires_at__gt=F("made_at"))),
            models.CheckConstraint(
                name="invitations_used_or_void", condition=Q(used_at__isnull=True) | Q(voided_at__isnull=True)
            ),
            models.CheckConstraint(
                name="invitations_used_in_time", condition=Q(used_at__isnull=True) | Q(used_at__lte=F("expires_at"))
            ),
            models.UniqueConstraint(
                fields=["contributor"],
                name="invitations_one_open",
                condition=Q(used_at__isnull=True, voided_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk} of {self.contributor_id}"
