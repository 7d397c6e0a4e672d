"""The next of a series is fetched while one is used, so that both processors have work."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def ahead(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """The items, each asked for by another thread while the one before is used, the first at once. Whoever leaves
    before the end waits for the one that was asked for."""
    source = iter(items)

    def some() -> list[T]:
        return list(islice(source, 1))

    def series(coming: Future[list[T]]) -> Iterator[T]:
        while item := coming.result():
            coming = beside.submit(some)
            yield item[0]

    with ThreadPoolExecutor(1) as beside:
        yield series(beside.submit(some))


def one_ahead(items: Iterable[T]) -> Iterator[T]:
    """The same, but for the first."""
    with ahead(items) as series:
        yield from series
