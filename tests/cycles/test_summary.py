"""A cycle's numbers, asked for by few questions, against a look at each sale."""

import pytest

from revshare.allocation.models import Rest
from revshare.cycles.models import Cycle, Window
from revshare.cycles.summary import pools_of, sales_outside_cycles, statements_count, summarise
from revshare.ledger.models import PoolControl
from revshare.ledger.queries import trial_balance
from revshare.policies.operations import register
from revshare.pools.models import Pool
from revshare.sales.models import Sale
from revshare.statements.models import Statement
from tests.stories import Story

POLICY = b"""name = "p"
version = "1"
[eligibility]
commons_contributors = ["crowd"]
[streams.default]
contributor_share = "20%"
pooling = "per_model"
allocation = "asset_count"
"""


@pytest.fixture
def year(story: Story) -> list[Cycle]:
    """Three cycles with a gap before the last: late sales, refunds that name none, money for the commons, a pool that
    nobody shares."""
    story.models(("m", "ds@1"), ("n", "ds@2"))
    story.attributions(("ds@1", "a1", "ann"), ("ds@1", "a2", "ben"), ("ds@1", "c1", "crowd"), ("ds@2", "z1", "ann"))
    story.policies["p"], _ = register(content=POLICY, act=story.act())
    story.sales(
        ("s0", "2025-12-31T23:59:59Z", "m", "USD", "1"), ("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"),
        ("u1", "2026-01-11T00:00:00Z", "m", "USD", "-40"), ("s2", "2026-02-10T00:00:00Z", "mystery", "USD", "10"),
        ("e1", "2026-01-12T00:00:00Z", "n", "EUR", "7"),
    )  # fmt: skip
    january = story.calculate("jan", "2026-01-01", "2026-02-01")
    story.sales(
        ("l1", "2026-01-31T23:59:59Z", "m", "USD", "50"), ("l2", "2026-01-05T00:00:00Z", "m", "USD", "-3"),
        ("g1", "2026-03-01T00:00:00Z", "m", "USD", "9"), ("g2", "2026-03-31T23:59:59Z", "m", "USD", "-9"),
        ("x1", "2026-05-01T00:00:00Z", "m", "USD", "2"),
    )  # fmt: skip
    february = story.calculate("feb", "2026-02-01", "2026-03-01")
    return [january, february, story.calculate("apr", "2026-04-01", "2026-05-01")]


def sales_of(cycle: Cycle) -> list[tuple[Sale, bool]]:
    """Each sale that the cycle took, and whether it was late."""
    windows = Window.objects.filter(cycle=cycle)
    return [
        (sale, window.late)
        for window in windows
        for sale in Sale.objects.all()
        if window.starts_at <= sale.sold_at < window.ends_at and window.after_seq < sale.seq <= window.upto_seq
    ]


def test_numbers_of_cycles(year: list[Cycle]) -> None:
    found = []
    for cycle in year:
        numbers = summarise(cycle).numbers
        unlinked = [s.gross_micros for s, _ in sales_of(cycle) if s.gross_micros < 0 and not s.refund_of]
        assert numbers.unlinked_refunds == (len(unlinked), sum(unlinked))
        assert numbers.late_sales == sum(late for _, late in sales_of(cycle))
        assert numbers.statements == statements_count(cycle) == Statement.objects.filter(cycle=cycle).count()
        assert numbers.trial_balance == trial_balance()
        found.append((numbers.late_sales, numbers.unlinked_refunds, numbers.sales_outside))
    # s0 before the first, g1 and g2 between, x1 after the last.
    assert found == [(0, (1, -40_000_000), 4), (2, (1, -3_000_000), 4), (0, (0, 0), 4)]


def test_pools_with_their_controls_and_what_went_to_nobody(year: list[Cycle]) -> None:
    aside, unshared = 0, 0
    for cycle in year:
        for item in pools_of(cycle):
            control = PoolControl.objects.filter(pool=item.pool).first()
            rests = Rest.objects.filter(pool=item.pool).exclude(reason="")
            assert item.set_aside == {bucket: sum(r.amount_micros for r in rests if r.bucket == bucket)
                                      for bucket in {r.bucket for r in rests}}  # fmt: skip
            told = (item.contributors, item.allocated_micros, item.residue_micros)
            wanted = (control.entries, control.amount_micros, control.residue_micros) if control else (0, 0, 0)
            assert told == wanted
            aside, unshared = aside + len(item.set_aside), unshared + (control is None)
        assert {item.pool.pk for item in pools_of(cycle)} == {
            pool.pk for pool in Pool.objects.filter(cycle=cycle, kind=Pool.Kind.SALES)
        }
    assert aside > 0
    assert unshared > 0


def test_where_there_is_no_cycle_all_sales_are_outside(story: Story) -> None:
    assert sales_outside_cycles() == 0
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "1"), ("s2", "2026-02-10T00:00:00Z", "m", "USD", "1"))
    assert sales_outside_cycles() == 2
