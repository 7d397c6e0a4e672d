"""Which of a contributor's assets stand where, before and after dataset versions are frozen."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from revshare.consents import own_records
from revshare.consents.assets import Place, held, held_and_standings, standings
from revshare.contributors.models import Contributor
from tests.conftest import AT
from tests.stories import Story

pytestmark = pytest.mark.django_db
CONSENTS = ("contributor_id", "asset_id", "decision", "effective_at", "scope")
LATER = datetime(2026, 8, 1, tzinfo=UTC)


@pytest.fixture
def frozen(story: Story) -> Story:
    """Ann has a1 and a2 in v1 (frozen, model m), a1 in v2 (not frozen); she had opted a2 out before."""
    story.models(("m", "v1"), ("n", "v2"), ("n", "v1"))
    story.attributions(("v1", "a1", "ann"), ("v1", "a2", "ann"), ("v1", "b1", "ben"), ("v2", "a1", "ann"))
    story.take("consents", CONSENTS, [("ann", "a2", "opt_out", "2026-01-01T00:00:00Z", "")])
    story.policy()
    story.sales(("s", "2026-06-10T00:00:00Z", "m", "USD", "10"))
    story.calculate("june", "2026-06-01", "2026-07-01")
    # Dated before the lock, and not known then.
    story.take("consents", CONSENTS, [("ann", "", "opt_out", "2026-01-02T00:00:00Z", "")])
    return story


def test_each_asset_in_each_version_with_its_models_and_whether_it_was_opted_out_before(frozen: Story) -> None:
    page = standings(contributor_id="ann", at=LATER, size=9)
    assert [(r.asset_id, r.dataset_version, r.models, r.frozen_at, r.opted_out) for r in page.rows] == [
        ("a1", "v1", ("m", "n"), AT, False),
        ("a1", "v2", ("n",), None, True),  # not frozen: by what is decided now
        ("a2", "v1", ("m", "n"), AT, True),
    ]
    assert not page.more
    assert [r.asset_id for r in standings(contributor_id="ben", at=LATER, size=9).rows] == ["b1"]
    assert standings(contributor_id="nobody", at=LATER, size=9).rows == []


def test_pages_go_on_where_the_last_one_ended_and_search_takes_beginnings(frozen: Story) -> None:
    seen: list[Place] = []
    after, more = ("", ""), True
    while more:
        page = standings(contributor_id="ann", at=LATER, size=1, after=after)
        assert len(page.rows) == 1
        after, more = page.rows[0].place, page.more
        seen.append(after)
    assert seen == [("a1", "v1"), ("a1", "v2"), ("a2", "v1")]
    found = {
        text: standings(contributor_id="ann", at=LATER, size=9, search=text).rows for text in ("a2", "2", "b", "%")
    }
    assert {text: [row.place for row in rows] for text, rows in found.items()} == {
        "a2": [("a2", "v1")], "2": [], "b": [], "%": [],
    }  # fmt: skip


def test_what_a_decision_would_be_about(frozen: Story) -> None:
    def of(**asked: str) -> list[tuple[str, int, bool]]:
        return [(h.dataset_version, h.assets, h.frozen_at is not None) for h in held(contributor_id="ann", **asked)]

    assert of() == [("v1", 2, True), ("v2", 1, False)]
    assert of(asset_id="a2") == [("v1", 1, True)]
    assert of(scope="v2") == [("v2", 1, False)]
    assert of(asset_id="b1") == []
    assert held(contributor_id="nobody") == []
    both = held_and_standings(contributor_id="ann", at=LATER, size=1, search="a")
    assert both == (held(contributor_id="ann"), standings(contributor_id="ann", at=LATER, size=1, search="a"))


def test_what_was_read_once_is_not_read_again_until_there_is_more(
    frozen: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held(contributor_id="ann")
    with monkeypatch.context() as lake_gone:
        lake_gone.setattr(own_records, "duck", None)
        assert held(contributor_id="ann") == before
    frozen.attributions(("v2", "a3", "ann"))
    assert [(h.dataset_version, h.assets) for h in held(contributor_id="ann")] == [("v1", 2), ("v2", 2)]
    assert [row.place for row in standings(contributor_id="ann", at=LATER, size=9, after=("a2", "v1")).rows] == [
        ("a3", "v2")
    ]


def test_only_so_many_bytes_are_kept_and_the_latest() -> None:
    tables = {name: pa.table({"asset_id": [name * 100]}) for name in ("a", "b", "c")}
    kept = own_records.Kept(most_bytes=2 * tables["a"].nbytes)
    for name in ("a", "b"):
        kept.keep((name, "q"), tables[name])
    assert kept.find(("a", "q")) is tables["a"]  # looked at again: `b` is the oldest now
    kept.keep(("c", "q"), tables["c"])
    assert [name for name in tables if kept.find((name, "q")) is not None] == ["a", "c"]
    kept.keep(("d", "q"), pa.table({"asset_id": ["d" * 1000]}))  # alone too much
    assert kept.find(("d", "q")) is None
    assert kept.find(("a", "q")) is tables["a"]


def test_ids_are_compared_as_they_are(story: Story) -> None:
    odd = ["NA", "007", "1e5", "O'Brien"]
    story.attributions(*[("v1", name, name) for name in odd])
    assert set(odd) == set(Contributor.objects.values_list("pk", flat=True))
    for name in odd:
        assert [row.asset_id for row in standings(contributor_id=name, at=AT, size=9, search=name).rows] == [name]
