"""Apportionment under limits: nobody above a cap, nobody with a weight below a floor. Pure, exact, by arrays.

Amounts follow the weights as far as the limits allow (water-filling): who would get more than the cap gets the cap, and
what is left over is apportioned again among the others, until nobody is above it; likewise for the floor.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from revshare.apportion import apportion_array

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Limited:
    """`amounts` of the same shape as the weights. `rest`: what nobody may take, because all are at the cap."""

    amounts: Int64s
    rest: int


def apportion_within(
    *, total: int, weights: Int64s, cap: int | None = None, floor: int = 0, free: Bools | None = None
) -> Limited:
    """Splits `total` (≥ 0) by weights (≥ 0), nobody getting more than `cap` units, nor, with a weight above zero, less
    than `floor`. Where the floor would need more than there is, or is above the cap, it does not apply. `free`: for
    whom neither limit holds.

    Raises what `apportion_array` raises.
    """
    bound = np.ones(weights.size, bool) if free is None else ~free
    holding = (weights > 0) & bound
    if (cap is not None and floor > cap) or floor * int(np.count_nonzero(holding)) > total:
        floor = 0
    raised = np.zeros(weights.size, bool)
    while True:
        left = total - floor * int(np.count_nonzero(raised))
        result = _capped(left, np.where(raised, 0, weights), cap, bound)
        below = holding & ~raised & (result.amounts < floor)
        if not below.any():
            break
        raised |= below
    if not raised.any():
        return result
    return Limited(np.where(raised, np.int64(floor), result.amounts), result.rest)


def _capped(total: int, weights: Int64s, cap: int | None, bound: Bools) -> Limited:
    amounts = np.zeros(weights.size, np.int64)
    open_to, left = weights, total
    while open_to.any():
        result = apportion_array(total=left, weights=open_to)
        if cap is None or not (above := bound & (result.amounts > cap)).any():
            return Limited(amounts + result.amounts, 0)
        amounts[above] = cap
        left -= cap * int(np.count_nonzero(above))
        open_to = np.where(above, 0, open_to)
    return Limited(amounts, left)
