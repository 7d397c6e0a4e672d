"""A pool under a cap or a floor split once more, in plain integers, to hold against what `apportion_limits` gave.

Written from the policy's words (docs/rules.md), one contributor after another: nothing of what made the result is in
here, but for `apportion`, the slow exact split.
"""

from collections.abc import Sequence

from revshare.apportion import apportion


def within(*, total: int, weights: Sequence[int], free: Sequence[bool], cap: int | None, floor: int) -> list[int]:
    """Who would get more than the cap gets the cap, who would get less than the floor gets the floor, and the others
    share what is left by their weights, again and again. `free`: for whom neither holds. What nobody may take is
    missing from the sum."""
    bound = [place for place, weight in enumerate(weights) if weight and not free[place]]
    if (cap is not None and floor > cap) or floor * len(bound) > total:
        floor = 0
    raised: set[int] = set()
    while True:
        amounts = _capped(total, weights, cap, set(bound) - raised, dict.fromkeys(raised, floor))
        below = [place for place in bound if place not in raised and amounts[place] < floor]
        if not below:
            return amounts
        raised.update(below)


def _capped(total: int, weights: Sequence[int], cap: int | None, bound: set[int], fixed: dict[int, int]) -> list[int]:
    """`fixed`: what some places get whatever comes of the others. `bound`: those for whom the cap holds."""
    while True:
        open_to = [0 if place in fixed else weight for place, weight in enumerate(weights)]
        left = total - sum(fixed.values())
        amounts = apportion(total=left, weights=open_to) if any(open_to) else [0] * len(weights)
        above = [place for place in bound if place not in fixed and cap is not None and amounts[place] > cap]
        if not above or cap is None:
            return [fixed.get(place, amount) for place, amount in enumerate(amounts)]
        fixed = fixed | dict.fromkeys(above, cap)
