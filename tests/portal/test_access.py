"""Who may read which statement, through every route; what leaves a trace; what never leaks."""

import re

import pytest
from django.http import HttpResponse
from django.urls import reverse

from revshare.audit_trail.models import Event
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import canonical_text
from tests.portal.conftest import ANN, BEN, CY, NAMES, Marketplace
from tests.portal.pdf_text import pdf_text

pytestmark = pytest.mark.django_db
FORMS = ("page", "pdf", "csv", "txt")
TYPES = {"page": "text/html", "pdf": "application/pdf", "csv": "text/csv", "txt": "text/plain"}
READERS = ("operator", "approver", "finance", "root", "both")
MAY, JUNE = "2026 May", "2026-06"


def address(number: str, form: str) -> str:
    return reverse("statement" if form == "page" else f"statement-{form}", args=[number])


def text_of(response: HttpResponse) -> str:
    """All that a person could read in the body."""
    if response.headers["Content-Type"] == "application/pdf":
        return pdf_text(response.content) + response.content.decode("latin-1")
    return response.content.decode()


def without_token(response: HttpResponse) -> bytes:
    return re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", response.content)


def reads() -> list[tuple[str, str]]:
    return list(Event.objects.filter(action="statement.read").order_by("seq").values_list("actor", "object"))


def test_a_contributor_reads_their_own_published_statement(marketplace: Marketplace) -> None:
    number = marketplace.numbers[ANN, MAY]
    for form in FORMS:
        response = marketplace.client("ann").get(address(number, form))
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith(TYPES[form])
        assert response.headers["Cache-Control"] == "private, no-store"
        body = text_of(response)
        assert number in body
        assert BEN not in body
        assert NAMES[BEN] not in body
        assert marketplace.numbers[BEN, MAY] not in body
    assert reads() == []


def test_anothers_a_draft_and_an_unknown_statement_are_the_same_404(marketplace: Marketplace) -> None:
    ann = marketplace.client("ann")
    hidden = [marketplace.numbers[BEN, MAY], marketplace.numbers[BEN, JUNE], marketplace.numbers[ANN, JUNE]]
    for form in FORMS:
        unknown = ann.get(address("2026 May-999999999", form))
        assert unknown.status_code == 404
        assert BEN not in unknown.content.decode()
        for number in hidden:
            response = ann.get(address(number, form))
            assert response.status_code == 404
            assert without_token(response) == without_token(unknown)
    assert reads() == []


def test_anonymous_people_are_sent_to_sign_in_whether_or_not_a_statement_exists(marketplace: Marketplace) -> None:
    for number in (marketplace.numbers[ANN, MAY], marketplace.numbers[ANN, JUNE], "none"):
        for form in FORMS:
            response = marketplace.client("stranger").get(address(number, form))
            assert response.status_code == 302
            assert response.headers["Location"].startswith("/sign-in/?next=/statements/")


@pytest.mark.parametrize("person", READERS)
def test_staff_read_any_statement_and_drafts_carry_a_mark(marketplace: Marketplace, person: str) -> None:
    client = marketplace.client(person)
    logged = []
    for form in FORMS:
        for cycle in (MAY, JUNE):
            number = marketplace.numbers[BEN, cycle]
            response = client.get(address(number, form))
            assert response.status_code == 200
            assert number in text_of(response)
            where_marked = text_of(response) if form in ("page", "pdf") else response.headers["Content-Disposition"]
            assert ("DRAFT" in where_marked) == (cycle == JUNE)
            logged.append((person, f"statement:{number}"))
        assert client.get(address("none", form)).status_code == 404
    assert reads() == (logged if person in ("operator", "root", "both") else [])


def test_a_person_with_two_roles_is_a_contributor_to_their_own_statement(marketplace: Marketplace) -> None:
    both = marketplace.client("both")
    assert both.get(address(marketplace.numbers[CY, MAY], "page")).status_code == 200
    assert reads() == []
    assert both.get(address(marketplace.numbers[CY, JUNE], "page")).status_code == 200
    assert reads() == [("both", f"statement:{marketplace.numbers[CY, JUNE]}")]


def test_somebody_without_a_role_reads_nothing(marketplace: Marketplace) -> None:
    nobody = marketplace.client("nobody")
    for number in (marketplace.numbers[ANN, MAY], "none"):
        for form in FORMS:
            assert nobody.get(address(number, form)).status_code == 403
    assert nobody.get("/statements/").status_code == 403


def test_the_list_shows_own_published_statements_only(marketplace: Marketplace) -> None:
    body = marketplace.client("ann").get("/statements/").content.decode()
    assert marketplace.numbers[ANN, MAY] in body
    assert marketplace.numbers[ANN, JUNE] not in body
    assert marketplace.numbers[BEN, MAY] not in body
    assert BEN not in body
    assert "Ann &lt;b&gt;&amp;amp; Co&lt;/b&gt;" in body
    assert "<b>&amp;" not in body


def test_the_list_is_for_contributors(marketplace: Marketplace) -> None:
    assert marketplace.client("stranger").get("/statements/").status_code == 302
    for person in ("operator", "approver", "finance", "root"):
        assert marketplace.client(person).get("/statements/").status_code == 403
    assert marketplace.client("both").get("/statements/").status_code == 200


def test_a_contributor_has_no_way_into_the_console(marketplace: Marketplace) -> None:
    assert marketplace.client("ann").get("/console/").status_code in (302, 403, 404)
    assert b"Console" not in marketplace.client("ann").get("/statements/").content


def test_hostile_numbers_are_not_found(marketplace: Marketplace) -> None:
    client = marketplace.client("finance")
    for number in ("a%00b", "%0a", "..", "%F0%9F%98%80", "2026 May-000000001.pdf.pdf", "x" * 5_000, "%ff%fe"):
        for end in ("/", ".pdf", ".csv", ".txt"):
            assert client.get(f"/statements/{number}{end}").status_code == 404


def test_nothing_can_be_written_here(marketplace: Marketplace) -> None:
    for form in FORMS:
        where = address(marketplace.numbers[ANN, MAY], form)
        for method in ("post", "put", "patch", "delete"):
            assert getattr(marketplace.client("ann"), method)(where).status_code == 405
    assert Statement.objects.count() == 6


def test_the_page_shows_no_markup_of_a_name(marketplace: Marketplace) -> None:
    body = marketplace.client("ann").get(address(marketplace.numbers[ANN, MAY], "page")).content.decode()
    assert "<b>" not in body
    assert "=1+1" in body


def test_the_text_download_is_the_hashed_text(marketplace: Marketplace) -> None:
    statement = marketplace.statement(ANN, MAY)
    body = marketplace.client("ann").get(address(statement.number, "txt")).content
    assert body == canonical_text(explain(statement).content).encode()
