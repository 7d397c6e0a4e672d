"""What the database asks of rolls and of weights before they are part of their tables: each wrong set is refused whole."""

from dataclasses import dataclass, field

import pytest
from django.db import DatabaseError, connection, transaction
from psycopg.errors import (
    CheckViolation,
    ForeignKeyViolation,
    NotNullViolation,
    NumericValueOutOfRange,
    RestrictViolation,
    UndefinedTable,
    UniqueViolation,
)

from revshare.apportion import TICKS_PER_ASSET as T
from revshare.manifests.models import Manifest, Weight
from revshare.manifests.operations import freeze
from tests.stories import Story

pytestmark = pytest.mark.django_db
CHECK, ONCE, KEY, GIVEN = CheckViolation, UniqueViolation, ForeignKeyViolation, NotNullViolation
Row = dict[str, str]
ALL = "{ann,ben,cyd}"


def a_roll(names: str = ALL, **other: str) -> Row:
    return {"roll": "1", "first_id": names.strip("{}").partition(",")[0], "contributors": names} | other


def a_page(ticks: str = f"{{{3 * T},{T},NULL}}", **other: str) -> Row:
    return {"roll": "1", "ticks": ticks} | other


@dataclass
class Batch:
    """The weights of a manifest of four assets, as they are right, for tests to spoil: three are Ann's, one is Ben's."""

    rolls: list[Row] = field(default_factory=lambda: [a_roll()])
    pages: list[Row] = field(default_factory=lambda: [a_page()])
    contributors: int = 2
    ticks: int = 4 * T

    def attach(self, own: Manifest, other: Manifest) -> None:
        """`other`: a manifest that has rolls already."""
        Manifest.objects.filter(pk=own.pk).update(contributors=self.contributors, assets_ticks=self.ticks)
        names = {"own": str(own.pk), "other": str(other.pk)}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT revshare_new_rolls(%s)", [own.pk])
            for row in self.rolls:
                _insert(f"manifests_roll_{own.pk}", {"rolls_of": "{own}"} | row, names)
            cursor.execute("SELECT revshare_attach_rolls(%s)", [own.pk])
            cursor.execute("SELECT revshare_new_weights(%s)", [own.pk])
            for row in self.pages:
                whose = {"manifest_id": "{own}", "rolls_of": "{own}"}
                _insert(f"manifests_weight_page_{own.pk}", whose | row, names)
            cursor.execute("SELECT revshare_attach_weights(%s)", [own.pk])


def _insert(table: str, row: Row, names: dict[str, str]) -> None:
    """Each value as a literal; NULL by that word."""
    values = [None if text == "NULL" else names.get(text.strip("{}"), text) for text in row.values()]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", values)


