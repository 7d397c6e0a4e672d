"""Nothing that staff have stored, hashed, posted or taken out depends on the language they read the console in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import translation

from revshare import wording
from revshare.allocation.suspense import waiting
from revshare.audit_trail.models import Event
from revshare.console import policies
from revshare.cycles.models import Cycle
from revshare.exports.operations import EXPORTS
from revshare.files.models import IngestedFile
from revshare.payouts.models import PaymentBatch
from revshare.restatements.models import Restatement
from revshare.runs.models import Run
from revshare.tasks import perform
from tests.access.routes import LISTS
from tests.console.conftest import SignIn
from tests.stories import Story

pytestmark = pytest.mark.django_db
MARK = "¤"
CHANGING = {"audit/"}  # who takes it out stands in it
UNREAD = {"django_session"}


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word of the catalogues bears a mark in German, and every number that follows the language."""
    words: Any = translation._trans

    def of(name: str, number_of_texts: int) -> Callable[..., str]:
        usual = getattr(words, name)

        def said(*given: Any) -> str:
            if translation.get_language() != "de" or not given[number_of_texts - 1]:
                return str(usual(*given))
            many = name.startswith("n") and given[-1] != 1
            return f"{MARK}{given[number_of_texts - 1 + many]}"

        return said

    for name, number_of_texts in (("gettext", 1), ("ngettext", 1), ("pgettext", 2), ("npgettext", 2)):
        monkeypatch.setattr(words, name, of(name, number_of_texts))
    usual = wording._signs
    monkeypatch.setattr(wording, "_signs", lambda code: (MARK, MARK) if code == "de" else usual(code))


@pytest.fixture
def german(sign_in: SignIn, marked: None) -> SignIn:
    def client(name: str) -> Client:
        made = sign_in(name)
        made.cookies["language"] = "de"
        return made

    return client


def work() -> None:
    """What a worker does with all that was asked for."""
    for run in Run.objects.filter(state="queued").order_by("pk"):
        perform(run.pk)


def deeds(market: Story) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Who sends what where, one after the other: a month closed and paid, money decided about, rules registered."""
    yes = {"confirmed": "yes"}
    may = Cycle.objects.get(key="may")
    yield "olivia", "restatements/draft/", {"cycle": "april", "late": "on"}
    drafted = Restatement.objects.get()
    yield "adam", f"restatements/{drafted.pk}/approve/", {"digest": drafted.digest}
    yield "fiona", f"restatements/{drafted.pk}/post/", {}
    yield "olivia", "cycle/june/lock/", {}
    yield "olivia", "cycle/june/calculate/", {}
    yield "olivia", "cycle/may/submit/", {}
    yield "adam", "cycle/may/approve/", {"digest": may.result_digest}
    yield "adam", "cycle/may/publish/", {}
    yield "olivia", "cycle/june/review/", {}
    yield "olivia", "suspense/match/", {"kind": "model", "name": "ghost", "stands_for": "m", "reason": "a typo"}
    [other] = [row.number for row in waiting() if row.name == "other"]
    yield "adam", f"suspense/{other}/settle/", {"to": "platform", "reason": "nobody will come"}
    yield "fiona", "payouts/prepare/", {"currency": "USD", **yes}
    batch = PaymentBatch.objects.get()
    yield "adam", f"payouts/{batch.pk}/approve/", {"digest": batch.digest, **yes}
    yield "fiona", f"payouts/{batch.pk}/export/", yes
    yield "fiona", "payouts/hold/", {"contributor": "ben", "reason": "a doubt"}
    claim = {"claimant": "ben", "dataset_version": "ds@1", "asset": "1", "reason": "the raw file"}
    yield "olivia", "work/claims/new/", claim
    asked = {"contributor": "ann", "currency": "usd", "amount": "1234.50", "reason": "a studio"}
    yield "fiona", "work/debts/ask/", asked
    yield "olivia", f"files/{IngestedFile.objects.filter(kind='sales').latest('pk').pk}/void/", {"reason": "a test"}
    policy = SimpleUploadedFile("half.toml", policies.EXAMPLE.encode())
    yield "olivia", "policies/register/", {"file": policy}
    period = {"start": "2026-07-01", "end": "2026-08-01", "timezone": "UTC"}
    yield "olivia", "cycles/open/", {"key": "july", "policy": market.policies["p"].pk, **period}


DONE = {
    "cycle.lock", "cycle.calculate", "cycle.review", "cycle.submit", "cycle.approve", "cycle.publish", "cycle.open",
    "payouts.prepare", "payouts.approve", "payouts.export",
}  # fmt: skip


def test_what_is_stored_and_taken_out_is_the_same(
    market: Story, cycles: dict[str, Cycle], german: SignIn, sign_in: SignIn
) -> None:
    market.take("contributors", ("contributor_id", "contributor_name", "payee_id"), [("ann", "Ann", "P-ann")])
    market.sales(
        ("s9", "2026-04-20T00:00:00Z", "m", "USD", "20.00"), ("g", "2026-06-11T00:00:00Z", "ghost", "USD", "7.00"),
        ("o", "2026-06-12T00:00:00Z", "other", "USD", "1234567.00"),
    )  # fmt: skip
    before = Event.objects.count()
    for name, page, given in deeds(market):
        answer = german(name).post(f"/console/{page}", given)
        assert answer.status_code == 302, page
        shown = [str(message) for message in get_messages(answer.wsgi_request)]
        assert shown, page
        assert all(words.startswith(MARK) for words in shown), f"{page}: {shown}"
        work()
    assert {event.action for event in Event.objects.order_by("seq")[before:]} >= DONE
    english, other = sign_in("fiona"), german("fiona")
    for page in files():
        assert taken(other, page, "de") == taken(english, page, "en"), page
    for name in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT t::text FROM "{name}" t WHERE t::text LIKE %s', [f"%{MARK}%"])
            assert cursor.fetchall() == [] or name in UNREAD, name


def files() -> Iterator[str]:
    for kind in EXPORTS:
        yield from (f"cycle/april/export/{kind}.{format}" for format in ("csv", "xlsx"))
    yield "cycle/may/difference.csv"
    yield f"cycle/june/lab.csv?policy={Cycle.objects.get(key='july').policy_id + 1}"
    yield f"restatements/{Restatement.objects.get().pk}/lines.csv"
    yield f"payouts/{PaymentBatch.objects.get().pk}/register.csv"
    yield "downloads/credits.csv?model=m"
    yield "downloads/consents/?format=csv"
    yield "payouts/prepare/?currency=USD&_export=csv"
    yield from (f"{page}?_export={format}" for page in LISTS if page not in CHANGING for format in ("csv", "xlsx"))


def taken(client: Client, page: str, language: str) -> bytes:
    """The file; streamed while its reader's language is still active."""
    answer: Any = client.get(f"/console/{page}")
    assert answer.status_code == 200, page
    with translation.override(language):
        return b"".join(answer)
