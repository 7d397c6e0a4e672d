"""Instants as whole microseconds: exactly, whatever the year."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from revshare.sales.columns import microseconds

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
FIRST = int((datetime(1, 1, 2, tzinfo=UTC) - EPOCH).total_seconds()) * SECOND
YEAR_2100 = int((datetime(2100, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * SECOND
LAST = int((datetime(9999, 12, 30, tzinfo=UTC) - EPOCH).total_seconds()) * SECOND
# Most of the years that are read by double precision, where it is least exact, and all others.
INSTANTS = st.one_of(
    st.integers(0, YEAR_2100), st.integers(YEAR_2100 - 2**52, YEAR_2100 + 10), st.integers(FIRST, LAST)
)


def asked(instants: list[datetime]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {microseconds('t')} FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS i (t, n) ORDER BY n",
            [instants],
        )
        return [micros for (micros,) in cursor.fetchall()]


class Exactly(TestCase):
    @given(st.lists(INSTANTS, min_size=1, max_size=500))
    @example([YEAR_2100 - 1, YEAR_2100, YEAR_2100 + 1, 0, -1, 1])
    def test_microseconds_are_those_of_the_instant(self, wanted: list[int]) -> None:
        assert asked([EPOCH + timedelta(microseconds=each) for each in wanted]) == wanted


@pytest.mark.django_db
def test_the_last_hundred_thousand_microseconds_that_are_rounded() -> None:
    wanted = list(range(YEAR_2100 - 100_000, YEAR_2100))
    assert asked([EPOCH + timedelta(microseconds=each) for each in wanted]) == wanted
