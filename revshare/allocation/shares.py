"""One pool split over its units: by largest remainder, within the policy's limits. Pure arithmetic on arrays."""

from dataclasses import dataclass

import numpy as np

from revshare.allocation.models import Bucket
from revshare.allocation.numerators import Aside, Holding, Int64s
from revshare.apportion import apportion_array
from revshare.apportion_limits import apportion_within
from revshare.money import share_of
from revshare.policies.terms import Terms

OVER_CAP = "over the cap"


@dataclass(frozen=True)
class Kept:
    """Money of a pool that was set aside, with the units it goes by; micros."""

    aside: Aside
    amount_micros: int


@dataclass(frozen=True)
class Shares:
    """`amounts`: by the codes of the holding. Together with what is set aside they come to the pool; micros. `residue`:
    how many of them were rounded up; 0 under limits, where
    shares are rounded once a round."""

    amounts: Int64s
    residue: int
    set_aside: tuple[Kept, ...] = ()


def share_out(*, total_micros: int, holding: Holding, terms: Terms | None) -> Shares:
    """Splits a pool (≥ 0) over contributors and what is set aside. Ties go to contributors by ascending id, then to
    what is set aside in its order. `terms`: the policy's, whose cap and floor hold for contributors and held money.

    Raises what `apportion_array` raises.
    """
    units = holding.ticks
    if holding.aside:
        units = np.concatenate([units, np.array([item.units for item in holding.aside], np.int64)])
    if terms is not None and terms.is_limited and total_micros:
        free = np.array([False] * len(holding.ticks) + [item.bucket == Bucket.COMMONS for item in holding.aside], bool)
        cap = share_of(total_micros, terms.cap) if terms.cap else None
        limited = apportion_within(total=total_micros, weights=units, cap=cap, floor=terms.floor_micros, free=free)
        kept = _kept(holding, limited.amounts)
        if limited.rest:
            kept.append(Kept(Aside(Bucket.COMMONS, OVER_CAP, 0), limited.rest))
        return Shares(limited.amounts[: len(holding.ticks)], 0, tuple(kept))
    result = apportion_array(total=total_micros, weights=units)
    kept, residue = _kept(holding, result.amounts), result.residue
    if kept and total_micros:
        whole = holding.denominator
        residue -= sum(item.amount_micros - total_micros * item.aside.units // whole for item in kept)
    return Shares(result.amounts[: len(holding.ticks)], residue, tuple(kept))


def _kept(holding: Holding, amounts: Int64s) -> list[Kept]:
    aside = amounts[len(holding.ticks) :]
    return [Kept(item, int(amount)) for item, amount in zip(holding.aside, aside, strict=True)]
