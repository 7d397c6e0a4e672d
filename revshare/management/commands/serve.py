import signal
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import embedded
from config.instance import ROOT, home
from revshare.access.models import User
from revshare.management.worker import worker

STOP_SECONDS = 10


class Command(BaseCommand):
    help = "Run the web server and a worker, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT")
        parser.add_argument("--processes", type=int, default=2)
        parser.add_argument("--stop-services", action="store_true", help="at the end stop the embedded services too")

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        command = [
            sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", options["bind"], "--workers",
            str(options["processes"]), "--timeout", "120", "--no-control-socket",
        ]  # fmt: skip
        with worker():
            server = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
            self.stdout.write(f"revshare is at http://{options['bind']}/ (console: /console/, API: /api/v1/docs/).")
            if not User.objects.exists():
                self.stdout.write("Nobody can sign in yet: manage.py create_user NAME --role operator")
            ended = 0
            try:
                ended = server.wait()
            except KeyboardInterrupt:
                self.stdout.write("Stopping.")
            finally:
                server.terminate()
                server.wait(STOP_SECONDS)
        if options["stop_services"] and embedded.stop(home()):
            self.stdout.write("The services are stopped; any command starts them again.")
        if ended:
            raise CommandError(f"The web server ended by itself. Is {options['bind']} in use? --bind names another.")
