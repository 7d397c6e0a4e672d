"""A comparison of policies as text for a terminal."""

from collections.abc import Iterator

from revshare.lab.report import Column, Mover, Report, Rules, Table, decimals
from revshare.management.report import money
from revshare.money import format_micros, group_digits

ROWS = ("platform", "commons", "suspense", "held", "carried")


def lines(told: Report) -> Iterator[str]:
    yield f"Cycle {told.key} ({told.state}) under {len(told.rules)} polic{'y' if len(told.rules) == 1 else 'ies'}"
    for number, rules in enumerate(told.rules):
        yield from _rules(rules, is_own=not number)
    for table in told.tables:
        yield from _table(table)
        for column in table.columns[1:]:
            yield from _movers(column, table.currency)


def _rules(rules: Rules, *, is_own: bool) -> Iterator[str]:
    kind = "the cycle's own" if is_own else "registered" if rules.is_registered else "a draft, not registered"
    yield f"  {rules.name}: {kind}, SHA-256 {rules.sha256}"
    for name, sentences in rules.sentences.items():
        yield f"    {name}: {' '.join(sentences)}"
    for line in rules.pools:
        key, shared = line.pool.key, money(line.pool.distributable_micros, line.pool.key.currency)
        name = " ".join(filter(None, (key.table, key.model, key.dataset_version, key.part)))
        waits = f" (in suspense: {line.suspense_reason})" if line.suspense_reason else ""
        yield f"    pool {name}: {shared}, {line.pool.words}{waits}"


def _table(table: Table) -> Iterator[str]:
    """A row to a figure, a column to a policy."""

    def micros(amount: int) -> str:
        return _grouped(amount, table.currency)

    rows: list[tuple[str, list[str]]] = [("contributors paid", [f"{c.spread.contributors:,}" for c in table.columns])]
    rows += [("net sales", [micros(c.net_micros) for c in table.columns])]
    if any(c.carried_in_micros for c in table.columns):
        rows += [("carried in", [micros(c.carried_in_micros) for c in table.columns])]
    rows += [("to contributors", [micros(c.spread.total_micros) for c in table.columns])]
    rows += [(name, [micros(c.rest[name]) for c in table.columns]) for name in ROWS]
    rows += [
        ("Gini", [decimals(c.spread.gini, 4) for c in table.columns]),
        ("top 1% get", [f"{decimals(c.spread.top * 100, 2)}%" for c in table.columns]),
        ("median", [micros(c.spread.median_micros) for c in table.columns]),
    ]
    kept = [(c, c.after) for c in table.columns if c.after]
    if kept:
        rows += [
            ("moved by splits", [micros(c.passed_on_micros) for c, _ in kept]),
            ("paid after splits", [f"{after.contributors:,}" for _, after in kept]),
            ("Gini after splits", [decimals(after.gini, 4) for _, after in kept]),
        ]
    shifts = [c.shift for c in table.columns]
    for name in ("winners", "losers", "unchanged"):
        rows.append((name, [f"{getattr(s, name):,}" if s else "" for s in shifts]))
    rows.append(("gained", [micros(s.gained_micros) if s else "" for s in shifts]))
    rows.append(("lost", [micros(s.lost_micros) if s else "" for s in shifts]))
    widths = [max(len(c.name), *(len(row[1][n]) for row in rows)) for n, c in enumerate(table.columns)]
    heads = [c.name for c in table.columns]
    for title, cells in [(table.currency, heads), *rows]:
        shown = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        yield f"  {title:<18}{shown}".rstrip()


def _movers(column: Column, currency: str) -> Iterator[str]:
    for title, movers in (("Largest gains", column.gains), ("Largest losses", column.losses)):
        if movers:
            yield f"  {title} under {column.name}"
            yield from (f"    {_mover(mover, currency)}" for mover in movers)


def _mover(mover: Mover, currency: str) -> str:
    name = f"{mover.name} ({mover.contributor_id})" if mover.name else mover.contributor_id
    sign = "+" if mover.difference_micros > 0 else ""
    before, after, difference = (
        _grouped(micros, currency) for micros in (mover.before_micros, mover.after_micros, mover.difference_micros)
    )
    return f"{name}: {before} to {after} {currency} ({sign}{difference})"


def _grouped(micros: int, currency: str) -> str:
    units, point, rest = format_micros(abs(micros), currency).partition(".")
    return f"{'-' if micros < 0 else ''}{group_digits(int(units))}{point}{rest}"
