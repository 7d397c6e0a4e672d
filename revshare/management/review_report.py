"""A review as text for a terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from revshare.management.report import money
from revshare.reviews.models import OVERRIDE, STOP, Review

SAID = {"": "open", OVERRIDE: "overridden", STOP: "STOPPED"}
LISTS = (("risers", "rose"), ("fallers", "fell"), ("new", "new"), ("gone", "gone"))


def review_lines(review: Review, findings: Iterable[Any]) -> Iterator[str]:
    yield f"Cycle {review.cycle.key} beside {review.before.key if review.before else 'nothing: it is the first'}"
    for item in review.facts["differences"]:
        yield from _difference(item)
    for pool in review.facts["pools"]:
        now, before = pool["now"], pool["before"]
        currency = (now or before)["currency"]
        then, today = (money(each["net_micros"], currency) if each else "none" for each in (before, now))
        yield f"  Pool {pool['name']}: net {then} → {today}"
    waiting = list(findings)
    yield "  Nothing unusual was found." if not waiting else "  Unusual:"
    for found in waiting:
        state = SAID[found.decision] if found.blocks else "note"
        why = f" ({found.decided_by}: {found.reason})" if found.reason else ""
        yield f"    {found.number:>3}  {state:<10}  {found.rule}: {found.says}{why}"


def _difference(item: Any) -> Iterator[str]:
    code = item["currency"]
    yield f"  {code}: {money(item['before_micros'], code)} → {money(item['after_micros'], code)}"
    yield (
        f"    {item['paid_before']:,} → {item['paid_after']:,} contributors: {item['newcomers']:,} new "
        f"({money(item['newcomers_micros'], code)}), {item['dropouts']:,} gone ({money(item['dropouts_micros'], code)})"
    )
    for name, word in LISTS:
        for mover in item[name][:3]:
            then, now = money(mover["before_micros"], code), money(mover["after_micros"], code)
            yield f"    {word:<5} {mover['contributor_id']}: {then} → {now}"