@pytest.fixture
def manifests(story: Story) -> tuple[Manifest, Manifest]:
    """One that is open, and another with rolls of the same people."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", ""), ("ben", ""), ("cyd", "")])
    story.attributions(("ds@1", "a", "ann"), ("ds@2", "b", "ben"))
    own, other = Manifest.objects.order_by("dataset_version")
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_rolls(%s)", [other.pk])
        _insert(f"manifests_roll_{other.pk}", {"rolls_of": str(other.pk)} | a_roll(), {})
        cursor.execute("SELECT revshare_attach_rolls(%s)", [other.pk])
    return own, other


TWO_ROLLS = [a_roll("{ann}"), a_roll("{ben,cyd}", roll="2")]
TWO_PAGES = [a_page(f"{{{3 * T}}}"), a_page(f"{{{T},NULL}}", roll="2")]
RIGHT = {
    "as it is": Batch(),
    "in two rolls": Batch(TWO_ROLLS, TWO_PAGES),
    "without those who have nothing": Batch([a_roll("{ann,ben}")], [a_page(f"{{{3 * T},{T}}}")]),
    "with a roll of which nobody has anything": Batch([a_roll("{ann,ben}"), a_roll("{cyd}", roll="2")], [a_page(f"{{{3 * T},{T}}}")]),
    "on rolls that came in with another": Batch(pages=[a_page(rolls_of="{other}")]),
    "with what equals the ticks": Batch(pages=[a_page(weights="{NULL,NULL,NULL}")]),
}  # fmt: skip
SPOILT: dict[str, tuple[Batch, type]] = {
    # Rolls
    "a stranger is on a roll": (Batch([a_roll("{ann,ben,dan}")]), KEY),
    "a stranger is on a roll of their own": (Batch([*TWO_ROLLS, a_roll("{dan}", roll="3")], TWO_PAGES), KEY),
    "ids out of order in a roll": (Batch([a_roll("{ben,ann,cyd}")]), ONCE),
    "somebody is twice on a roll": (Batch([a_roll("{ann,ben,ben}")]), ONCE),
    "a roll begins with another": (Batch([a_roll(first_id="ben")]), CHECK),
    "a roll of nobody": (Batch([a_roll(), a_roll("{}", roll="2", first_id="x")]), CHECK),
    "a NULL on a roll": (Batch([a_roll("{ann,ben,NULL}")]), CHECK),
    "a roll that is none": (Batch([a_roll(contributors="NULL")]), GIVEN),
    "a roll that begins with nobody": (Batch([a_roll(first_id="NULL")]), GIVEN),
    "a roll that counts from 0": (Batch([a_roll(contributors=f"[0:2]={ALL}")]), CHECK),
    "a roll within an array": (Batch([a_roll(contributors=f"{{{ALL}}}")]), CHECK),
    "a roll without a number": (Batch([a_roll(roll="0")]), CHECK),
    "a roll of another list": (Batch([a_roll(rolls_of="{other}")]), CHECK),
    "two rolls have one number": (Batch([a_roll("{ann}"), a_roll("{ben,cyd}")]), ONCE),
    "ids out of order between rolls": (Batch([a_roll("{ben,cyd}"), a_roll("{ann}", roll="2")]), ONCE),
    "who ends a roll begins the next": (Batch([a_roll("{ann,ben}"), a_roll("{ben,cyd}", roll="2")]), ONCE),
    "somebody is on two rolls": (Batch([a_roll("{ann,cyd}"), a_roll("{ben,cyd}", roll="2")]), ONCE),
    "the same roll twice": (Batch([a_roll(), a_roll(roll="2")]), ONCE),
    # Pages
    "less than nothing": (Batch(pages=[a_page(f"{{{5 * T},-{T},NULL}}")]), CHECK),
    "ticks that count from 0": (Batch(pages=[a_page(f"[0:2]={{{3 * T},{T},NULL}}")]), CHECK),
    "ticks within an array": (Batch(pages=[a_page(f"{{{{{3 * T},{T},NULL}}}}")]), CHECK),
    "no ticks": (Batch(pages=[a_page("NULL")]), GIVEN),
    "ticks of nobody": (Batch(pages=[a_page(), a_page("{}", roll="2")]), CHECK),
    "fewer ticks than people": (Batch(pages=[a_page(f"{{{3 * T},{T}}}")]), KEY),
    "more ticks than people": (Batch(pages=[a_page(f"{{{3 * T},{T},NULL,NULL}}")]), KEY),
    "a page of no roll": (Batch(pages=[a_page(roll="2")]), KEY),
    "a page of a list that is none": (Batch(pages=[a_page(rolls_of="9999")]), KEY),
    "pages of two lists": (Batch(pages=[a_page(f"{{{3 * T},NULL,NULL}}"), a_page(f"{{NULL,{T},NULL}}", rolls_of="{other}")]), ONCE),
    "two pages of one roll": (Batch(pages=[a_page(f"{{{3 * T},NULL,NULL}}"), a_page(f"{{NULL,{T},NULL}}")]), ONCE),
    "a page of another manifest": (Batch(pages=[a_page(manifest_id="{other}")]), CHECK),
    "a page is missing": (Batch(TWO_ROLLS, TWO_PAGES[:1]), CHECK),
    "there is no page": (Batch(pages=[]), CHECK),
    # Sums
    "a tick more": (Batch(pages=[a_page(f"{{{3 * T + 1},{T},NULL}}")]), CHECK),
    "somebody more who has nothing": (Batch(pages=[a_page(f"{{{3 * T},{T},0}}")]), CHECK),
    "somebody is gone, and another has it all": (Batch(pages=[a_page(f"{{{4 * T},NULL,NULL}}")]), CHECK),
    "the manifest says more ticks": (Batch(ticks=5 * T), CHECK),
    "the manifest says more people": (Batch(contributors=3), CHECK),
    # Weighted ticks
    "weights of less than nothing": (Batch(pages=[a_page(weights="{-0.5,NULL,NULL}")]), CHECK),
    "weights that count from 0": (Batch(pages=[a_page(weights="[0:2]={0.5,NULL,NULL}")]), CHECK),
    "weights within an array": (Batch(pages=[a_page(weights="{{0.5,NULL,NULL}}")]), CHECK),
    "fewer weights than people": (Batch(pages=[a_page(weights="{0.5,1}")]), CHECK),
    "weights of nobody": (Batch(pages=[a_page(weights="{}")]), CHECK),
    "a weight of who has nothing": (Batch(pages=[a_page(weights="{NULL,NULL,0.5}")]), CHECK),
    "a weight of too many digits": (Batch(pages=[a_page(weights=f"{{1{'0' * 32},NULL,NULL}}")]), NumericValueOutOfRange),
}  # fmt: skip


@pytest.mark.parametrize("what", RIGHT)
def test_what_fits_is_attached(manifests: tuple[Manifest, Manifest], what: str) -> None:
    RIGHT[what].attach(*manifests)
    own = Weight.objects.order_by("contributor").values_list("contributor_id", "assets_ticks", "weight_ticks")
    assert list(own) == [("ann", 3 * T, 3 * T), ("ben", T, T)]


@pytest.mark.parametrize("what", SPOILT)
def test_what_does_not_fit_is_refused_whole(manifests: tuple[Manifest, Manifest], what: str) -> None:
    batch, kind = SPOILT[what]
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        batch.attach(*manifests)
    assert isinstance(caught.value.__cause__, kind), caught.value
    assert not Weight.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('manifests_roll_' || %s)", [manifests[0].pk])
        assert cursor.fetchone() == (None,)


def test_the_same_ticks_may_stand_at_another_name(manifests: tuple[Manifest, Manifest]) -> None:
    """The database knows names and sums: that Cyd holds nothing, only `verify` finds out."""
    Batch(pages=[a_page(f"{{{3 * T},NULL,{T}}}")]).attach(*manifests)


def test_what_was_begun_and_left_is_made_anew(manifests: tuple[Manifest, Manifest]) -> None:
    own = manifests[0].pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_rolls(%s), revshare_new_weights(%s)", [own, own])
    _insert(f"manifests_roll_{own}", {"rolls_of": str(own)} | a_roll("{cyd}"), {})
    Batch().attach(*manifests)


@pytest.mark.parametrize("name", ["rolls", "weights"])
def test_what_was_not_made_is_not_attached(manifests: tuple[Manifest, Manifest], name: str) -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT revshare_attach_{name}(%s)", [manifests[0].pk])
    assert isinstance(caught.value.__cause__, UndefinedTable)


@pytest.mark.parametrize("call", ["new_rolls", "attach_rolls", "new_weights", "attach_weights"])
def test_a_frozen_manifest_takes_no_more(story: Story, call: str) -> None:
    story.attributions(("ds@1", "a", "ann"))
    freeze(dataset_versions=["ds@1"], act=story.act())
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT revshare_{call}(%s)", [Manifest.objects.get().pk])
    assert isinstance(caught.value.__cause__, RestrictViolation)
