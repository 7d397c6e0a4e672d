"""Reads over statements."""

from dataclasses import dataclass

from django.db.models import QuerySet

from revshare.allocation.models import Allocation
from revshare.ledger.models import Journal
from revshare.ledger.queries import ALLOCATION_JOURNAL
from revshare.statements.models import NUMBERS_PER_CYCLE, Statement
from revshare.statements.rules import Content, Line

PUBLISHED = ("published", "settled")


@dataclass(frozen=True)
class Explained:
    """A statement with the words that go with each of its lines."""

    statement: Statement
    content: Content
    rules: tuple[str, ...]
    shares: tuple[str, ...]
    chain_head: str


def published_for(contributor_id: str) -> QuerySet[Statement]:
    """A contributor's own statements, latest first: only those of published cycles."""
    return (
        Statement.objects.filter(contributor_id=contributor_id, cycle__state__in=PUBLISHED)
        .select_related("cycle", "cycle__policy", "contributor")
        .order_by("-cycle__starts_at", "currency")
    )


def by_number(number: str) -> QuerySet[Statement]:
    """The statement of this number, if there is one. A number is the cycle's key and the place in the cycle."""
    key, _, ordinal = number.rpartition("-")
    if not (key and ordinal.isascii() and ordinal.isdigit() and len(ordinal) == len(str(NUMBERS_PER_CYCLE)) - 1):
        return Statement.objects.none()
    return Statement.objects.filter(cycle__key=key, ordinal=int(ordinal))


def by_id(pk: int) -> QuerySet[Statement]:
    """The statement of this id, if there is one."""
    cycle, ordinal = divmod(pk, NUMBERS_PER_CYCLE)
    return Statement.objects.filter(cycle=cycle, ordinal=ordinal)


def explain(statement: Statement) -> Explained:
    """The statement's lines with pool, denominator, share and rule, and the canonical content under its hash."""
    allocations = list(
        Allocation.objects.filter(
            contributor_id=statement.contributor_id, cycle_id=statement.cycle_id, currency=statement.currency,
            bucket=Allocation.Bucket.CONTRIBUTOR,
        )
        .select_related("pool")
        .order_by("pool__table", "pool__model", "pool__dataset_version")
    )  # fmt: skip
    lines = tuple(
        Line(
            number=number, kind="earned", table=a.pool.table, model=a.pool.model,
            dataset_version=a.pool.dataset_version, pool_micros=a.pool.distributable_micros,
            numerator_ticks=a.numerator_ticks, denominator_ticks=a.pool.denominator_ticks,
            amount_micros=a.amount_micros,
        )
        for number, a in enumerate(allocations, 1)
    )  # fmt: skip
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
    )  # fmt: skip
    return Explained(
        statement=statement,
        content=content,
        rules=tuple(a.pool.rule for a in allocations),
        shares=tuple(a.pool.share for a in allocations),
        chain_head=journal_hash,
    )
