"""A statement beside the one before it in the same currency."""

from dataclasses import dataclass

from django.db.models import QuerySet

from revshare.cycles.models import Cycle
from revshare.exports.statement_document import Amount, Document, DocumentLine
from revshare.exports.statement_reading import document_lines
from revshare.statements.models import Statement
from revshare.statements.queries import PUBLISHED, explain, of_contributor_in, published_for
from revshare.wording import period

COMPARED = 50
"""So many pools are compared, those that changed most."""
Sales = tuple[str, str, str, str]
"""Which sales a pool is of, as `statement_document.scope_words` tells them apart."""


@dataclass(frozen=True)
class Change:
    """A pool then and now; `then` and `now` are None where there was none."""

    scope: str
    then: DocumentLine | None
    now: DocumentLine | None
    difference: Amount


@dataclass(frozen=True)
class Comparison:
    """Beside the statement of this number and period; `earned`: how much more it is now."""

    number: str
    period: str
    earned: Amount
    changes: list[Change]
    more: bool


def comparison(statement: Statement, doc: Document) -> Comparison | None:
    """What changed since the published statement calculated before it; None if there is none. Some five queries."""
    earlier = _earlier(statement, doc)
    if earlier is None:
        return None
    told = explain(earlier)
    then, now = ({_sales_of(item): item for item in lines} for lines in (document_lines(told), doc.lines))
    # Words are made of those that are shown alone: there may be ten thousand.
    differences = {sales: _micros(now, sales) - _micros(then, sales) for sales in sorted({*then, *now})}
    most = sorted(differences, key=lambda sales: -abs(differences[sales]))[:COMPARED]
    return Comparison(
        number=earlier.number, period=period(earlier.cycle.starts_on, earlier.cycle.ends_on),
        earned=Amount(doc.earned.micros - told.content.earned_micros, doc.currency),
        changes=[
            Change(
                (now.get(sales) or then[sales]).scope, then.get(sales), now.get(sales),
                Amount(differences[sales], doc.currency),
            )
            for sales in most
        ],
        more=len(differences) > COMPARED,
    )  # fmt: skip


def _earlier(statement: Statement, doc: Document) -> Statement | None:
    """Most have one in the cycle before: only where there is none, the partitions of all others are looked into."""
    cycles = Cycle.objects.filter(state__in=PUBLISHED, calculation__lt=statement.cycle.calculation)
    before = list(cycles.order_by("-calculation").values_list("pk", flat=True))
    who = doc.content.contributor_id
    if before and (found := _last(of_contributor_in(before[0], who), doc.currency)):
        return found
    return _last(published_for(who).filter(cycle_id__in=before[1:]), doc.currency) if before[1:] else None


def _last(rows: QuerySet[Statement], currency: str) -> Statement | None:
    """Joined with no more than explains it: each table more makes it longer to plan."""
    found = rows.filter(currency=currency).select_related(None).select_related("cycle__policy")
    return found.defer("content_sha256", "cycle__pinned").order_by("-cycle__calculation").first()


def _sales_of(item: DocumentLine) -> Sales:
    line = item.line
    return line.model, "" if line.model else line.dataset_version, line.part, line.table


def _micros(lines: dict[Sales, DocumentLine], sales: Sales) -> int:
    return lines[sales].line.amount_micros if sales in lines else 0
