"""What claims change in who holds what of dataset versions: the money of an asset in dispute is held for whose it is so
far, that of an upheld claim goes to the claimant."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from revshare.claims.rules import Contested, Holder
from revshare.policies.eligibility import PAY, Eligibility

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Payable:
    """By code: units that are paid, ticks, and who holds any."""

    units: Int64s
    ticks: Int64s
    holds: npt.NDArray[np.bool_]


class Disputes:
    """The contested assets of a cycle, and what of them is found contested while dataset versions are weighed."""

    def __init__(self, contested: Sequence[Contested], places: Mapping[str, int], eligibility: Eligibility) -> None:
        """`places`: codes of all whom the contested assets name. Of contributors who are paid nothing by the policy an
        asset is in dispute in name only."""
        self._contested = contested
        self._places = places
        self._eligibility = eligibility
        self._without = {*eligibility.excluded_contributors, *eligibility.commons_contributors}
        self.held: dict[tuple[int, int], int] = defaultdict(int)  # claim and code: units

    def decimals(self, versions: Sequence[str]) -> int:
        """How many decimals the weighted ticks of contested assets of these versions have."""
        weights = [h.weight_ticks for a in self._contested if a.dataset_version in versions for h in a.holders]
        return max((max(0, -int(weight.normalize().as_tuple().exponent)) for weight in weights), default=0)

    def move(self, payable: Payable, *, versions: Sequence[str], decimals: int | None) -> None:
        """Of the units that are paid: takes out what is in dispute, and gives what an upheld claim moved to whose it is
        now. An asset in dispute counts as held by its owner so far; whoever lost all to upheld claims holds nothing."""
        left = set()
        for asset, holder in self._paid(versions):
            owner_id = asset.owner or holder.contributor_id
            code, owner = self._places[holder.contributor_id], self._places[owner_id]
            units = _units(holder, decimals)
            if owner != code:
                payable.ticks[code] -= holder.ticks
                payable.ticks[owner] += holder.ticks
                payable.units[code] -= units
                payable.units[owner] += units
                payable.holds[owner] = True
                left.add(code)
            if asset.claim and owner_id not in self._without:
                payable.units[owner] -= units
                self.held[asset.claim, owner] += units
        for code in left:
            payable.holds[code] = payable.ticks[code] > 0

    def _paid(self, versions: Sequence[str]) -> Iterator[tuple[Contested, Holder]]:
        """What of the contested assets the policy would pay: the rest is excluded, held or the public's anyway."""
        for asset in self._contested:
            if asset.dataset_version in versions:
                yield from ((asset, own) for own in asset.holders if self._eligibility.treatment(own.record) == PAY)


def _units(holder: Holder, decimals: int | None) -> int:
    return holder.ticks if decimals is None else int(holder.weight_ticks * 10**decimals)
