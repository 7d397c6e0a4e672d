from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from revshare.backups.taking import take
from revshare.clock import now
from revshare.management import base


class Command(base.Command):
    help = "Write a backup into a new folder, while work goes on. The signing key is not in it: keep that by itself."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        manifest = take(target=options["folder"], made_at=now(), progress=self.progress)
        self.progress("done", 0, 0)
        size = sum(int(size) for size, _ in manifest.files.values())
        files, event = len(manifest.files), manifest.event[0] if manifest.event else 0
        self.say(f"{files:,} files, {size:,} bytes are in {options['folder']}, as of event {event}.")
        self.say("Not in it: the signing key and the secret key (keep them by themselves), sessions' broker, exports.")
        return {
            "folder": str(options["folder"]), "sha256": manifest.sha256, "files": files, "bytes": size,
            "event": manifest.event, "journal": manifest.journal,
        }  # fmt: skip
