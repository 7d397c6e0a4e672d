"""Largest-remainder apportionment: split an integer exactly in proportion to integer weights.

Pure: no Django, no I/O. Money is int micros throughout; the one float in this file is a guess of a quotient, which
exact integer arithmetic corrects before it is used.

The method (Hamilton's, of 1792; Balinski & Young, "Fair Representation", 1982): with T = total, W = Σ weights, every
index i has the quota w_i × T ÷ W. It first gets the floor of its quota. What is left, the residue, is fewer units
than there are indices with a fractional part; it goes out one unit each to the largest remainders
(w_i × T) mod W, ties to the lower index. Callers give weights in ascending order of contributor id in code-point
order, so that the index stands for the id and the result does not depend on the order of rows.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

INT64_MAX = 2**63 - 1

TICKS_PER_ASSET = 720_720
"""Units one asset is counted in: the least common multiple of 1 to 16, so equal splits up to 16 ways are exact."""

FAST_TOTAL_MAX = 2**62
"""Largest total that the vectorised path takes; see `fits_int64`."""

_GUESS_ERROR_SHIFT = 51
_LOW_32_BITS = 0xFFFF_FFFF


class ApportionInputError(ValueError):
    """The arguments cannot be apportioned. Base of the errors below that a caller may want to tell apart."""


class NegativeTotal(ApportionInputError):
    """The total to share out is below zero."""


class NegativeWeight(ApportionInputError):
    """At least one weight is below zero."""


class NoWeights(ApportionInputError):
    """There is something to share out and nobody has a weight: the caller sends all of it to suspense."""


class TotalTooLarge(ApportionInputError):
    """The total does not fit into a signed 64-bit integer, so neither may the amounts."""


class SharesMismatch(ApportionInputError):
    """The number of shares is not the number of contributors, or there is no contributor."""


class ApportionmentBroken(ArithmeticError):
    """A computed result failed its own proof. This is a fault of the program or the machine, never of the input."""


@dataclass(frozen=True, eq=False)
class Apportioned:
    """Result of `apportion_array`.

    amounts: shape (n,), int64, read-only; unit that of the total; in the order of the weights; sums to the total.
    residue: units handed out one by one to the largest remainders, 0 ≤ residue < n (0 if n is 0).
    """

    amounts: npt.NDArray[np.int64]
    residue: int


def apportion(*, total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights` by largest remainder, ties to the lower index, in Python integers.

    total: units to share out, ≥ 0, of any size. weights: n integers ≥ 0 in ascending order of contributor id.
    Returns n amounts ≥ 0 that sum to `total`; a zero weight gets zero; a total of 0 gives zeros.
    Raises NegativeTotal, NegativeWeight, NoWeights (total > 0 and weights empty or all zero), TypeError for anything
    that is not an integer (a float, a Decimal), ApportionmentBroken if the result fails its proof.
    """
    amounts, _ = _apportion_exactly(operator.index(total), [operator.index(weight) for weight in weights])
    return amounts


def apportion_array(*, total: int, weights: npt.NDArray[np.int64]) -> Apportioned:
    """The same split as `apportion`, vectorised: a million weights take hundredths of a second, not a whole one.

    total: units to share out, 0 ≤ total < 2^63. weights: shape (n,), int64, ≥ 0, in ascending order of contributor id;
    their sum may exceed int64. Where `fits_int64` does not hold, even once the weights are divided by their greatest
    common divisor (which changes no quota), the split is done in Python integers: slower, the same result.
    Raises NegativeTotal, TotalTooLarge, NegativeWeight, NoWeights as `apportion` does; TypeError if `weights` is not a
    one-dimensional int64 array or `total` is not an integer; ApportionmentBroken if the result fails its proof.
    """
    total = operator.index(total)
    _check_array_input(total, weights)
    weight_sum = exact_sum(weights)
    if total and not weight_sum:
        raise NoWeights(f"{total} to share out, but the {weights.size} weights sum to zero")
    if total and not fits_int64(total=total, weight_sum=weight_sum):
        divisor = np.gcd.reduce(weights)
        weights, weight_sum = weights // divisor, weight_sum // int(divisor)
    if not total:
        amounts, residue = np.zeros(weights.size, dtype=np.int64), 0
    elif fits_int64(total=total, weight_sum=weight_sum):
        floors, remainders = _floors_and_remainders(total, weights, weight_sum)
        residue = _prove_floors(total, weight_sum, floors, remainders)
        amounts = _hand_out(floors, remainders, residue)
        if exact_sum(amounts) != total:
            raise ApportionmentBroken(f"amounts sum to {exact_sum(amounts)} instead of {total}")
    else:
        exact, residue = _apportion_exactly(total, weights.tolist())
        amounts = np.array(exact, dtype=np.int64)
    amounts.flags.writeable = False
    return Apportioned(amounts=amounts, residue=residue)


