"""The console in the language of its reader: chosen, kept, said of each page; what is kept for a minute is kept apart."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils.translation import override

from revshare.console.shown import amount, badge, change, readable, since, words
from revshare.cycles.models import Cycle
from tests.console.conftest import SignIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cycles")]


def test_a_choice_of_language_keeps_the_address_and_is_kept(sign_in: SignIn) -> None:
    olivia = sign_in("olivia")
    page = olivia.get("/console/quarantine/?sort=oldest")
    assert page.headers["Content-Language"] == "en"
    assert '<html lang="en"' in page.content.decode()
    assert 'href="?sort=oldest&amp;language=de" lang="de" hreflang="de">Deutsch</a>' in page.content.decode()
    moved = olivia.get("/console/quarantine/?sort=oldest&language=de")
    assert moved.headers["Location"] == "/console/quarantine/?sort=oldest"
    german = olivia.get("/console/quarantine/?sort=oldest")
    assert (german.headers["Content-Language"], olivia.cookies["language"].value) == ("de", "de")
    assert {"Accept-Language", "Cookie"} <= set(german.headers["Vary"].split(", "))
    assert '<html lang="de"' in german.content.decode()
    assert 'lang="de" hreflang="de" aria-current="true">Deutsch</a>' in german.content.decode()
    # What staff take as a file is for programs.
    assert olivia.get("/console/quarantine/?_export=csv").headers["Content-Language"] == "en"


def test_who_is_not_let_in_can_read_why(sign_in: SignIn) -> None:
    assert 'hreflang="ja">日本語</a>' in sign_in("carl").get("/console/").content.decode()


def test_programs_are_answered_in_english() -> None:
    german = Client(headers={"accept-language": "de"})
    assert "Content-Language" not in german.get("/api/v1/cycles/").headers
    assert german.get("/api/v1/cycles/").json() == Client().get("/api/v1/cycles/").json()


def test_a_cycles_numbers_are_kept_for_each_language(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    olivia = sign_in("olivia")
    assert "100.00 USD" in olivia.get("/console/cycle/april/").content.decode()
    olivia.get("/console/?language=de")
    german = olivia.get("/console/cycle/april/").content.decode()
    assert "100,00 USD" in german
    assert "100.00 USD" not in german


def test_numbers_are_written_as_their_readers_do() -> None:
    at = datetime(2026, 3, 29, 1, 5, tzinfo=UTC)
    assert readable(-295_960_050_000, "GBP") == "-295,960.05 GBP"
    assert since(at - timedelta(days=1), at) == "1 day ago"
    assert since(at - timedelta(hours=1200), at, ago=False) == "50 days"
    assert (words("in_review"), words("cycle.submit"), words("not_ours")) == ("in review", "cycle.submit", "not ours")
    assert badge("in_review") == '<span class="rs-badge rs-badge-in_review">in review</span>'
    with override("de"):
        assert readable(-295_960_050_000, "GBP") == "-295.960,05 GBP"
        assert readable(-500_000) == "-0,5"
        assert '"rs-amount" title="1.234.567' in amount(1_234_567, "USD")
        assert "+12,5\xa0%" in change(1_125_000_000, 1_000_000_000, "USD")
    with override("fr"):
        assert readable(1_234_567_890_000, "EUR") == "1\u202f234\u202f567,89 EUR"


def test_what_was_done_to_a_cycle_is_said_in_words_and_its_days_as_everywhere(
    cycles: dict[str, Cycle], sign_in: SignIn
) -> None:
    olivia = sign_in("olivia")
    assert ">lock</a> by <strong>" in olivia.get("/console/cycle/april/").content.decode()
    olivia.get("/console/?language=de")
    assert ">festgeschrieben</a> von <strong>" in olivia.get("/console/cycle/april/").content.decode()
    listed = olivia.get("/console/revshare/cycle/").content.decode()
    assert f">{cycles['april'].starts_on.isoformat()}</td>" in listed
    assert 'href="/console/cycle/april/"' in listed
