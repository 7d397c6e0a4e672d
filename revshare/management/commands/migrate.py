from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from config.embedded import ServiceError
from config.ownership import application_role, as_owner
from revshare.errors import Refused
from revshare.privileges import apply, check_ownership


class Command(migrate.Command):
    """Django's own, as the owner of the tables; then it gives the roles their rights (`revshare.privileges`)."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            application = application_role()
            with as_owner():
                check_ownership()
                super().handle(*args, **options)
                if not (options["plan"] or options["check_unapplied"]):
                    apply(application=application)
        except (ServiceError, Refused) as error:
            raise CommandError(str(error)) from None
