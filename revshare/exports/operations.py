"""A cycle's files for finance: streamed from the database."""

from collections.abc import Iterator
from pathlib import Path

from revshare.errors import Refused
from revshare.exports.from_lake import write_payouts
from revshare.exports.tables import Export, check_format, in_place, table_blocks, write_draft

ENTRIES = (
    "ledger_account e JOIN pools_pool p ON p.id = e.pool_id JOIN cycles_cycle c ON c.id = e.cycle_id "
    "WHERE e.cycle_id = %s ORDER BY e.statement_no"
)
MOVED = ENTRIES.replace(
    "WHERE",
    "LEFT JOIN statements_moved m ON p.kind = 'movements' AND m.cycle_id = e.cycle_id "
    "AND m.contributor_id = e.contributor_id AND m.currency = p.currency WHERE",
)
ALLOCATED = ENTRIES.replace("ORDER BY", "AND NOT (p.kind = 'movements' AND e.statement_lines = 1) ORDER BY")
IDS = frozenset({"contributor_id"})
EXPORTS: dict[str, Export] = {
    "payouts": Export(
        {
            "contributor_id": "e.contributor_id", "currency": "p.currency",
            "amount_micros": "e.earned_micros",
        },
        ALLOCATED, IDS,
    ),
    "statements": Export(
        {
            "number": "c.key || '-' || to_char(e.statement_no, 'FM000000000')",
            "contributor_id": "e.contributor_id",
            "contributor_name": "(SELECT k.name FROM contributors_contributor k WHERE k.id = e.contributor_id)",
            "currency": "p.currency",
            "opening_micros": "e.opening_micros", "earned_micros": "e.earned_micros",
            **{f"{name}_micros": f"coalesce(m.{name}_micros, 0)" for name in ("adjusted", "withheld", "held", "paid")},
            "closing_micros": "e.opening_micros + e.earned_micros "
            "+ CASE p.kind WHEN 'movements' THEN e.amount_micros ELSE 0 END",
        },
        MOVED, IDS | {"number", "contributor_name"},
    ),
    "journal": Export(
        {"journal": "l.journal_id", "kind": "j.kind", "key": "j.key", "account": "l.account",
         "currency": "l.currency", "side": "l.side", "amount_micros": "l.amount_micros"},
        "ledger_every_leg l JOIN ledger_journal j ON j.seq = l.journal_id WHERE j.cycle_id = %s "
        "ORDER BY l.journal_id, l.account, l.currency", frozenset({"key"}),
    ),
    "splits": Export(
        {
            "contributor_id": "contributor_id", "payee_id": "payee_id", "currency": "currency",
            "earned_micros": "earned_micros", "share_millionths": "share_millionths", "amount_micros": "amount_micros",
        },
        'allocation_passed_on WHERE cycle_id = %s ORDER BY contributor_id COLLATE "C", payee_id COLLATE "C", currency',
        IDS | {"payee_id"},
    ),
}  # fmt: skip
USUAL = ("payouts", "statements", "journal")
"""What a cycle is exported as unless somebody asks for others."""


def find(kind: str) -> Export:
    if kind not in EXPORTS:
        raise Refused(f"There is no export called {kind!r}; there are {', '.join(EXPORTS)}.")
    return EXPORTS[kind]


def write(*, kind: str, cycle_id: int, format: str, target: Path) -> int:
    """Writes an export beside `target` and then in its place; returns the number of rows. Raises Refused."""
    export = find(kind)
    check_format(format)

    def draw(draft: Path) -> int:
        rows = write_payouts(cycle_id=cycle_id, draft=draft) if (kind, format) == ("payouts", "csv") else None
        return write_draft(export, [cycle_id], format, draft) if rows is None else rows

    return in_place(target, draw)


def csv_blocks(*, kind: str, cycle_id: int) -> Iterator[bytes]:
    """An export as CSV, block by block."""
    return table_blocks(find(kind), [cycle_id], "csv")
