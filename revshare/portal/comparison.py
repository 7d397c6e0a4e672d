"""A statement beside the one before it in the same currency."""

from dataclasses import dataclass

from revshare.exports.statement_document import Amount, Document, DocumentLine
from revshare.exports.statement_reading import document
from revshare.statements.models import Statement
from revshare.statements.queries import explain, published_for

COMPARED = 50
"""So many pools are compared, those that changed most."""


@dataclass(frozen=True)
class Change:
    """A pool then and now; `then` and `now` are None where there was none."""

    scope: str
    then: DocumentLine | None
    now: DocumentLine | None
    difference: Amount


@dataclass(frozen=True)
class Comparison:
    before: Document
    earned: Amount
    changes: list[Change]
    more: bool


def comparison(statement: Statement, doc: Document) -> Comparison | None:
    """What changed since the published statement calculated before it; None if there is none. Some five queries."""
    earlier = (
        published_for(doc.content.contributor_id)
        .filter(currency=doc.currency, cycle__calculation__lt=statement.cycle.calculation)
        .defer("content_sha256")
        .order_by("-cycle__calculation")
        .first()
    )
    if earlier is None:
        return None
    before = document(explain(earlier))
    then, now = ({item.scope: item for item in each.lines} for each in (before, doc))
    changes = [
        Change(scope, then.get(scope), now.get(scope), Amount(_micros(now, scope) - _micros(then, scope), doc.currency))
        for scope in sorted({*then, *now})
    ]
    changes.sort(key=lambda change: -abs(change.difference.micros))
    earned = Amount(doc.earned.micros - before.earned.micros, doc.currency)
    return Comparison(before, earned, changes[:COMPARED], more=len(changes) > COMPARED)


def _micros(lines: dict[str, DocumentLine], scope: str) -> int:
    return lines[scope].amount.micros if scope in lines else 0
