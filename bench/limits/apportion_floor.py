"""The least that a split can cost: floors guessed with floats, remainders modulo 2^64 and argpartition in numpy, with
nothing corrected or proven; beside it the product's own `apportion_array` on the same weights.
   python apportion_floor.py --weights 1000000"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from revshare.apportion import apportion_array

REPEATS = 7
TOTAL = 10**13
Weights = npt.NDArray[np.int64]


def bare(total: int, weights: Weights) -> Weights:
    """Largest remainder. (bench/limit_numpy.py divides integers instead: exact, and slower.)"""
    weight_sum = int(weights.sum())
    floors = (weights * (total / weight_sum)).astype(np.int64)
    remainders = weights * total - floors * weight_sum
    if missing := total - int(floors.sum()):
        floors[np.argpartition(remainders, weights.size - missing)[weights.size - missing :]] += 1
    return floors


def seconds(split: Callable[[], object]) -> float:
    """The median of several runs."""
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        split()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--weights", type=int, default=1_000_000, help="how many (default %(default)s)")
options = parser.parse_args()
weights = np.random.default_rng(7).integers(1, 10**6, options.weights, dtype=np.int64)

floor, product = bare(TOTAL, weights), apportion_array(total=TOTAL, weights=weights).amounts
assert floor.sum() == product.sum() == TOTAL
assert np.abs(floor - product).max() <= 1, "the limit is another split"
print(json.dumps({
    "rows": options.weights, "wall_s": round(seconds(lambda: bare(TOTAL, weights)), 5),
    "product_wall_s": round(seconds(lambda: apportion_array(total=TOTAL, weights=weights)), 5),
}))  # fmt: skip
