"""The pages: home, a contributor's statements, one statement and its downloads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header

from revshare.access.models import User
from revshare.exports.statement_csv import statement_csv
from revshare.exports.statement_document import Amount, Document, period_words
from revshare.exports.statement_pdf import statement_pdf
from revshare.exports.statement_reading import document
from revshare.exports.statement_text import statement_text
from revshare.payouts.queries import reserved
from revshare.portal.access import find_readable, reads_own
from revshare.portal.guard import member_page
from revshare.recoupments.queries import owing
from revshare.restatements.models import RestatementLine
from revshare.restatements.queries import RESTATEMENT_JOURNAL, lines_of_journals
from revshare.statements.pages import balances, published_page
from revshare.statements.queries import explain
from revshare.statements.rules import Movement

PAGE_SIZE = 50
FORMS: dict[str, tuple[str, Callable[[Document], bytes]]] = {
    "pdf": ("application/pdf", statement_pdf),
    "csv": ("text/csv; charset=utf-8", statement_csv),
    "txt": ("text/plain; charset=utf-8", statement_text),
}


@dataclass(frozen=True)
class Corrected:
    """What a restatement changed: of a pool, or of what is shared by agreement."""

    what: str
    before: Amount
    after: Amount
    difference: Amount


@member_page
def home(request: HttpRequest) -> HttpResponse:
    """Staff to the console, contributors to their statements."""
    user = _user(request)
    if user.may("browse"):
        return redirect("admin:index")
    return redirect("statements")


@member_page
def statements(request: HttpRequest) -> HttpResponse:
    """The contributor's own published statements, latest first, and the balance per currency."""
    user = _user(request)
    if not reads_own(user):
        raise PermissionDenied
    assert user.contributor_id is not None, "reads_own says so"
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    page = published_page(
        contributor_id=user.contributor_id, size=PAGE_SIZE, after=after, before="" if after else before
    )  # fmt: skip
    rows = [
        {
            "statement": statement,
            "period": period_words(statement.cycle.starts_on, statement.cycle.ends_on),
            "earned": Amount(statement.earned_micros, statement.currency),
            "closing": Amount(statement.closing_micros, statement.currency),
        }
        for statement in page.rows
    ]
    latest = [
        (Amount(statement.closing_micros, statement.currency), statement) for statement in balances(user.contributor_id)
    ]
    return render(
        request, "portal/statements.html",
        {"contributor": user.contributor, "page": page, "rows": rows, "balances": latest,
         **_besides(user.contributor_id)},
    )  # fmt: skip


def _besides(contributor_id: str) -> dict[str, Any]:
    """What is held in reserve, and what is owed."""
    held = [Amount(micros, currency) for currency, micros in sorted(reserved(contributor_id).items())]
    debts = [
        (debt, Amount(debt.amount_micros, debt.currency), Amount(debt.left_micros, debt.currency))
        for debt in owing(contributor_id)
    ]
    return {"reserves": held, "debts": debts}


@member_page
def statement_page(request: HttpRequest, number: str) -> HttpResponse:
    """One statement: how it was computed, the account in full, how to check it."""
    reading = find_readable(user=_user(request), number=number)
    doc = document(explain(reading.statement))
    shown = {"doc": doc, "own": reading.own, "movements": _explained(doc)}
    response = render(request, "portal/statement.html", shown)
    reading.log("page")
    return response


@member_page
def statement_file(request: HttpRequest, number: str, form: str) -> HttpResponse:
    """One statement as a file to keep."""
    reading = find_readable(user=_user(request), number=number)
    doc = document(explain(reading.statement))
    content_type, write = FORMS[form]
    response = HttpResponse(write(doc), content_type=content_type)
    name = f"{doc.file_name}.{form}"
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    reading.log(form)
    return response


def _explained(doc: Document) -> list[tuple[Movement, Amount, list[Corrected]]]:
    """What else moved the balance; of a restatement, what it changed line by line."""
    content = doc.content
    keys = [moved.reference for moved, _ in doc.movements if moved.kind == RESTATEMENT_JOURNAL]
    lines = lines_of_journals(keys, content.contributor_id, content.currency)
    return [
        (moved, amount, [_corrected(line) for line in lines.get(moved.reference, ())])
        for moved, amount in doc.movements
    ]  # fmt: skip


def _corrected(line: RestatementLine) -> Corrected:
    what = line.pool if line.bucket == "contributor" else f"shared by agreement {line.reason}"
    amounts = (line.old_micros, line.new_micros, line.difference_micros)
    return Corrected(what, *(Amount(micros, line.currency) for micros in amounts))


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
