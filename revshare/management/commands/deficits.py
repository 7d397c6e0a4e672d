from argparse import ArgumentParser
from typing import Any

from revshare.clock import now
from revshare.management import base
from revshare.management.report import money
from revshare.pools.deficits import deficits


class Command(base.Command):
    help = "List pools that owe: more was refunded than was sold, and their next sales make up for it first."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--by", metavar="USER", help="who looks")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        base.acting(options["by"], "browse")
        today, rows = now().date(), []
        for row in deficits():
            days = (today - row.since).days
            self.say(
                f"{row.pool}  {money(row.amount_micros, row.currency)} since {row.since_cycle}, {row.cycles:,} cycles "
                f"and {days:,} days; at most {money(row.worst_micros, row.currency)}"
            )
            rows.append(vars(row) | {"since": row.since.isoformat(), "days": days})
        if not rows:
            self.say("No pool owes anything.")
        return {"deficits": rows}
