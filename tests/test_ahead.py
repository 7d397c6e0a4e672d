"""One item is fetched ahead, no more; what fails there fails where it is asked for."""

import threading
from collections.abc import Iterator

import pytest

from revshare.ahead import ahead, one_ahead


def test_items_come_in_order_and_one_is_fetched_ahead() -> None:
    fetched: list[int] = []
    second = threading.Event()

    def items() -> Iterator[int | None]:
        for number in range(4):
            fetched.append(number)
            if number == 1:
                second.set()
            yield number if number else None  # an item may be nothing

    series = one_ahead(items())
    assert next(series) is None
    assert second.wait(10), "the next is fetched while nobody asks"
    assert fetched == [0, 1]
    assert list(series) == [1, 2, 3]


def test_an_error_is_raised_at_its_place_and_leaving_early_ends_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    series = one_ahead(items())
    assert next(series) == 1
    with pytest.raises(ValueError, match="the second"):
        next(series)
    threads = threading.active_count()
    left = one_ahead(iter([1, 2, 3]))
    assert next(left) == 1
    left.close()  # type: ignore[attr-defined]
    assert threading.active_count() == threads


def test_the_first_is_fetched_at_once() -> None:
    first = threading.Event()

    def items() -> Iterator[int]:
        first.set()
        yield 1
        yield 2

    with ahead(items()) as series:
        assert first.wait(10), "before anybody asks"
        assert list(series) == [1, 2]
    threads = threading.active_count()
    with pytest.raises(ZeroDivisionError), ahead(items()) as series:
        raise ZeroDivisionError
    assert threading.active_count() == threads
