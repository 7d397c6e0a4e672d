"""How many random examples a test plays: a few in `make test`, many where the long tests run too (`make test-all`)."""

LONG = False
"""Set by `tests.conftest` before any test is read."""


def examples(*, quick: int, long: int) -> int:
    return long if LONG else quick
