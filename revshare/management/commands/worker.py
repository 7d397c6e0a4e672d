import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from revshare.management.worker import start_worker, stop_worker


class Command(BaseCommand):
    help = "Run a Celery worker with the sweeper, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--processes", type=int, default=2)

    def handle(self, *args: Any, **options: Any) -> None:
        process = start_worker(processes=options["processes"])
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        self.stdout.write(f"A worker runs (process {process.pid}); its log is log/worker.log in the instance.")
        try:
            process.wait()
        except KeyboardInterrupt:
            stop_worker(process)
