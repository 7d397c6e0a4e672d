import secrets
from argparse import ArgumentParser
from typing import Any

from revshare.access.operations import FIRST_PASSWORD_DAYS, create_user
from revshare.access.rules import ROLES
from revshare.management import base


class Command(base.Command):
    help = "Create a user; prints a password once. --role may be given more than once."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", action="append", required=True, choices=ROLES, dest="roles")
        parser.add_argument("--contributor", metavar="ID", help="the contributor that the user is")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        password = secrets.token_urlsafe(12)
        user = create_user(
            name=options["name"], roles=options["roles"], contributor_id=options["contributor"], password=password,
            act=base.acting(None, "browse"), password_days=FIRST_PASSWORD_DAYS,
        )  # fmt: skip
        self.say(f"User {user.username} ({', '.join(user.roles)}), password: {password}")
        self.say(
            "It is not stored and will not be shown again. It opens the door for "
            f"{FIRST_PASSWORD_DAYS} days: by then its owner has chosen another (/account/password/)."
        )
        return {"name": user.username, "roles": user.roles, "password": password}
