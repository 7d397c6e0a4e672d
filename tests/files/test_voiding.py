"""Void files: what they said counts no more and may be said again; nothing that was closed with them changes."""

from datetime import timedelta

import pytest

from revshare.cycles.models import Cycle
from revshare.errors import Conflict, NotFound, Refused
from revshare.files.models import IngestedFile, QuarantinedRow, Void
from revshare.files.voiding import void, voided
from revshare.measures.models import Measure, Output, Usage
from revshare.sales.models import Sale
from revshare.verification.operations import verify
from tests.stories import Story

pytestmark = pytest.mark.django_db
M = 1_000_000
ROWS = {
    "measures": (("contributor_id", "measure", "start", "end", "value"), ("ann", "revenue", "2026-06-01", "2026-07-01"), Measure),
    "outputs": (("sale_id", "contributor_id", "score"), ("s1", "ann"), Output),
    "usage": (("customer_id", "model", "day", "units"), ("c1", "m", "2026-06-10"), Usage),
}  # fmt: skip


def last() -> int:
    return IngestedFile.objects.latest("pk").pk


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


@pytest.mark.parametrize("kind", ROWS)
def test_the_same_key_comes_again_after_its_file_is_void(story: Story, kind: str) -> None:
    header, key, model = ROWS[kind]
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", "Ann")])
    story.take(kind, header, [(*key, "1")])
    first = last()
    assert story.take(kind, header, [(*key, "0" if kind != "usage" else "2")]).file.rows_quarantined == 1
    void(file_id=first, reason="wrong", act=story.act())
    assert story.take(kind, header, [(*key, "0.0" if kind != "usage" else "3")]).file.rows_accepted == 1
    second = last()
    assert story.take(kind, header, [(*key, "0.00" if kind != "usage" else "4")]).file.rows_accepted == 0
    void(file_id=second, reason="wrong again", act=story.act())
    assert story.take(kind, header, [(*key, "1.0" if kind != "usage" else "5")]).file.rows_accepted == 1
    assert sorted(model.objects.values_list("after_voids", flat=True)) == [0, 1, 2]
    assert voided() == (first, second)
    clean()


def test_ids_of_sales_come_again_and_refunds_are_of_the_new_ones(story: Story) -> None:
    rows = [("s1", "2026-06-01T00:00:00Z", "m", "USD", "9.00"), ("s2", "2026-06-01T00:00:00Z", "m", "USD", "5.00")]
    story.sales(*rows)
    first = last()
    story.sales(("r1", "2026-06-02T00:00:00Z", "m", "USD", "-4.00", "s1"))
    assert story.sales(("s1", "2026-06-01T00:00:00Z", "m", "USD", "8.00")).file.rows_quarantined == 1
    QuarantinedRow.objects.update(state="dismissed", decided_by="olivia", decided_at=story.at)
    void(file_id=first, reason="wrong", act=story.act())
    # What stayed refunded must fit.
    assert story.sales(("s1", "2026-06-01T00:00:00Z", "m", "USD", "3.00")).file.rows_quarantined == 1
    assert story.sales(("s1", "2026-06-01T00:00:00Z", "m", "USD", "8.0")).file.rows_accepted == 1
    assert Sale.objects.get(file=last()).part == last()  # beside the other, which has its id
    assert story.sales(("r2", "2026-06-03T00:00:00Z", "m", "USD", "-5.00", "s1")).file.rows_quarantined == 1
    assert story.sales(("r3", "2026-06-03T00:00:00Z", "m", "USD", "-4.00", "s1")).file.rows_accepted == 1
    assert (
        story.sales(("r4", "2026-06-03T00:00:00Z", "m", "USD", "-1.00", "s2")).file.rows_quarantined == 1
    )  # it is gone
    clean()


def test_a_cycle_closed_before_is_what_it_was(story: Story) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"))
    story.policy()
    story.sales(("s1", "2026-05-10T00:00:00Z", "m", "USD", "10.00"))
    first = last()
    may = story.publish("may", "2026-05-01", "2026-06-01")
    story.sales(("r1", "2026-06-02T00:00:00Z", "m", "USD", "-4.00", "s1"))
    void(file_id=first, reason="wrong", act=story.act())
    story.sales(("s1", "2026-05-10T00:00:00Z", "m", "USD", "20.00"))
    june = story.publish("june", "2026-06-01", "2026-07-01")
    assert (may.pinned["voided"], june.pinned["voided"]) == ([], [first])
    clean()


def test_what_cannot_be_void_is_said(story: Story) -> None:
    story.sales(("s1", "2026-06-01T00:00:00Z", "m", "USD", "9.00"), ("s1", "2026-06-01T00:00:00Z", "m", "USD", "8.00"))
    file = last()
    with pytest.raises(Refused, match="wait in quarantine"):
        void(file_id=file, reason="wrong", act=story.act())
    with pytest.raises(NotFound):
        void(file_id=file + 1, reason="wrong", act=story.act())
    story.sales(("s2", "2026-06-01T00:00:00Z", "m", "USD", "9.00"))
    with pytest.raises(Refused, match="Say why"):
        void(file_id=last(), reason=" ", act=story.act())
    made, new = void(file_id=last(), reason="wrong", act=story.act())
    story.at += timedelta(days=1)
    assert void(file_id=last(), reason="wrong", act=story.act("oscar")) == (made, False)
    assert new
    with pytest.raises(Conflict, match="by olivia: wrong"):
        void(file_id=last(), reason="another", act=story.act())
    story.models(("m", "ds@1"))
    with pytest.raises(Refused, match="of kind models"):
        void(file_id=last(), reason="wrong", act=story.act())
    assert Void.objects.count() == 1
