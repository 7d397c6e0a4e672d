from typing import Any

from django.core.management.commands import migrate

from config.ownership import application_role, as_owner
from revshare.privileges import apply


class Command(migrate.Command):
    """Django's own, as the owner of the tables; then it gives the roles their rights (`revshare.privileges`)."""

    def handle(self, *args: Any, **options: Any) -> None:
        application = application_role()
        with as_owner():
            super().handle(*args, **options)
            apply(application=application)
