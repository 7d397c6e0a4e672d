"""The pages: home, a contributor's statements, one statement and its downloads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from revshare.access.models import User
from revshare.exports.statement_csv import statement_csv
from revshare.exports.statement_document import Amount, Document, movement_words
from revshare.exports.statement_pdf import statement_pdf
from revshare.exports.statement_reading import document
from revshare.exports.statement_text import statement_text
from revshare.portal.access import find_readable, require_own
from revshare.portal.comparison import COMPARED, comparison
from revshare.portal.guard import member_page, page_of
from revshare.restatements.models import RestatementLine
from revshare.restatements.queries import RESTATEMENT_JOURNAL, lines_of_journals
from revshare.signin.links import check_link
from revshare.statements.pages import published_page
from revshare.statements.queries import explain
from revshare.statements.rules import Movement
from revshare.wording import period

PAGE_SIZE = 50
LINES = 50
"""So many lines of a statement are on one page."""
SENTENCES = 10
"""So many lines are told as sentences too."""
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
def statements(request: HttpRequest) -> HttpResponse:
    """The contributor's own published statements, latest first."""
    contributor_id = require_own(_user(request))
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    page = published_page(contributor_id=contributor_id, size=PAGE_SIZE, after=after, before="" if after else before)
    rows = [
        {
            "statement": statement,
            "period": period(statement.cycle.starts_on, statement.cycle.ends_on),
            "earned": Amount(statement.earned_micros, statement.currency),
            "closing": Amount(statement.closing_micros, statement.currency),
        }
        for statement in page.rows
    ]
    shown = {"contributor": _user(request).contributor, "page": page, "rows": rows}
    return render(request, "portal/statements.html", shown)


@member_page
def statement_page(request: HttpRequest, number: str) -> HttpResponse:
    """One statement: how it was computed, the account in full, how to check it."""
    reading = find_readable(user=_user(request), number=number)
    doc = document(explain(reading.statement))
    page, pages = page_of(request.GET.get("lines", ""), len(doc.lines), LINES)
    lines = doc.lines[(page - 1) * LINES : page * LINES]
    shown = {
        "doc": doc, "own": reading.own, "movements": _explained(doc), "compared": comparison(reading.statement, doc),
        "lines": lines, "told": lines[:SENTENCES] if len(doc.lines) > 1 else (), "page": page, "pages": pages,
        "most": COMPARED,
    }  # fmt: skip
    response = render(request, "portal/statement.html", shown)
    reading.log("page")
    return response


@member_page
def statement_file(request: HttpRequest, number: str, form: str) -> HttpResponse:
    """One statement as a file to keep."""
    reading = find_readable(user=_user(request), number=number)
    check_link(request)
    doc = document(explain(reading.statement))
    content_type, write = FORMS[form]
    response = HttpResponse(write(doc), content_type=content_type)
    name = f"{doc.file_name}.{form}"
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    reading.log(form)
    return response


def _explained(doc: Document) -> list[tuple[Movement, str, Amount, list[Corrected]]]:
    """What else moved the balance; of a restatement, what it changed line by line."""
    content = doc.content
    keys = [moved.reference for moved, _ in doc.movements if moved.kind == RESTATEMENT_JOURNAL]
    lines = lines_of_journals(keys, content.contributor_id, content.currency)
    return [
        (moved, movement_words(moved), amount, [_corrected(line) for line in lines.get(moved.reference, ())])
        for moved, amount in doc.movements
    ]  # fmt: skip


def _corrected(line: RestatementLine) -> Corrected:
    what = line.pool if line.bucket == "contributor" else _("shared by agreement %(name)s") % {"name": line.reason}
    amounts = (line.old_micros, line.new_micros, line.difference_micros)
    return Corrected(what, *(Amount(micros, line.currency) for micros in amounts))


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
