"""The exchange rates of a cycle: found among those that had arrived, and what they made of its sales."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from revshare.errors import Refused
from revshare.policies.currency import AVERAGE, Currency
from revshare.pools.exchange import Converted, Exchange
from revshare.pools.models import Conversion
from revshare.pools.sources import Sources, attributed_query, dated_currencies
from revshare.rates.queries import rates
from revshare.rates.rules import Board, Found, board, found_in, mean

SHOWN = 5


class RateMissing(Refused):
    """Sales are in a currency of which no rate says what it is worth in that of the pools."""

    code = "rate_missing"


def exchange_of(sources: Sources) -> Exchange | None:
    """The rates that the sales of a cycle need; None if the policy has no currency of its own. Raises RateMissing."""
    rule = sources.rulebook.currency
    if rule is None:
        return None
    needed = [(day, base) for day, base in dated_currencies(sources) if base != rule.pools]
    boards = _boards(sources, rule, sorted({day for day, _ in needed}))
    found = {(day, base): _found(boards, day, base, rule) for day, base in needed}
    if missing := [f"{base}/{rule.pools} of {day}" for (day, base), rate in found.items() if rate is None]:
        named = ", ".join(missing[:SHOWN]) + (f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else "")
        source = f" by {rule.source}" if rule.source else ""
        raise RateMissing(f"No rate{source} for {named}, and no way to one: take in a rates file that has it.")
    return Exchange(rule.pools, {key: rate for key, rate in found.items() if rate is not None}, rule.words)


def _boards(sources: Sources, rule: Currency, days: Sequence[date]) -> dict[date, Board]:
    """The rates by day; under an average, one mean for the last day of the cycle."""
    if not days:
        return {}
    start, end = sources.days
    if rule.rate != AVERAGE:
        start, end = days[0] - timedelta(days=rule.max_age_days), days[-1] + timedelta(days=1)
    given = rates(start=start, end=end, upto_arrival=sources.upto_arrival, source=rule.source)
    if rule.rate == AVERAGE:
        return {days[0]: mean(given)}
    return {day: board(rate for rate in given if rate.on == day) for day in {rate.on for rate in given}}


def _found(boards: dict[date, Board], day: date, base: str, rule: Currency) -> Found | None:
    """By the rates of the day, else of the day before, as far back as the policy allows."""
    for age in range(rule.max_age_days + 1):
        found = found_in(boards.get(day - timedelta(days=age), {}), base=base, quote=rule.pools)
        if found is not None:
            return found
    return None


def units_query(sources: Sources) -> tuple[str, list[Any]] | None:
    """SQL of `attributed_query` in the currency of the pools: stream, model, dataset_version, currency, rate, role,
    contributor_id, units. Units are rounded as money is; the pools are divided in their ratio. Raises RateMissing."""
    found = attributed_query(sources)
    if found is None:
        return None
    query, params = found
    exchange = exchange_of(sources)
    columns = "stream, model, dataset_version, {} AS currency, rate, role, contributor_id"
    if exchange is None:
        return f"SELECT {columns.format('currency')}, micros AS units FROM ({query}) attributed", params
    keys = sorted(exchange.found)
    used = [exchange.found[key].rate for key in keys]
    listed = [[day for day, _ in keys], [base for _, base in keys]]
    listed += [[str(rate.numerator) for rate in used], [str(rate.denominator) for rate in used]]
    product = "abs(micros)::numeric * upper"
    twice, whole = f"mod({product}, lower) * 2", f"div({product}, lower)"
    up = f"({twice} > lower OR {twice} = lower AND mod({whole}, 2) = 1)::integer"  # halves to the even number
    units = f"CASE WHEN lower IS NULL THEN micros ELSE sign(micros) * ({whole} + {up}) END"
    return (
        f"SELECT {columns.format('%s::text')}, sum({units})::bigint AS units FROM ({query}) attributed "
        "LEFT JOIN unnest(%s::date[], %s::text[], %s::numeric[], %s::numeric[]) AS fx (day, base, upper, lower) "
        "ON fx.day = attributed.day AND fx.base = attributed.currency GROUP BY 1, 2, 3, 4, 5, 6, 7",
        [exchange.quote, *params, *listed],
    )


def canonical_lines(sources: Sources) -> Iterator[bytes]:
    """The rates in use, as bytes that depend on nothing else; nothing if the policy has no currency of its own. Raises
    RateMissing."""
    exchange = exchange_of(sources)
    if exchange is None:
        return
    for (day, base), found in sorted(exchange.found.items()):
        rate = f"{found.rate.numerator}/{found.rate.denominator}"
        line = [str(day), base, exchange.quote, rate, str(found.on), found.source, found.way]
        yield ("rate," + ",".join('"' + value.replace('"', '""') + '"' for value in line) + "\n").encode()


def as_row(cycle_id: int, item: Converted) -> Conversion:
    return Conversion(
        cycle_id=cycle_id, day=item.day, base=item.base, quote=item.quote, rate_on=item.found.on,
        rate_upper=item.found.rate.numerator, rate_lower=item.found.rate.denominator, source=item.found.source,
        way=item.found.way, sums=item.sums, amount_in_micros=item.amount_in_micros,
        amount_out_micros=item.amount_out_micros,
    )  # fmt: skip
