"""A restatement in lines and as JSON, for the commands that show one."""

from collections.abc import Iterator
from typing import Any

from revshare.management.report import money
from revshare.restatements.models import Restatement
from revshare.restatements.queries import largest, state, steps_of

SHOWN = 10


def told(restatement: Restatement) -> Iterator[str]:
    """Where it stands, what it changes by bucket, and the largest differences of contributors."""
    yield f"{restatement.key} ({state(restatement)}): {restatement.words}; digest {restatement.digest}"
    for currency, buckets in sorted(restatement.totals.items()):
        for bucket, (old, new) in sorted(buckets.items()):
            if old != new:
                yield f"  {bucket}: {money(old, currency)} -> {money(new, currency)} ({money(new - old, currency)})"
    for line in largest(restatement, SHOWN):
        what = f"{line.pool}{f', {line.reason}' if line.reason else ''}"
        amounts = [
            money(micros, line.currency) for micros in (line.old_micros, line.new_micros, line.difference_micros)
        ]
        yield f"  {line.contributor_id}  {what}: {amounts[0]} -> {amounts[1]} ({amounts[2]})"
    if not restatement.lines.exists():
        yield "  Nothing comes out differently: there is nothing to post."


def described(restatement: Restatement) -> dict[str, Any]:
    steps = steps_of(restatement)
    return {
        "restatement": restatement.key, "cycle": restatement.cycle.key, "state": state(restatement),
        "words": restatement.words, "options": restatement.options, "policy": str(restatement.policy),
        "digest": restatement.digest, "totals": restatement.totals, "lines": restatement.lines.count(),
        "drafted_by": restatement.drafted_by, "approved_by": steps["approve"].by if "approve" in steps else "",
        "posted_by": steps["post"].by if "post" in steps else "",
        "journal": steps["post"].journal_id if "post" in steps else None,
    }  # fmt: skip
