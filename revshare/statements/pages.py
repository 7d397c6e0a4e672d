"""Statements page by page, latest first, at the same cost however many there are and however far back.

Statements of a cycle are numbered 1, 2, 3 … by currency, then contributor, and the ledger's controls say how many there
are in each currency. So which numbers stand on a page is arithmetic over one row per cycle and currency, and a page is
a range of numbers in one partition: nothing is counted, skipped or sorted.
"""

from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

from django.db.models import QuerySet

from revshare.allocation.models import Allocation
from revshare.ledger.models import AccountControl
from revshare.pools.models import Pool
from revshare.statements.models import NUMBERS_PER_CYCLE, Statement
from revshare.statements.queries import by_id, by_number


@dataclass(frozen=True)
class Range:
    """Statements `first` to `last` of one cycle, all in one currency. `highest`: the cycle's last number."""

    cycle_id: int
    currency: str
    first: int
    last: int
    highest: int

    @property
    def newest_id(self) -> int:
        return self.cycle_id * NUMBERS_PER_CYCLE + self.last

    @property
    def oldest_id(self) -> int:
        return self.cycle_id * NUMBERS_PER_CYCLE + self.first


@dataclass(frozen=True)
class Page:
    """Where the statements of a page lie, latest first, and whether there are others on either side of it."""

    ranges: tuple[Range, ...]
    newer: bool
    older: bool


def place(
    *, size: int, cycle_id: int | None = None, currency: str = "", after: int | None = None, before: int | None = None
) -> Page:
    """The page of `size` statements that follows the id `after` in the list, or precedes the id `before`; the first
    page if there is neither. With a cycle or currency, of those only. One query."""
    assert after is None or before is None, "a page follows one statement or precedes one"
    runs = _runs(cycle_id, currency)
    ranges = _falling(runs, size, after) if before is None else _rising(runs, size, before)
    if not ranges:
        return Page((), newer=after is not None and bool(runs), older=before is not None and bool(runs))
    return Page(
        tuple(ranges),
        newer=ranges[0].newest_id < runs[-1].newest_id,
        older=ranges[-1].oldest_id > runs[0].oldest_id,
    )


def statements_at(page: Page) -> list[Statement]:
    """The statements of a page, latest first, with cycle and contributor; without their hashes, each of which is worked
    out from its lines when it is read."""
    return [statement for part in page.ranges for statement in _listed(_at(part)).order_by("-ordinal")]


def of_contributor(contributor_id: str) -> QuerySet[Statement]:
    """All statements of one contributor, as `statements_at` has them: at most one per cycle and currency."""
    return _listed(Statement.objects.filter(contributor_id=contributor_id))


def find_number(number: str) -> Statement | None:
    """The statement of this number with all that explains it, from the partition of its cycle."""
    return by_number(number).select_related("cycle__policy", "contributor").first()


def find_id(pk: int) -> Statement | None:
    """The statement of this id with all that explains it, from the partition of its cycle."""
    return by_id(pk).select_related("cycle__policy", "contributor").first()


def lines_at(page: Page) -> list[Allocation]:
    """The lines of the statements of a page, in the same order: what each contributor was allocated of each pool."""
    return [
        line
        for part in page.ranges
        for line in Allocation.objects.filter(
            cycle_id=part.cycle_id, currency=part.currency, bucket=Allocation.Bucket.CONTRIBUTOR,
            contributor_id__in=list(_at(part).values_list("contributor_id", flat=True)),
        )
        .select_related("cycle", "pool", "contributor")
        .order_by("-contributor_id", "pool_id")
    ]  # fmt: skip


def find_line(pk: int) -> Allocation | None:
    """The allocation of this id: of a pool and a statement's number, or below zero where it went to nobody."""
    rows = Allocation.objects.select_related("cycle", "pool", "contributor")
    if pk < 0:
        return rows.exclude(bucket=Allocation.Bucket.CONTRIBUTOR).filter(pk=pk).first()
    pool_id, ordinal = divmod(pk, NUMBERS_PER_CYCLE)
    cycle_id = Pool.objects.filter(pk=pool_id).values_list("cycle_id", flat=True).first()
    if cycle_id is None:
        return None
    statement = Statement.objects.filter(cycle_id=cycle_id, ordinal=ordinal)
    return rows.filter(cycle_id=cycle_id, pool=pool_id, contributor__in=statement.values("contributor_id")).first()


def _at(part: Range) -> QuerySet[Statement]:
    return Statement.objects.filter(cycle_id=part.cycle_id, ordinal__gte=part.first, ordinal__lte=part.last)


def _listed(rows: QuerySet[Statement]) -> QuerySet[Statement]:
    return rows.select_related("cycle", "contributor").defer("content_sha256")


def _runs(cycle_id: int | None, currency: str) -> list[Range]:
    """The numbers of each cycle and currency, by ascending id."""
    controls = AccountControl.objects.filter(accounts__gt=0).order_by("cycle_id", "currency")
    if cycle_id is not None:
        controls = controls.filter(cycle_id=cycle_id)
    runs = []
    rows = controls.values_list("cycle_id", "currency", "accounts")
    for cycle, group in groupby(rows, key=itemgetter(0)):
        accounts = [(code, count) for _, code, count in group]
        highest = sum(count for _, count in accounts)
        last = 0
        for code, count in accounts:
            first, last = last + 1, last + count
            if currency in ("", code):
                runs.append(Range(cycle, code, first, last, highest))
    return runs


def _falling(runs: list[Range], size: int, below: int | None) -> list[Range]:
    """Up to `size` numbers downward from the id `below`, itself left out."""
    taken = []
    for run in reversed(runs):
        last = run.last if below is None else min(run.last, below - 1 - run.cycle_id * NUMBERS_PER_CYCLE)
        first = max(run.first, last - size + 1)
        if size and first <= last:
            taken.append(replace(run, first=first, last=last))
            size -= last - first + 1
    return taken


def _rising(runs: list[Range], size: int, above: int) -> list[Range]:
    """Up to `size` numbers upward from the id `above`, itself left out; the highest first."""
    taken = []
    for run in runs:
        first = max(run.first, above + 1 - run.cycle_id * NUMBERS_PER_CYCLE)
        last = min(run.last, first + size - 1)
        if size and first <= last:
            taken.append(replace(run, first=first, last=last))
            size -= last - first + 1
    return taken[::-1]
