"""Reads over statements."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from revshare.ledger.models import AccountControl, Journal
from revshare.ledger.places import FirstInFolio, OnRollIn, OnRollOf
from revshare.ledger.queries import ALLOCATION_JOURNAL, PAYABLE
from revshare.money import format_micros
from revshare.pools.models import Pool
from revshare.recoupments.queries import taken_back
from revshare.recoupments.rules import RECOUPMENT
from revshare.statements.models import NUMBERS_PER_CYCLE, Statement
from revshare.statements.rules import Content, Line, Movement

PUBLISHED = ("published", "settled")


# From the entries themselves: the views over them take longer to plan than to read.
LINES = """
    SELECT p."table", p.model, p.dataset_version, p.part, p.measure, p.distributable_micros, e.numerator_ticks,
           p.denominator_ticks, e.amount_micros, p.net_micros, p.carried_in_micros, p.deducted_micros, p.commons_micros,
           p.released_micros, p.rule, p.share, p.kind
    FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id
    WHERE e.cycle_id = %s AND e.first_no = %s AND e.contributor_id = %s
    ORDER BY p.kind = 'movements', p."table", p.model, p.dataset_version, p.part
"""
OF_LINE = 9  # the first columns are of the line itself
MOVEMENTS = """
    SELECT kind, key, amount_micros FROM ledger_movement WHERE cycle_id = %s AND account = %s AND currency = %s
    ORDER BY journal_id
"""


@dataclass(frozen=True)
class Explained:
    """A statement with what goes with each of its lines: the rule and the share in words, and of its pool what it was
    made of (net, carried in, deducted, for the commons, released; micros)."""

    statement: Statement
    content: Content
    rules: tuple[str, ...]
    shares: tuple[str, ...]
    pools_micros: tuple[tuple[int, ...], ...]
    chain_head: str


def of_contributor(contributor_id: str) -> QuerySet[Statement]:
    """All of a contributor's statements."""
    return Statement.objects.filter(
        OnRollOf(contributor_id, view=Statement._meta.db_table), contributor_id=contributor_id
    )


def of_contributor_in(cycle_id: int, contributor_id: str) -> QuerySet[Statement]:
    """A contributor's statements of one cycle."""
    return Statement.objects.filter(
        OnRollIn(cycle_id, contributor_id, view=Statement._meta.db_table), cycle_id=cycle_id,
        contributor_id=contributor_id,
    )  # fmt: skip


def numbered(cycle_id: int, first: int, last: int) -> QuerySet[Statement]:
    """The statements `first` to `last` of a cycle."""
    return Statement.objects.filter(
        cycle_id=cycle_id, ordinal__gte=first, ordinal__lte=last, first_no__gte=FirstInFolio(cycle_id, first),
        first_no__lte=last,
    )  # fmt: skip


def published_for(contributor_id: str) -> QuerySet[Statement]:
    """A contributor's own statements, latest first: only those of published cycles. Without what their locks pinned,
    which names every model."""
    return (
        of_contributor(contributor_id)
        .filter(cycle__state__in=PUBLISHED)
        .select_related("cycle", "cycle__policy", "contributor")
        .defer("cycle__pinned")
        .order_by("-cycle__starts_at", "currency")
    )


def by_number(number: str) -> QuerySet[Statement]:
    """The statement of this number, if there is one. A number is the cycle's key and the place in the cycle."""
    key, _, ordinal = number.rpartition("-")
    if not (key and ordinal.isascii() and ordinal.isdigit() and len(ordinal) == len(str(NUMBERS_PER_CYCLE)) - 1):
        return Statement.objects.none()
    # Which cycle first: a join with its key would look into the partitions of all of them.
    cycle_id = AccountControl.objects.filter(cycle__key=key).values_list("cycle_id", flat=True).first()
    return Statement.objects.none() if cycle_id is None else numbered(cycle_id, int(ordinal), int(ordinal))


def by_id(pk: int) -> QuerySet[Statement]:
    """The statement of this id, if there is one."""
    cycle, ordinal = divmod(pk, NUMBERS_PER_CYCLE)
    return numbered(cycle, ordinal, ordinal)


def _note(kind: str, statement: Statement) -> str:
    """Of what was taken back, what is left of each debt."""
    if kind != RECOUPMENT:
        return ""
    found = taken_back(
        cycle_id=statement.cycle_id, contributor_id=statement.contributor_id, currency=statement.currency
    )
    return "; ".join(
        f"{format_micros(item.amount_micros, statement.currency)} of {item.kind} {item.debt}, of which "
        f"{format_micros(item.left_micros, statement.currency)} {statement.currency} is left"
        for item in found
    )


def explain(statement: Statement) -> Explained:
    """The statement's lines with pool, denominator, share and rule, and the canonical content under its hash."""
    with connection.cursor() as cursor:
        cursor.execute(LINES, [statement.cycle_id, statement.first_no, statement.contributor_id])
        *rows, last = cursor.fetchall()
        moved: list[tuple[str, str, int]] = []
        if last[-1] == Pool.Kind.MOVEMENTS:
            cursor.execute(MOVEMENTS, [statement.cycle_id, PAYABLE + statement.contributor_id, statement.currency])
            moved = cursor.fetchall()
        else:
            rows.append(last)
    lines = tuple(Line(number, "earned", *row[:OF_LINE]) for number, row in enumerate(rows, 1))
    cycle = statement.cycle
    journal_hash = (
        Journal.objects.filter(kind=ALLOCATION_JOURNAL, key=cycle.key).values_list("hash", flat=True).first() or ""
    )
    content = Content(
        number=statement.number, cycle=cycle.key, policy_sha256=cycle.policy.sha256,
        contributor_id=statement.contributor_id, currency=statement.currency,
        opening_micros=statement.opening_micros, earned_micros=statement.earned_micros,
        adjusted_micros=statement.adjusted_micros, withheld_micros=statement.withheld_micros,
        held_micros=statement.held_micros, paid_micros=statement.paid_micros, closing_micros=statement.closing_micros,
        journal_hash=journal_hash, lines=lines,
        movements=tuple(
            Movement(number, *facts, _note(facts[0], statement)) for number, facts in enumerate(moved, len(lines) + 1)
        ),
    )  # fmt: skip
    return Explained(
        statement=statement,
        content=content,
        rules=tuple(rule for *_, rule, _, _ in rows),
        shares=tuple(share for *_, share, _ in rows),
        pools_micros=tuple(row[OF_LINE:-3] for row in rows),
        chain_head=journal_hash,
    )
