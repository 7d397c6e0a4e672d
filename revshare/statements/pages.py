"""Statements page by page, latest first, at the same cost however many there are and however far back.

Statements of a cycle are numbered 1, 2, 3 … by currency, then contributor, and the ledger's controls say how many there
are in each currency. So which numbers stand on a page is arithmetic over one row per cycle and currency, and a page is
a range of numbers in one partition: nothing is counted, skipped or sorted.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from django.db.models import Q, QuerySet

from revshare.allocation.models import Allocation
from revshare.ledger.models import AccountControl
from revshare.pools.models import Pool
from revshare.statements.models import NUMBERS_PER_CYCLE, Statement
from revshare.statements.queries import PUBLISHED, by_id, by_number, numbered, published_for


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


def statements_at(page: Page, *, hashes: bool = False) -> list[Statement]:
    """The statements of a page, latest first, with cycle and contributor. Their hashes come only if asked for: each is
    worked out from the statement's lines when it is read."""
    found = []
    for part in page.ranges:
        rows = _at(part).select_related("cycle", "contributor").order_by("-ordinal")
        found += list(rows if hashes else rows.defer("content_sha256"))
    return found


@dataclass(frozen=True)
class OwnPage:
    """Some of a contributor's published statements, latest period first."""

    rows: list[Statement]
    newer: bool
    older: bool


def published_page(*, contributor_id: str, size: int, after: str = "", before: str = "") -> OwnPage:
    """The page that follows the statement numbered `after`, or precedes the one numbered `before`; the first page if
    there is no such statement of theirs. At most two queries, over one row per cycle and currency."""
    own = _own(contributor_id)
    place = _own_place(contributor_id, after or before)
    if place is None:
        found = list(own[: size + 1])
        return OwnPage(found[:size], newer=False, older=len(found) > size)
    starts_at, currency = place
    if after:
        later = Q(cycle__starts_at__lt=starts_at) | Q(cycle__starts_at=starts_at, currency__gt=currency)
        found = list(own.filter(later)[: size + 1])
        return OwnPage(found[:size], newer=True, older=len(found) > size)
    earlier = Q(cycle__starts_at__gt=starts_at) | Q(cycle__starts_at=starts_at, currency__lt=currency)
    found = list(own.filter(earlier).order_by("cycle__starts_at", "-currency")[: size + 1])
    return OwnPage(found[:size][::-1], newer=len(found) > size, older=True)


def balances(contributor_id: str) -> list[Statement]:
    """The published statement of each currency that says the balance: the one calculated last, which need not be that
    of the latest period."""
    own = _own(contributor_id)
    return list(own.order_by("currency", "-cycle__calculation").distinct("currency"))


def _own(contributor_id: str) -> QuerySet[Statement]:
    """Joined with no more than a list shows: each table more makes it longer to plan."""
    own = published_for(contributor_id).select_related(None).select_related("cycle")
    return own.defer("content_sha256", "cycle__pinned")


def _own_place(contributor_id: str, number: str) -> tuple[datetime, str] | None:
    if not (number and number.isprintable()):
        return None
    own = by_number(number).filter(contributor_id=contributor_id, cycle__state__in=PUBLISHED)
    return own.values_list("cycle__starts_at", "currency").first()


def find_number(number: str) -> Statement | None:
    """The statement of this number with all that explains it, from the partition of its cycle."""
    return _whole(by_number(number))


def find_id(pk: int) -> Statement | None:
    """The statement of this id with all that explains it, from the partition of its cycle."""
    return _whole(by_id(pk))


def _whole(found: QuerySet[Statement]) -> Statement | None:
    """Without the hash, which whoever explains the statement works out from its lines, and what the lock pinned. Nor
    joined with the contributor: with one table more it takes longer to plan than to ask again."""
    return found.select_related("cycle__policy").defer("content_sha256", "cycle__pinned").first()


def lines_at(page: Page) -> list[Allocation]:
    """The lines of the statements of a page, in the same order: what each contributor was allocated of each pool."""
    found: list[Allocation] = []
    for part in page.ranges:
        places = list(_at(part).values_list("contributor_id", "first_no"))
        rows = Allocation.objects.filter(
            cycle_id=part.cycle_id, bucket=Allocation.Bucket.CONTRIBUTOR,
            contributor_id__in=[contributor_id for contributor_id, _ in places],
            first_no__in={first_no for _, first_no in places},
        )  # fmt: skip
        found += rows.select_related("cycle", "pool", "contributor").order_by("-contributor_id", "pool_id")
    return found


def find_line(pk: int) -> Allocation | None:
    """The allocation of this id: of a pool and a statement's number, or below zero where it went to nobody."""
    rows = Allocation.objects.select_related("cycle", "pool", "contributor")
    if pk < 0:
        return rows.exclude(bucket=Allocation.Bucket.CONTRIBUTOR).filter(pk=pk).first()
    pool_id, ordinal = divmod(pk, NUMBERS_PER_CYCLE)
    cycle_id = Pool.objects.filter(pk=pool_id).values_list("cycle_id", flat=True).first()
    if cycle_id is None:
        return None
    # Whose it is first: with a subquery in its place all of the partition would be read.
    place = numbered(cycle_id, ordinal, ordinal).values_list("contributor_id", "first_no").first()
    if place is None:
        return None
    contributor_id, first_no = place
    return rows.filter(cycle_id=cycle_id, pool=pool_id, contributor=contributor_id, first_no=first_no).first()


def _at(part: Range) -> QuerySet[Statement]:
    return numbered(part.cycle_id, part.first, part.last)


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
