"""The people who sign in, the tokens of their programs, and whose password was tried in vain."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from revshare.access.rules import ROLES, may


class User(AbstractUser):
    """A person, with the roles that say what they may do (`rules.MAY`). A contributor is tied to one contributor id."""

    roles = ArrayField(models.TextField(choices=[(role, role) for role in ROLES]), default=list, blank=True)
    contributor = models.ForeignKey(
        "revshare.Contributor", null=True, blank=True, on_delete=models.PROTECT, related_name="users"
    )
    password_ends_at = models.DateTimeField(null=True, blank=True, editable=False)  # of one that another person knew

    class Meta:
        db_table = "access_user"
        constraints = [
            models.CheckConstraint(name="access_user_roles_known", condition=Q(roles__contained_by=list(ROLES))),
            models.CheckConstraint(
                name="access_user_contributor_has_id",
                condition=~Q(roles__contains=["contributor"]) | Q(contributor__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def may(self, action: str) -> bool:
        """Whether this person may do that, by the one table."""
        return may(roles=self.roles, action=action, superuser=self.is_superuser)


class ApiToken(models.Model):
    """A program's key to what its person may do. Only the hash is kept: the token is shown once."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    sha256 = models.CharField(max_length=64, unique=True)
    purpose = models.TextField(default="", blank=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "access_token"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="access_token_is_hash", condition=Q(sha256__regex="^[0-9a-f]{64}$")),
            models.CheckConstraint(name="access_token_expires", condition=Q(expires_at__gt=models.F("made_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.pk} of {self.user_id}"


class FailedAttempt(models.Model):
    """A password or a code that was wrong: for which name (hashed, since people type passwords there), from where."""

    name_sha256 = models.CharField(max_length=64)
    address = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "access_failed_attempt"
        indexes = [
            models.Index(fields=["name_sha256", "at"], name="access_failed_by_name"),
            models.Index(fields=["address", "at"], name="access_failed_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.at}"
