"""The sums that a lock keeps are those of the cycle's sales, and its pools are made from them."""

from unittest import mock

import pytest

from revshare.cycles import kept_sums as kept
from revshare.cycles import operations as cycles
from revshare.cycles.kept_sums import kept_sums
from revshare.cycles.models import Cycle, Window
from revshare.cycles.queries import ranges_of
from revshare.pools import sources
from revshare.sales.queries import Sum, sums_by_target
from revshare.verification.operations import verify
from tests.stories import Story, pools
from tests.verification.test_operations import without_triggers

pytestmark = pytest.mark.django_db
M = 1_000_000
NEVER = mock.Mock(side_effect=AssertionError("sales are read again"))


@pytest.fixture
def march(story: Story) -> Story:
    """A month with a refund of its own, one of a sale of the month before, a sale that came late, and two currencies;
    everything before it is calculated, and it is open."""
    story.models(("m", "ds@1"), ("n", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy(streams="default")
    story.sales(("s1", "2026-02-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-02-11T00:00:00Z", "n", "EUR", "7"))
    story.calculate("feb", "2026-02-01", "2026-03-01")
    story.sales(
        ("s3", "2026-02-12T00:00:00Z", "n", "USD", "50"),
        ("s4", "2026-03-10T00:00:00Z", "m", "USD", "60"), ("s5", "2026-03-11T00:00:00Z", "m", "USD", "20"),
        ("r1", "2026-03-12T00:00:00Z", "m", "USD", "-10", "s1"), ("r5", "2026-03-13T00:00:00Z", "n", "USD", "-20", "s5"),
        ("s6", "2026-03-14T00:00:00Z", "n", "JPY", "900"),
    )  # fmt: skip
    story.deals(("d1", "2026-03-15T00:00:00Z", "ds@1", "USD", "5"))
    story.open("march", "2026-03-01", "2026-04-01")
    return story


def locked(story: Story) -> Cycle:
    return cycles.lock(key="march", act=story.act())


def test_they_are_those_of_all_windows(march: Story) -> None:
    cycle = locked(march)
    assert len(ranges_of(cycle)) == 2
    assert kept_sums(cycle) == tuple(sums_by_target(ranges_of(cycle))) == (
        Sum("data_deal", "", "ds@1", "USD", 5 * M, 1),
        Sum("generation", "m", "", "USD", 50 * M, 4), Sum("generation", "n", "", "JPY", 900 * M, 1),
        Sum("generation", "n", "", "USD", 50 * M, 1),
    )  # fmt: skip
    assert set(Window.objects.filter(late=True).values_list("sums", flat=True)) == {None}


def test_pools_are_made_from_them(march: Story) -> None:
    locked(march)
    with mock.patch.object(sources, "sums_by_target", NEVER):
        calculated = cycles.calculate(key="march", act=march.act())
    made = pools(calculated)
    assert sum(net for net, *_ in made.values()) == 1005 * M
    assert not verify(cycles=[calculated]).findings


def test_where_there_are_none_sales_are_read(march: Story) -> None:
    """As in a cycle that was locked before there were any, and in one with very many of them."""
    with mock.patch.object(kept, "MOST", 3):
        cycle = locked(march)
    assert kept_sums(cycle) is None
    with mock.patch.object(sources, "sums_by_target", wraps=sums_by_target) as read:
        calculated = cycles.calculate(key="march", act=march.act())
    assert read.called
    assert sum(net for net, *_ in pools(calculated).values()) == 1005 * M


def test_sums_that_somebody_changed_are_found(march: Story) -> None:
    locked(march)
    without_triggers(
        "UPDATE cycles_window SET sums = jsonb_set(sums, '{1,4}', '51000000') WHERE NOT late AND sums[3] IS NOT NULL"
    )
    calculated = cycles.calculate(key="march", act=march.act())
    assert {finding.invariant for finding in verify(cycles=[calculated]).findings} == {"I22"}
