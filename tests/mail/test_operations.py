"""Letters: queued by set, at most one per event, sent once, tried again, in the reader's language, without amounts."""

import re
import smtplib
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test import Client

from revshare.access.operations import create_user
from revshare.allocation.releasing import decide
from revshare.audit_trail.operations import Act
from revshare.claims.operations import file_claim
from revshare.contributors.models import Contributor
from revshare.invitations.operations import invite
from revshare.mail.letters import SAMPLES
from revshare.mail.models import Message
from revshare.mail.operations import prefer, queue_new, send_due
from revshare.mail.rules import KINDS, MOST_ATTEMPTS, again_after
from revshare.payouts.destinations import set_destination
from revshare.payouts.models import DestinationNotice
from revshare.personal.operations import ask_deletion, decide_deletion
from revshare.recoupments.operations import ask_for_advance, book_overpayment
from revshare.wording import LANGUAGES
from tests.conftest import AT

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def send(at: datetime) -> int:
    return send_due(at=at, clock=lambda: at, until=at + HOUR)


@pytest.fixture
def shop(story: Any) -> Any:
    """Ann, Ben and Cy have a published statement; Cy has no address, and Dee no statement."""
    people = [
        ("ann", "Ann", "ann@example.com"),
        ("ben", "Ben", "ben@example.com"),
        ("cy", "Cy", ""),
        ("dee", "", "d@example.com"),
    ]
    story.take("contributors", ("contributor_id", "contributor_name", "email"), people)
    story.attributions(("d@1", "1", "ann"), ("d@1", "2", "ben"), ("d@1", "3", "cy"))
    story.models(("m", "d@1"))
    story.policy()
    story.sales(("s1", "2026-05-10T00:00:00Z", "m", "USD", "12345.67"), ("s2", "2026-05-10T00:00:00Z", "m", "EUR", "9"))
    story.publish("2026-05", "2026-05-01", "2026-06-01")
    return story


