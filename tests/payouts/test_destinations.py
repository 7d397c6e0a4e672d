"""Where money goes: named by the contributor, used after a while, never shown whole, and part of what is approved."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from revshare.access.operations import create_user
from revshare.audit_trail.models import Event
from revshare.errors import Conflict, NotFound, Refused
from revshare.payouts import operations as payouts
from revshare.payouts.destinations import in_use, set_destination
from revshare.payouts.models import Destination, DestinationNotice, Payment
from revshare.payouts.own import own_standings
from revshare.payouts.queries import standings
from revshare.payouts.rules import COOL_OFF, destination_sha256, masked
from revshare.portal.payable import card
from tests.ownership import owner
from tests.payouts.stories import january
from tests.stories import Story

pytestmark = pytest.mark.django_db
FIRST, SECOND = "IBAN DE89 3704 0044 0532 0130 00", "IBAN ES91 2100 0418 4502 0005 1332"


def named(story: Story, text: str, *, days_ago: int, contributor: str = "ann") -> Destination:
    act = replace(story.act(contributor), at=story.at - timedelta(days=days_ago))
    return set_destination(contributor_id=contributor, text=text, act=act)


def test_the_last_one_that_has_cooled_off_counts(story: Story) -> None:
    january(story)
    assert in_use(["ann"], at=story.at) == {}
    named(story, FIRST, days_ago=30)
    named(story, SECOND, days_ago=2)
    named(story, SECOND, days_ago=30, contributor="ben")
    assert in_use(["ann", "ben", "cy"], at=story.at) == {"ann": FIRST, "ben": SECOND}
    assert in_use(["ann"], at=story.at + timedelta(days=5)) == {"ann": SECOND}
    assert timedelta(days=7) == COOL_OFF


def test_a_batch_holds_its_hash_and_an_approval_is_void_when_it_changes(story: Story) -> None:
    january(story, payout='minimum = {USD = "1.00"}')
    named(story, FIRST, days_ago=30)
    batch = payouts.prepare(currency="USD", act=story.act("fiona"))
    hashes = dict(Payment.objects.values_list("contributor_id", "destination_sha256"))
    assert hashes["ann"] == destination_sha256("P-ann", FIRST)
    assert hashes["ben"] == destination_sha256("P-ben")
    assert len({hashes["ann"], destination_sha256("P-ann"), destination_sha256("P-ann", SECOND)}) == 3
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("adam"))
    named(story, SECOND, days_ago=0)
    later = replace(story.act("fiona"), at=story.at + timedelta(days=8))
    with pytest.raises(Conflict, match="The destination is another by now"):
        payouts.release_to_bank(batch_id=batch.pk, act=later)
    assert payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona")).state == "exported", "not used yet"


def test_the_address_known_before_is_told_and_the_trail_has_no_text(story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name", "email"),
               [("ann", "Ann", "ann@example.org"), ("cy", "Cy", "")])  # fmt: skip
    named(story, FIRST, days_ago=0)
    named(story, FIRST, days_ago=0, contributor="cy")
    notice = DestinationNotice.objects.get()
    assert (notice.address, notice.destination.contributor_id) == ("ann@example.org", "ann")
    assert not [event for event in Event.objects.all() if "DE89" in str(event.detail)]
    assert masked(FIRST) == "…0 00"


def test_without_an_address_of_the_contributor_the_accounts_is_told(story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name", "email"), [("cy", "Cy", "")])
    user = create_user(name="cy", roles=["contributor"], contributor_id="cy", password="x", act=story.act())
    user.email = "cy@account.example"
    user.save(update_fields=["email"])
    named(story, FIRST, days_ago=0, contributor="cy")
    assert DestinationNotice.objects.get().address == "cy@account.example"


def test_what_it_is_refused_for(story: Story) -> None:
    january(story)
    for text in ("", "short", "x" * 201, "IBAN DE89\x00 3704 0044"):
        with pytest.raises(Refused):
            named(story, text, days_ago=0)
    with pytest.raises(NotFound):
        named(story, FIRST, days_ago=0, contributor="nobody")
    named(story, FIRST, days_ago=1)
    with pytest.raises(Conflict):
        named(story, f"  {FIRST} ", days_ago=0)
    assert Destination.objects.count() == 1


def test_the_database_keeps_it_as_it_was(story: Story) -> None:
    january(story)
    story.take("contributors", ("contributor_id", "contributor_name", "email"), [("ann", "Ann", "ann@example.org")])
    named(story, FIRST, days_ago=0)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else TRUNCATE is refused for what is still to be checked
    for sql in (
        "UPDATE payouts_destination SET text = 'mine'",
        "DELETE FROM payouts_destination",
        "TRUNCATE payouts_destination CASCADE",
        "UPDATE payouts_destination_notice SET address = 'mine@example.org'",
        "DELETE FROM payouts_destination_notice",
        "TRUNCATE payouts_destination_notice",
    ):
        for role in (nullcontext, owner):
            with role(), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
    DestinationNotice.objects.update(address="")  # when its contributor is forgotten


def test_its_page_masks_it_and_asks_again_who_it_is(story: Story, settings: Any) -> None:
    january(story)
    client = Client()
    client.force_login(create_user(
        name="ann", roles=["contributor"], contributor_id="ann", password="correct horse battery", act=story.act()
    ))  # fmt: skip
    assert client.post("/destination/", {"text": FIRST}).status_code == 302
    body = client.get("/destination/").content.decode()
    assert FIRST not in body
    assert "…0 00" in body
    assert client.post("/destination/", {"text": "short"}).status_code == 422
    settings.REVSHARE_STRICT_SIGN_IN = True
    answer = client.post("/destination/", {"text": SECOND})
    assert answer.headers["Location"].startswith("/account/confirm/?next=")
    assert Destination.objects.count() == 1


def test_no_payee_is_over_once_somebody_says_to_whom(story: Story) -> None:
    """A destination, or a payee in a contributors file: at once, wherever it is said why money waits."""
    january(story, payout='minimum = {USD = "1.00"}')

    def whys() -> list[str]:
        (dee,) = standings(today=story.at.date(), contributor_ids=["dee"])
        (own,) = own_standings(contributor_id="dee", today=story.at.date())
        assert dee.reasons == own.standing.reasons
        assert card(own).needs_destination == ("no_payee" in [why.code for why in dee.reasons])
        return [why.code for why in dee.reasons]

    assert whys()[0] == "no_payee"
    named(story, FIRST, days_ago=0, contributor="dee")
    assert whys()[0] == "payee_to_come"
    story.take("contributors", ("contributor_id", "contributor_name", "payee_id"), [("dee", "Dee", "P-dee")])
    assert not {"no_payee", "payee_to_come"} & set(whys())
