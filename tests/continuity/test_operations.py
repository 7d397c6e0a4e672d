"""The head of what was published and paid: written down after each deed, and what an instance may do that is older."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from revshare.access.operations import create_user
from revshare.continuity.models import Restoration
from revshare.continuity.operations import NotReconciled, reconcile
from revshare.continuity.queries import closed_because, head_here, head_outside, head_path
from revshare.continuity.rules import Head, HeadWrong, head_text
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.payouts import operations as payouts
from revshare.payouts.register import register
from revshare.proofs.heads import head_of_proof
from revshare.proofs.operations import commit
from revshare.proofs.queries import proof_of
from revshare.statements.models import Statement
from tests.payouts.stories import exported, january
from tests.stories import Story

pytestmark = pytest.mark.django_db


def restored(story: Story) -> Restoration:
    return Restoration.objects.create(restored_at=story.at, restored_by="olivia")


def february(story: Story) -> Cycle:
    """Approved, and not published."""
    story.sales(("s2", "2026-02-10T00:00:00Z", "m", "USD", "50.00"))
    story.calculate("feb", "2026-02-01", "2026-03-01")
    cycles.submit(key="feb", act=story.act())
    return cycles.approve(key="feb", act=story.act("adam"))


def test_the_head_is_written_after_what_left_the_house(
    story: Story, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    assert head_outside() is None
    with django_capture_on_commit_callbacks(execute=True):
        january(story)
    jan = Cycle.objects.get(key="jan")
    assert head_outside() == head_here()
    assert head_here().cycles == {"jan": jan.result_digest}
    with django_capture_on_commit_callbacks(execute=True):
        batch = exported(story)
    assert head_here().batches == {str(batch.pk): batch.digest}
    assert head_outside() == head_here()
    assert closed_because() == ""


def test_a_restored_instance_neither_publishes_nor_pays(story: Story) -> None:
    january(story)
    draft = payouts.prepare(currency="USD", act=story.act("fiona"))
    february(story)
    restored(story)
    tries: list[Callable[[], object]] = [
        lambda: cycles.publish(key="feb", act=story.act("adam")),
        lambda: cycles.check_step(key="feb", step="publish", act=story.act("adam")),
        lambda: payouts.prepare(currency="USD", act=story.act("fiona")),
        lambda: payouts.approve(batch_id=draft.pk, digest=draft.digest, act=story.act("adam")),
    ]
    for attempt in tries:
        with pytest.raises(NotReconciled, match="is reconciled with what was published last"):
            attempt()
    with pytest.raises(DatabaseError, match="not reconciled"), transaction.atomic():
        Cycle.objects.filter(key="feb").update(state="published")


def test_a_batch_that_was_approved_before_is_not_handed_over(story: Story) -> None:
    january(story)
    batch = payouts.prepare(currency="USD", act=story.act("fiona"))
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("adam"))
    made = restored(story)
    with pytest.raises(NotReconciled):
        payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona"))
    with pytest.raises(DatabaseError, match="not reconciled"), connection.cursor() as cursor, transaction.atomic():
        cursor.execute("UPDATE payouts_batch SET state = 'exported', exported_at = now(), exported_by = 'x'")
    # The bank has it: so it may be booked as handed over again, and its register seen.
    made.expected = {"cycles": {}, "batches": {str(batch.pk): batch.digest}}
    made.save(update_fields=["expected"])
    assert register(payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona")))


def test_another_result_than_was_published_is_not_published_again(story: Story) -> None:
    january(story)
    feb = february(story)
    made = restored(story)
    here = head_here()
    other = Head(here.event, here.journal, {**here.cycles, "feb": "0" * 64})
    assert len(reconcile(head=other, act=story.act("adam"))) == 1
    with pytest.raises(NotReconciled):
        cycles.publish(key="feb", act=story.act("adam"))
    reconcile(head=Head(here.event, here.journal, {**here.cycles, "feb": feb.result_digest}), act=story.act("adam"))
    assert cycles.publish(key="feb", act=story.act("adam")).state == "published"
    made.refresh_from_db()
    assert made.reconciled_at is None
    assert reconcile(head=head_here(), act=story.act("adam")) == []
    made.refresh_from_db()
    assert made.reconciled_by == "adam"
    with pytest.raises(Refused, match="nothing to reconcile"):
        reconcile(head=head_here(), act=story.act("adam"))


def test_a_database_put_back_by_other_means_is_given_away_by_the_folder(story: Story) -> None:
    january(story)
    feb = february(story)
    here = head_here()
    later = Head((here.event[0] + 5, "f" * 64) if here.event else None, here.journal, {"feb": feb.result_digest})
    head_path().write_text(head_text(later), encoding="utf-8")
    with pytest.raises(NotReconciled, match="older than"):
        cycles.publish(key="feb", act=story.act("adam"))
    assert reconcile(head=None, act=story.act("adam")) == [
        f"Cycle feb was published with the result {feb.result_digest[:16]}…, and is not published here."
    ]
    assert cycles.publish(key="feb", act=story.act("adam")).state == "published"
    assert reconcile(head=None, act=story.act("adam")) == []


def test_a_damaged_head_closes_and_says_so(story: Story) -> None:
    january(story)
    head_path().write_text("nothing", encoding="utf-8")
    with pytest.raises(HeadWrong, match="published_head"):
        payouts.prepare(currency="USD", act=story.act("fiona"))
    status = Client().get("/health")
    assert (status.status_code, status.json()["wrong"]) == (503, ["not_reconciled"])
    create_user(name="olga", roles=["operator"], contributor_id=None, password="correct horse", act=story.act())
    client = Client()
    client.login(username="olga", password="correct horse")
    assert "This is no published head" in client.get("/console/").content.decode()


def test_a_statements_proof_stands_for_the_head(story: Story) -> None:
    january(story)
    commit(key="jan", act=story.act())
    proof = proof_of(Statement.objects.filter(cycle__key="jan").order_by("ordinal")[0])
    head = head_of_proof(json.dumps(proof), {})
    assert head.cycles == {"jan": Cycle.objects.get(key="jan").result_digest}
    restored(story)
    assert reconcile(
        head=Head(journal=head.journal, cycles=head.cycles, batches={"7": "x"}), act=story.act("adam")
    ) == ["Batch 7 (x…) went to the bank, and was not handed over here."]
    assert reconcile(head=head, act=story.act("adam")) == []
    for changed in ({"commitment": proof["commitment"].replace("jan", "feb")}, {"public_key": "0" * 64}):
        with pytest.raises(HeadWrong, match="not signed"):
            head_of_proof(json.dumps(proof | changed), {})