def apportion_signed(*, total: int, weights: Sequence[int]) -> list[int]:
    """`apportion` of a total that may be negative: the mirror of that of the positive one, so that a sale and its
    refund are split into amounts that cancel out.

    Raises what `apportion` raises.
    """
    amounts = apportion(total=abs(total), weights=weights)
    return amounts if total >= 0 else [-amount for amount in amounts]


def split_ticks(*, shares: Sequence[int] | None, contributors: int) -> list[int]:
    """Split one asset's TICKS_PER_ASSET ticks over its contributors by largest remainder.

    shares: None for equal parts; else one integer ≥ 0 per contributor, in ascending order of contributor id, of any
    common scale. contributors: how many there are, ≥ 1. Returns that many tick counts in the same order; they sum
    to TICKS_PER_ASSET.
    Raises SharesMismatch (no contributor, or another number of shares), NegativeWeight, NoWeights (all shares zero).
    """
    if contributors < 1:
        raise SharesMismatch(f"an asset needs at least one contributor, not {contributors}")
    if shares is None:
        shares = [1] * contributors
    if len(shares) != contributors:
        raise SharesMismatch(f"{len(shares)} shares were given for {contributors} contributors")
    return apportion(total=TICKS_PER_ASSET, weights=shares)


def fits_int64(*, total: int, weight_sum: int) -> bool:
    """Whether the vectorised path is proven exact for T = `total` and W = `weight_sum`, both > 0.

    Proof. With u = 2^-53, the guess y = fl(fl(w) × fl(T ÷ W)) has three roundings, so |y - x| ≤ 4u × x ≤ T ÷ 2^51 < E
    for x = wT ÷ W ≤ T and E = floor(T ÷ 2^51) + 1. Its truncation g has -E < x - g < E + 1, so the remainder
    r = wT - gW = (x - g) × W has |r| < (E + 1) × W. If that is below 2^63, then r taken modulo 2^64 and read as a
    signed number is r itself. (T ≤ 2^62 keeps g inside int64.)

    So W < 2^62 for T < 2^51, W < 2^60 for T < 2^53, W < 2^51 for T = 2^62.
    """
    guess_error = (total >> _GUESS_ERROR_SHIFT) + 1
    return total <= FAST_TOTAL_MAX and (guess_error + 1) * weight_sum <= INT64_MAX


def exact_sum(values: npt.NDArray[np.int64]) -> int:
    """The sum of fewer than 2^31 int64 values ≥ 0 as a Python integer, also where it exceeds int64.

    Where n × max could exceed int64, the high and the low 32 bits are summed apart: each sum is below 2^63.
    """
    if not values.size:
        return 0
    if int(values.max()) * values.size <= INT64_MAX:
        return int(values.sum(dtype=np.int64))
    high = int((values >> 32).sum(dtype=np.int64))
    low = int((values & _LOW_32_BITS).sum(dtype=np.int64))
    return (high << 32) + low


def _check_array_input(total: int, weights: npt.NDArray[np.int64]) -> None:
    """Raise what `apportion_array` says it raises for arguments of the wrong kind, sign or size."""
    if not isinstance(weights, np.ndarray) or weights.dtype != np.int64 or weights.ndim != 1:
        raise TypeError("weights must be a one-dimensional numpy array of int64")
    if total < 0:
        raise NegativeTotal(f"the total to share out is {total}, below zero")
    if total > INT64_MAX:
        raise TotalTooLarge(f"the total to share out is {total}, above {INT64_MAX}")
    if weights.size >= 2**31:
        raise ApportionInputError(f"{weights.size} weights are more than 2^31 - 1")
    if weights.size and int(weights.min()) < 0:
        raise NegativeWeight(f"weight number {int(weights.argmin())} is {int(weights.min())}, below zero")


