from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from revshare.clock import now
from revshare.consents.assets import held, standings
from revshare.contributors.models import Contributor
from revshare.errors import NotFound, Refused
from revshare.management import base

MOST = 10_000


class Command(base.Command):
    help = "Say in which dataset versions and models a contributor's assets stand."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("contributor", metavar="CONTRIBUTOR")
        parser.add_argument("--search", default="", metavar="TEXT", help="only assets whose id begins so")
        parser.add_argument("--limit", type=int, default=50, metavar="N", help=f"how many at once, at most {MOST:,}")
        parser.add_argument("--after", nargs=2, default=("", ""), metavar=("ASSET", "VERSION"), help="go on after this")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        contributor = options["contributor"]
        if not Contributor.objects.filter(pk=contributor).exists():
            raise NotFound(f"There is no contributor {contributor!r}.")
        if not 1 <= options["limit"] <= MOST:
            raise Refused(f"--limit is from 1 to {MOST:,}.")
        versions = held(contributor_id=contributor)
        page = standings(
            contributor_id=contributor, at=now(), size=options["limit"], search=options["search"],
            after=tuple(options["after"]),
        )  # fmt: skip
        for version in versions:
            when = f"frozen {version.frozen_at:%Y-%m-%d}" if version.frozen_at else "not frozen yet"
            models = f"; models: {', '.join(version.models)}" if version.models else ""
            self.say(f"{version.dataset_version}: {version.assets:,} assets, {when}{models}")
        for row in page.rows:
            self.say(f"  {row.asset_id}  {row.dataset_version}{'  opted out before' if row.opted_out else ''}")
        if page.more:
            self.say(f"  … more: --after {' '.join(page.rows[-1].place)}")
        if not versions:
            self.say(f"{contributor} stands in no dataset version.")
        return {
            "contributor_id": contributor, "versions": [_plain(asdict(version)) for version in versions],
            "assets": [_plain(asdict(row)) for row in page.rows], "more": page.more,
        }  # fmt: skip


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"frozen_at": row["frozen_at"].isoformat() if row["frozen_at"] else None}
