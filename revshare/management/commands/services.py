import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from config import embedded
from config.instance import home


class Command(BaseCommand):
    help = "The embedded PostgreSQL and Redis/Valkey of this instance: start, stop, status."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # They have been started on the way here (manage.py), as for any command.
            if options["action"] == "stop":
                stopped = embedded.stop(home())
                self.stdout.write(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
                return
            for service in embedded.status(home()):
                facts = asdict(service)
                self.stdout.write("  ".join(f"{key}: {value}" for key, value in facts.items() if value is not None))
        except embedded.ServiceError as error:
            self.stderr.write(str(error))
            sys.exit(1)