def _floors_and_remainders(
    total: int, weights: npt.NDArray[np.int64], weight_sum: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Floors of the quotas w × total ÷ weight_sum, and the remainders (w × total) mod weight_sum; shape (n,), int64.

    Exact where `fits_int64` holds, whose docstring has the proof: unsigned 64-bit products wrap by definition, and
    floor-dividing the guess's exact remainder by weight_sum says by how much the guess is off.
    """
    floors = (weights.astype(np.float64) * (total / weight_sum)).astype(np.int64)
    wrapped = weights.view(np.uint64) * np.uint64(total)
    wrapped -= floors.view(np.uint64) * np.uint64(weight_sum)
    remainders = wrapped.view(np.int64)
    correction = remainders // np.int64(weight_sum)
    floors += correction
    correction *= np.int64(weight_sum)
    remainders -= correction
    return floors, remainders


def _prove_floors(total: int, weight_sum: int, floors: npt.NDArray[np.int64], remainders: npt.NDArray[np.int64]) -> int:
    """Prove the floors and return the residue: what they leave of the total.

    Every remainder lies in [0, W), every floor is ≥ 0, and Σ remainders = residue × W, which follows from summing
    wT = floor × W + remainder. Raises ApportionmentBroken.
    """
    if int(remainders.min()) < 0 or int(remainders.max()) >= weight_sum or int(floors.min()) < 0:
        raise ApportionmentBroken(f"a remainder is outside [0, {weight_sum}) or a floor is negative")
    residue = total - exact_sum(floors)
    if not 0 <= residue < floors.size or exact_sum(remainders) != residue * weight_sum:
        raise ApportionmentBroken(f"floors leave {residue} of {total}, which their remainders do not account for")
    return residue


def _hand_out(floors: npt.NDArray[np.int64], remainders: npt.NDArray[np.int64], residue: int) -> npt.NDArray[np.int64]:
    """Add one unit each to the `residue` largest remainders, ties to the lower index, in O(n); changes `floors`.

    Everything above the residue-th largest remainder gets a unit; those equal to it get the rest in ascending order of
    index. That remainder is > 0, since fewer units are left than there are non-zero remainders, so no amount exceeds
    the quota rounded up. Raises ApportionmentBroken.
    """
    if not residue:
        return floors
    position = remainders.size - residue
    threshold = np.partition(remainders, position)[position]
    above = remainders > threshold
    ties_wanted = residue - int(np.count_nonzero(above))
    ties = np.flatnonzero(remainders == threshold)
    if int(threshold) <= 0 or not 0 < ties_wanted <= ties.size:
        raise ApportionmentBroken(f"the {residue} largest remainders could not be told apart")
    floors += above
    floors[ties[:ties_wanted]] += 1
    return floors


def _apportion_exactly(total: int, weights: list[int]) -> tuple[list[int], int]:
    """Amounts in the order of the weights, and the residue, by Python integers; `apportion` has the rules."""
    if total < 0:
        raise NegativeTotal(f"the total to share out is {total}, below zero")
    if weights and min(weights) < 0:
        raise NegativeWeight(f"weight number {weights.index(min(weights))} is {min(weights)}, below zero")
    if not total:
        return [0] * len(weights), 0
    weight_sum = sum(weights)
    if not weight_sum:
        raise NoWeights(f"{total} to share out, but the {len(weights)} weights sum to zero")
    amounts: list[int] = []
    remainders: list[int] = []
    for weight in weights:
        floor, remainder = divmod(weight * total, weight_sum)
        amounts.append(floor)
        remainders.append(remainder)
    residue = total - sum(amounts)
    # A reversed sort of Python keeps equal elements in their order, so ties stay with the lower index.
    for index in sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)[:residue]:
        if not remainders[index]:
            raise ApportionmentBroken(f"a whole quota, number {index}, would be rounded up")
        amounts[index] += 1
    if sum(amounts) != total:
        raise ApportionmentBroken(f"amounts sum to {sum(amounts)} instead of {total}")
    return amounts, residue
