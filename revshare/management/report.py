"""A cycle as text for a terminal."""

from collections.abc import Iterator

from revshare.cycles.summary import PoolSummary, Summary
from revshare.exports.statement_words import counted
from revshare.money import format_micros, group_digits
from revshare.pools.exchange import rate_text


def money(micros: int, currency: str) -> str:
    """Readable and exact: `GBP 295,960.05 (295,960,050,000 micros)`."""
    sign = "-" if micros < 0 else ""
    units, point, decimals = format_micros(abs(micros), currency).partition(".")
    return f"{currency} {sign}{group_digits(int(units))}{point}{decimals} ({group_digits(micros)} micros)"


def lines(summary: Summary) -> Iterator[str]:
    """The numbers of a calculated cycle."""
    cycle = summary.cycle
    yield f"Cycle {cycle.key}: {cycle.starts_on} to {cycle.ends_on} ({cycle.timezone}), {cycle.state}"
    for item in summary.pools:
        yield from _pool(item)
    yield from _conversions(summary)
    yield "  Largest payouts"
    width = max((len(payout.name) for payout in summary.largest), default=0)
    for payout in summary.largest:
        yield f"    {payout.name:<{width}}  {payout.contributor_id}  {money(payout.amount_micros, payout.currency)}"
    if summary.journal:
        yield f"  Journal {summary.journal.seq}: {summary.journal.legs_count:,} legs, hash {summary.journal.hash[:16]}…"
    for currency, total in summary.numbers.trial_balance.items():
        yield f"  Trial balance {currency}: {total}"
    count, total = summary.numbers.unlinked_refunds
    if count:
        yield f"  Refunds that name no sale: {count:,}, {group_digits(total)} micros in all"
    for out in summary.opted_out:
        yield (
            f"  Opted out before it was frozen, and in {out.dataset_version}: {out.records:,} records "
            f"({out.ticks:,} ticks), {out.words}"
        )
    if summary.numbers.late_sales:
        yield f"  Late sales: {summary.numbers.late_sales:,}"
    if summary.numbers.sales_outside:
        yield f"  Sales dated in no cycle (kept, unassigned): {summary.numbers.sales_outside:,}"


def _pool(item: PoolSummary) -> Iterator[str]:
    pool = item.pool
    yield f"  Pool {pool.name}"
    yield f"    net sales       {money(pool.net_micros, pool.currency)} from {pool.sales_count:,} rows"
    if pool.carried_in_micros or pool.carried_out_micros:
        yield f"    carried in      {money(pool.carried_in_micros, pool.currency)}"
        yield f"    carried out     {money(pool.carried_out_micros, pool.currency)}"
    if pool.released_micros:
        yield f"    from suspense   {money(pool.released_micros, pool.currency)}"
    yield f"    share           {pool.share}"
    yield f"    to contributors {money(pool.distributable_micros, pool.currency)}"
    what = counted(pool.measure, pool.denominator_ticks, pool.currency)
    yield f"    denominator     {what} {pool.measure} ({pool.denominator_ticks:,} units)"
    yield f"    contributors    {item.contributors:,}"
    if pool.suspense_reason:
        yield f"    in suspense     {pool.suspense_reason}"
    for bucket, micros in sorted(item.set_aside.items()):
        yield f"    {bucket:15} {money(micros, pool.currency)}"
    if pool.commons_micros:
        yield f"    commons share   {money(pool.commons_micros, pool.currency)}"
    aside = sum(item.set_aside.values())
    left = pool.distributable_micros - item.allocated_micros - aside if item.contributors else 0
    yield (
        f"    residue         {item.residue_micros:,} micros of rounding, one each to the largest remainders; "
        f"{left} left over"
    )


def _conversions(summary: Summary) -> Iterator[str]:
    for rate in summary.conversions:
        yield f"  Sales of {rate.day} in {rate.base}, at {rate_text(rate.rate)} ({rate.source}, {rate.rate_on})"
        yield f"    net sales       {money(rate.amount_in_micros, rate.base)}"
        yield f"    come to         {money(rate.amount_out_micros, rate.quote)}"
