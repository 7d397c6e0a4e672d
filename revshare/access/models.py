"""The people who sign in."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from revshare.access.rules import ROLES


class User(AbstractUser):
    """A person, with the roles that say what they may do (`rules.MAY`). A contributor is tied to one contributor id."""

    roles = ArrayField(models.TextField(choices=[(role, role) for role in ROLES]), default=list, blank=True)
    contributor = models.ForeignKey(
        "revshare.Contributor", null=True, blank=True, on_delete=models.PROTECT, related_name="users"
    )

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