def expected() -> set[str]:
    """Whom a published cycle is told to, one by one: the naive twin."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT contributor_id FROM statements_statement")
        own = [name for (name,) in cursor.fetchall()]
    return {name for name in own if Contributor.objects.get(pk=name).email}


def test_a_published_cycle_is_told_once_in_each_readers_language(shop: Any) -> None:
    prefer(contributor_id="ben", language="de", at=AT)
    assert queue_new(at=AT + HOUR) == 2
    assert set(Message.objects.values_list("contributor_id", flat=True)) == expected() == {"ann", "ben"}
    assert queue_new(at=AT + HOUR) == 0
    assert send(AT + HOUR) == 2
    assert send(AT + 2 * HOUR) == 0
    assert queue_new(at=AT + 2 * HOUR) == 0
    by = {letter.to[0]: letter for letter in mail.outbox}
    ann, ben = by["ann@example.com"], by["ben@example.com"]
    assert ann.subject == "Your statement for 1 May 2026 to 31 May 2026 is published"
    assert ben.subject == "Ihre Abrechnung für 1. Mai 2026 bis 31. Mai 2026 ist veröffentlicht"
    html = ben.alternatives[0][0]
    assert "Guten Tag Ben," in html
    assert '<html lang="de">' in html
    for letter in mail.outbox:
        said = letter.subject + letter.body + letter.alternatives[0][0]
        assert "12345" not in said
        assert not re.search(r"[$€£]", said)
        assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = re.search(r"http://127.0.0.1:8000(/letters/leave/\S+/)", ann.body)
    assert leave
    assert Client().post(leave[1]).status_code == 200
    shop.sales(("s3", "2026-06-10T00:00:00Z", "m", "USD", "5"))
    shop.publish("2026-06", "2026-06-01", "2026-07-01")
    assert queue_new(at=AT + HOUR) == 1
    assert Message.objects.latest("pk").contributor_id == "ben"


def test_what_happened_long_ago_is_not_written_about(shop: Any) -> None:
    assert queue_new(at=AT + timedelta(days=15)) == 0


def test_each_event_makes_its_letter(shop: Any) -> None:
    act = Act(actor="olivia", at=AT)
    claim = file_claim(claimant_id="ann", dataset_version="d@1", asset_id="2", proof="mine", days=5, act=act)
    invite(contributor_id="dee", email="", act=act)
    ask_deletion(contributor_id="ben", text="", act=act)
    queue_new(at=AT + HOUR)
    kinds = set(Message.objects.values_list("kind", "contributor_id"))
    assert kinds >= {("action_needed", "ann"), ("invitation", "dee"), ("security", "ben")}
    decide(number=claim.pk, action="reject", reason="no", act=Act(actor="adam", at=AT + HOUR))
    queue_new(at=AT + 2 * HOUR)
    assert send(AT + 2 * HOUR) == 5
    assert {letter.subject for letter in mail.outbox if "statement" not in letter.subject} == {
        "A change to your account", f"Your claim {claim.pk} was decided", "You are invited to your account",
    }  # fmt: skip
    assert Message.objects.get(kind="action_needed").state == "skipped"  # the claim is decided by now
    invitation = next(letter for letter in mail.outbox if "invited" in letter.subject)
    place = re.search(r"http://127.0.0.1:8000(/invitations/\S+/)", invitation.body)
    assert place
    with time_machine.travel(AT + 2 * HOUR):
        assert Client().get(place[1]).status_code == 200


def test_a_new_destination_is_told_to_the_address_known_before_it(shop: Any) -> None:
    """Whoever took over the account may have changed everything since; the letter says nothing of where money goes."""
    account = create_user(name="ann", roles=["contributor"], contributor_id="ann", password="x", act=shop.act())
    old, new = "IBAN DE89 3704 0044 0532 0130 00", "IBAN ES91 2100 0418 4502 0005 1332"
    set_destination(contributor_id="ann", text=old, act=Act(actor="ann", at=AT - timedelta(days=30)))
    made = set_destination(contributor_id="ann", text=new, act=Act(actor="ann", at=AT))
    Contributor.objects.filter(pk="ann").update(email="thief@example.net")
    account.email = "thief@example.net"
    account.save(update_fields=["email"])
    queue_new(at=AT + HOUR)
    assert list(Message.objects.filter(kind="destination").values_list("event", flat=True)) == [
        f"destination:{made.pk}"
    ]
    for code in LANGUAGES:
        prefer(contributor_id="ann", language=code, at=AT)
        with transaction.atomic():
            send(AT + HOUR)
            transaction.set_rollback(True)
    told = [letter for letter in mail.outbox if "/destination/" in letter.body]
    assert [letter.to for letter in told] == [["ann@example.com"]] * len(LANGUAGES)
    assert len({letter.subject for letter in told}) == len(LANGUAGES)
    for letter in told:
        said = letter.subject + letter.body + letter.alternatives[0][0]
        assert not re.search(r"IBAN|1332|0130|[$€£¥]", said)
        assert "List-Unsubscribe" not in letter.extra_headers
    assert "7 July 2026" in told[0].body, "when it begins to be used"
    queue_new(at=AT + 2 * HOUR)
    assert Message.objects.filter(kind="destination").count() == 1


def test_nobody_is_written_about_the_destination_of_somebody_forgotten(shop: Any) -> None:
    set_destination(contributor_id="ben", text="IBAN DE89 3704 0044 0532 0130 00", act=Act(actor="ben", at=AT))
    queue_new(at=AT)
    request = ask_deletion(contributor_id="ben", text="", act=Act(actor="ben", at=AT))
    decide_deletion(number=request.pk, outcome="granted", reason="asked", act=Act(actor="olivia", at=AT))
    assert DestinationNotice.objects.get().address == ""
    send(AT + HOUR)
    assert Message.objects.get(kind="destination").state == "skipped"
    assert not [letter for letter in mail.outbox if "/destination/" in letter.body]


def test_an_overpayment_is_told_before_it_is_taken_back(shop: Any) -> None:
    """In every language, without an amount; an advance, which somebody asked for, is not."""
    shop.move("correction", "c1", ("payable:ann", "USD", "D", 999_000_000), ("platform", "USD", "C", 999_000_000))
    act = Act(actor="fiona", at=AT, why="too much")
    debt = book_overpayment(contributor_id="ann", currency="USD", act=act)
    ask_for_advance(contributor_id="ben", currency="USD", amount_micros=1_000_000, act=act)
    queue_new(at=AT + HOUR)
    assert list(Message.objects.filter(kind="overpaid").values_list("event", "contributor_id")) == [
        (f"debt:{debt.pk}", "ann")
    ]
    for code in LANGUAGES:
        prefer(contributor_id="ann", language=code, at=AT)
        with transaction.atomic():
            send(AT + HOUR)
            transaction.set_rollback(True)
    english, *others = [letter for letter in mail.outbox if "http://127.0.0.1:8000/\n" in letter.body]
    assert "from 30 July 2026 on" in english.body
    assert len({letter.subject for letter in (english, *others)}) == len(LANGUAGES)
    for letter in (english, *others):
        assert not re.search(r"[$€£¥]|9\d\d", letter.subject + letter.body)
        assert "List-Unsubscribe" not in letter.extra_headers


def test_what_fails_is_tried_again_and_given_up_at_last(shop: Any, monkeypatch: Any) -> None:
    queue_new(at=AT)

    def refuse(*_: Any) -> int:
        raise smtplib.SMTPServerDisconnected("ann@example.com is busy")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    assert send(AT) == 0
    message = Message.objects.get(contributor_id="ann")
    assert (message.state, message.attempts, message.due_at) == ("queued", 1, AT + again_after(1))
    assert "ann@" not in message.error
    assert send(AT) == 0
    assert Message.objects.get(contributor_id="ann").attempts == 1  # not before it is due
    at = AT
    for _ in range(MOST_ATTEMPTS):
        at += timedelta(days=1)
        send(at)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("failed", MOST_ATTEMPTS)
    monkeypatch.undo()
    assert send(at + timedelta(days=1)) == 0


def test_a_letter_left_by_a_process_that_died_is_not_sent_twice(shop: Any) -> None:
    queue_new(at=AT)
    Message.objects.filter(contributor_id="ann").update(state="sending", due_at=AT + HOUR)
    assert send(AT) == 1  # Ben's; Ann's may be on its way
    assert send(AT + 2 * HOUR) == 0
    assert Message.objects.get(contributor_id="ann").state == "unsure"
    assert [letter.to for letter in mail.outbox] == [["ben@example.com"]]
    for edit in ("UPDATE mail_message SET state = 'queued'", "DELETE FROM mail_message", "TRUNCATE mail_message"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(edit)


def test_staff_see_every_letter_and_none_names_an_amount_in_its_subject(shop: Any) -> None:
    assert set(SAMPLES) == set(KINDS)
    create_user(name="olivia", roles=["operator"], contributor_id=None, password="x", act=shop.act())
    client = Client()
    client.login(username="olivia", password="x")
    assert client.get("/staff/letters/").status_code == 200
    for kind in KINDS:
        for language in ("en", "de", "fr", "es", "ja"):
            page = client.get(f"/staff/letters/{kind}.{language}.html")
            assert f'<html lang="{language}">' in page.content.decode()
            assert "script" not in page.headers["Content-Security-Policy"]
            title = page.content.decode().split("<title>")[1].split("</title>")[0]
            assert not re.search(r"[$€£¥]", title)
    assert client.get("/staff/letters/security.en.txt").headers["Content-Type"].startswith("text/plain")
    assert client.get("/staff/letters/nothing.en.html").status_code == 404
    assert Client().get("/staff/letters/").status_code == 302
