"""The next of a series is fetched while one is used, so that both processors have work."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def one_ahead(items: Iterable[T]) -> Iterator[T]:
    """The items, each asked for by another thread while the one before is used. Whoever leaves before the end waits for
    the one that was asked for."""
    source = iter(items)

    def some() -> list[T]:
        return list(islice(source, 1))

    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(some)
        while item := coming.result():
            coming = beside.submit(some)
            yield item[0]
