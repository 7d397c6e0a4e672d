"""Who stands on rolls and is nobody's contributor, as the database finds it out: roll by roll, among neighbours. Its slow
twin asks for each name."""

from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from revshare.contributors.models import Contributor
from tests.ownership import owner

NAMES = st.text(alphabet="aAbzé客 '\"\\", min_size=1, max_size=3)


def strangers(rolls: list[list[str]]) -> str | None:
    with owner(), connection.cursor() as cursor:
        cursor.execute('CREATE TEMP TABLE some_rolls (roll integer, contributors text[] COLLATE "C")')
        cursor.executemany("INSERT INTO some_rolls VALUES (%s, %s)", list(enumerate(rolls, 1)))
        cursor.execute("SELECT revshare_strangers('some_rolls')")
        (found,) = cursor.fetchone()
        cursor.execute("DROP TABLE some_rolls")
    return found


def in_rolls(names: set[str], size: int) -> list[list[str]]:
    ordered = sorted(names)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


class AmongNeighbours(TestCase):
    @given(known=st.sets(NAMES, max_size=25), named=st.sets(NAMES, max_size=12), size=st.integers(1, 5))
    @example(known={"a", "b", "c"}, named={"a", "c"}, size=2)
    @example(known={"a", "c"}, named={"a", "b", "c"}, size=3)
    @example(known={"b"}, named={"a", "c"}, size=2)
    @example(known=set(), named={"a"}, size=1)
    @settings(suppress_health_check=[HealthCheck.too_slow])
    def test_they_are_found(self, known: set[str], named: set[str], size: int) -> None:
        Contributor.objects.bulk_create(Contributor(id=name, file_id=1) for name in known)
        for names in (named, named & known):  # some of them strangers, and none
            assert strangers(in_rolls(names, size)) == min(names - known, default=None)
