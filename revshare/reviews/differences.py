"""What contributors earn in a cycle beside the cycle before: set-wise, from the lake's files of balances, of which each
amount is looked at as a number in an array.

`tests/reviews/slow_review.py` does the same one by one.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from revshare.apportion import exact_sum
from revshare.lake import duck, spool
from revshare.money import INT64_MAX
from revshare.reviews.pairs import Int64s, Pair, files_of, pair_of
from revshare.reviews.rules import PARTS, Center, ratio

SHOWN = 10
CANDIDATES = 200
BLOCK = 1024


@dataclass(frozen=True)
class Mover:
    contributor_id: str
    before_micros: int
    after_micros: int

    @property
    def difference_micros(self) -> int:
        return self.after_micros - self.before_micros


@dataclass(frozen=True)
class Difference:
    """Of one currency: what contributors earn in all, how many of them, who is new and who is gone; where the changes
    of those who stayed lie (in millionths of what they earned before); who rose and fell most; and the candidates of a
    rule: who is furthest from the change in the middle. `best`: what the best paid hundredth (at least one) earns."""

    currency: str
    before_micros: int
    after_micros: int
    paid_before: int
    paid_after: int
    stayed: int
    newcomers: int
    newcomers_micros: int
    dropouts: int
    dropouts_micros: int
    change: Center
    best_before_micros: int
    best_after_micros: int
    largest: tuple[Mover, ...]
    risers: tuple[Mover, ...]
    fallers: tuple[Mover, ...]
    new: tuple[Mover, ...]
    gone: tuple[Mover, ...]
    off: tuple[Mover, ...]


def differences(*, after: str, before: str, material: Fraction) -> list[Difference]:
    """By currency. `after`, `before`: the files of balances that two cycles left; '' for none. `material`: the part of
    a total from which on a change is worth looking at. Raises LakeDamaged."""
    with spool() as scratch, duck(scratch) as con, ThreadPoolExecutor(2) as two:
        files = files_of(con, after=after, before=before)
        currencies = sorted(files[0].currencies | files[1].currencies)
        found = list(two.map(lambda currency: _difference(pair_of(files, currency), material), currencies))
        return [each for each in found if each.paid_before or each.paid_after]


def _difference(pair: Pair, material: Fraction) -> Difference:
    before, after = pair.before, pair.after
    total_before, total = exact_sum(before), exact_sum(after)
    paid_before, paid = before > 0, after > 0
    stayed = paid_before & paid
    new, gone = np.flatnonzero(paid > paid_before), np.flatnonzero(paid_before > paid)
    count = int(np.count_nonzero(stayed))
    came, went = after[new], before[gone]
    change = _center(_changes(before, after, stayed)) if count else Center(PARTS, 0)
    risen = after - before
    risen *= stayed
    chosen = {
        "largest": _greatest(after), "risers": _greatest(risen), "fallers": _greatest(np.negative(risen, out=risen)),
        "new": new[_greatest(came)], "gone": gone[_greatest(went)],
        "off": _off(pair, change.median, max(-(-total * material.numerator // material.denominator), 1)),
    }  # fmt: skip
    names = pair.names(np.concatenate(list(chosen.values())))
    movers = {
        what: tuple(Mover(names[place], int(before[place]), int(after[place])) for place in places.tolist())
        for what, places in chosen.items()
    }
    return Difference(
        currency=pair.currency, before_micros=total_before, after_micros=total,
        paid_before=count + len(gone), paid_after=count + len(new), stayed=count,
        newcomers=len(new), newcomers_micros=exact_sum(came),
        dropouts=len(gone), dropouts_micros=exact_sum(went), change=change,
        best_before_micros=_best(before, count + len(gone)), best_after_micros=_best(after, count + len(new)),
        **movers,
    )  # fmt: skip


def _changes(before: Int64s, after: Int64s, stayed: npt.NDArray[np.bool_]) -> Int64s:
    """`rules.ratio` of those who stayed, in 64 bits where they are enough."""
    changes = after * PARTS
    np.floor_divide(changes, before, out=changes, where=stayed)
    for place in np.flatnonzero(stayed & (after > INT64_MAX // PARTS)).tolist():
        changes[place] = ratio(int(after[place]), int(before[place]))
    return changes[stayed]


def _center(changes: Int64s) -> Center:
    """`rules.center`, without sorting all of them. Loses their order and values."""
    middle = (len(changes) - 1) // 2
    changes.partition(middle)
    median = int(changes[middle])
    changes -= median
    np.abs(changes, out=changes)
    changes.partition(middle)
    return Center(median, int(changes[middle]))


def _best(amounts: Int64s, paid: int) -> int:
    """What the best paid hundredth, at least one, earns of all."""
    if not paid:
        return 0
    rest = len(amounts) - max(1, paid // 100)
    return exact_sum(np.partition(amounts, rest)[rest:])


def _greatest(values: Int64s) -> Int64s:
    """Where the greatest are, of those above nothing: the greatest first, equal ones in their order, which is that of
    ids."""
    least = 1
    if len(values) > SHOWN * BLOCK:  # of so many blocks' greatest, the last is no more than the last one wanted
        blocks = values[: len(values) // BLOCK * BLOCK].reshape(-1, BLOCK).max(axis=1)
        least = max(least, int(np.partition(blocks, -SHOWN)[-SHOWN]))
    found = np.flatnonzero(values >= least)
    return found[np.argsort(-values[found], kind="stable")[:SHOWN]]


def _off(pair: Pair, median: int, least: int) -> Int64s:
    """Of those who stayed: where those are who are furthest, by at least so much, from what they would get had it
    changed as for the one in the middle."""
    # Whose amounts, before and after, are both too small for that is left out at once.
    found = np.flatnonzero((pair.after >= least) | (pair.before >= least * PARTS // max(median, 1)))
    found = found[(pair.after[found] > 0) & (pair.before[found] > 0)]
    if not len(found):
        return found
    before, after = pair.before[found], pair.after[found]
    # `rules.expected`, in Python's integers where 64 bits could be too few.
    if int(before.max()) * median > INT64_MAX:
        before, after = before.astype(object), after.astype(object)
    away = np.abs(after - before * median // PARTS)
    far = np.flatnonzero(away >= least)
    return found[far[np.argsort(-away[far], kind="stable")[:CANDIDATES]]]
