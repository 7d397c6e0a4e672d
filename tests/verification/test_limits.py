"""Caps and floors by verify's own rule: the same as the product's, and it tells when that one is wrong."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.allocation import shares
from revshare.apportion_limits import Limited, apportion_within
from revshare.cycles.models import Cycle
from revshare.policies.operations import register
from revshare.verification.limits import within
from revshare.verification.operations import verify
from tests.stories import Story

weights = st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=9)


def test_by_hand() -> None:
    # 100 by 6:3:1, nobody above 45: the first has 45, the others share 55 by 3:1.
    assert within(total=100, weights=[6, 3, 1], free=[False] * 3, cap=45, floor=0) == [45, 41, 14]
    # Nobody below 20: the last has 20, the others share 80 by 6:3.
    assert within(total=100, weights=[6, 3, 1], free=[False] * 3, cap=None, floor=20) == [53, 27, 20]
    # Both: 20, and of the 80 nobody above 45.
    assert within(total=100, weights=[6, 3, 1], free=[False] * 3, cap=45, floor=20) == [45, 35, 20]
    # All at the cap: ten are nobody's. The public is under no limit.
    assert within(total=100, weights=[6, 3, 1], free=[False] * 3, cap=30, floor=0) == [30, 30, 30]
    assert within(total=100, weights=[6, 3, 1], free=[False, False, True], cap=30, floor=0) == [30, 30, 40]
    # Not enough for a floor of 40 each: none. Who has no weight has no floor either.
    assert within(total=100, weights=[6, 3, 1], free=[False] * 3, cap=None, floor=40) == [60, 30, 10]
    assert within(total=100, weights=[6, 4, 0], free=[False] * 3, cap=None, floor=45) == [55, 45, 0]


@given(total=st.integers(0, 10_000), held=weights, cap=st.none() | st.integers(0, 3_000), floor=st.integers(0, 900))
def test_it_is_what_the_product_does_by_arrays(
    total: int, held: list[tuple[int, bool]], cap: int | None, floor: int
) -> None:
    of, free = map(list, zip(*held, strict=True))
    if total and not any(of):
        return
    result = apportion_within(
        total=total, weights=np.array(of, np.int64), cap=cap, floor=floor, free=np.array(free, bool)
    )
    amounts = within(total=total, weights=of, free=free, cap=cap, floor=floor)
    assert amounts == result.amounts.tolist()
    assert total - sum(amounts) == result.rest


def off_by_a_micro(**given_: Any) -> Limited:
    result = apportion_within(**given_)
    amounts = result.amounts.copy()
    amounts[:2] += [1, -1]
    return replace(result, amounts=amounts)


@pytest.mark.parametrize("limit", ['cap = "45%"', 'floor = "8"'])
def test_verify_finds_what_a_wrong_rule_gave(story: Story, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{n}", "ann") for n in range(3)], ("ds@1", "b", "ben"), ("ds@1", "c", "cy"))
    text = '[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\nallocation = "asset_count"\n'
    story.policies["p"], _ = register(content=f'name = "p"\nversion = "1"\n{text}{limit}\n'.encode(), act=story.act())
    story.sales(*[(f"s{n}", f"2026-0{n}-10T00:00:00Z", "m", "USD", "200") for n in (1, 2)])
    story.calculate("jan", "2026-01-01", "2026-02-01")
    assert verify(cycles=list(Cycle.objects.all())).findings == []
    monkeypatch.setattr(shares, "apportion_within", off_by_a_micro)
    story.calculate("feb", "2026-02-01", "2026-03-01")
    [finding] = verify(cycles=list(Cycle.objects.all())).findings
    assert (finding.invariant, finding.where) == ("I22", "feb pool default · m · USD")
    assert finding.what.startswith("ann has (ticks, micros) (2162160, ")
