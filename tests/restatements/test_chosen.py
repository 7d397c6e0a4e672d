"""Restatements that take in chosen late files and sales, and leave the others to the open cycle."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from revshare.cycles.models import Cycle, Window
from revshare.errors import Conflict, NotFound, Refused
from revshare.files.voiding import void
from revshare.policies.operations import register
from revshare.restatements import operations as restatements
from revshare.restatements.rules import Options
from revshare.sales.models import Sale
from tests.restatements.test_stories import M, clean, draft, file_of, lines, march, restate
from tests.stories import Story, pools, statements
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.usefixtures("one_duckdb")
DAY = "2026-03-20T10:00:00Z"


def late(story: Story, *rows: tuple[str, str]) -> int:
    """A file of late sales of March: ids and amounts."""
    story.sales(*[(sale, DAY, "m", "USD", amount) for sale, amount in rows])
    return file_of()


def net(made: Any) -> int:
    """What the sales of March come to with it, in dollars."""
    old, new = made.totals["USD"]["sales"]
    assert old != new
    return -int(new) // M


def test_one_late_sale_of_three_and_the_open_cycle_takes_the_others(story: Story) -> None:
    march(story)
    late(story, ("s2", "40.00"), ("s3", "4.00"), ("s4", "8.00"))
    made = restate(story, sales=("s3",))
    assert made.words == "late sale s3"
    assert lines(made)["ann default · m · USD"] == (15 * M, 15_600_000)
    seq = Sale.objects.get(sale_id="s3").seq
    assert made.late_spans == [(seq - 1, seq)]
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert pools(april)["default · m · USD"][0] == 48 * M
    assert statements(april)["ann USD"] == (15 * M, 7_200_000, 600_000, 0, 0, 0, 22_800_000)
    late(story, ("s5", "1.00"))
    assert net(restate(story, late=True)) == 105  # what April took stays there
    clean()


def test_several_sales_and_then_all_the_rest_around_them(story: Story) -> None:
    march(story)
    late(story, *[(f"s{n}", f"{n}.00") for n in range(2, 9)])
    first = restate(story, sales=("s3", "s4", "s7"))
    assert (net(first), len(first.late_spans), first.after_seq) == (114, 2, None)
    assert [(w.after_seq, w.upto_seq) for w in Window.objects.filter(restatement=first)] == first.late_spans
    assert first.words == "late sale s3, late sale s4, late sale s7"
    rest = draft(story, late=True)
    assert (net(rest), len(rest.late_spans)) == (135, 3)
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert pools(april)["default · m · USD"][0] == 21 * M  # s2, s5, s6, s8
    restatements.approve(key=rest.key, act=story.act("adam"))
    with pytest.raises(Conflict, match="in another cycle by now"):
        restatements.post(key=rest.key, act=story.act("fiona"))
    clean()


def test_a_file_beside_another_and_many_sales_are_told_by_their_number(story: Story) -> None:
    march(story)
    late(story, ("s2", "2.00"))
    chosen = late(story, ("s3", "3.00"), ("s4", "4.00"))
    late(story, ("s5", "5.00"))
    assert net(draft(story, files=(chosen,))) == 107
    assert draft(story, files=(chosen,)).words == f"late file {chosen}"
    assert draft(story, sales=("s2", "s3", "s4", "s5")).words == "4 late sales"
    both = restate(story, files=(chosen,), sales=("s5",))
    assert net(both) == 112
    assert pools(story.publish("april", "2026-04-01", "2026-05-01"))["default · m · USD"][0] == 2 * M
    clean()


def test_a_chosen_refund_is_of_its_sale(story: Story) -> None:
    march(story)
    story.sales(("r1", DAY, "m", "USD", "-30.00", "s1"), ("s2", DAY, "m", "USD", "8.00"))
    assert lines(restate(story, sales=("r1",)))["ann default · m · USD"] == (15 * M, 10_500_000)
    clean()


def test_a_corrected_file_comes_in_the_place_of_a_void_one(story: Story) -> None:
    march(story)
    wrong = file_of()
    void(file_id=wrong, reason="cents", act=story.act())
    other, chosen = late(story, ("s9", "9.00")), late(story, ("s1", "10.00"))
    with pytest.raises(Refused, match=f"Sale s1 counts in the cycle already, by file {wrong}, .*--void {wrong}"):
        draft(story, files=(chosen,))
    made = restate(story, files=(chosen,), void=(wrong,))
    assert net(made) == 10
    assert made.words == f"late file {chosen}, file {wrong} void"
    assert pools(story.publish("april", "2026-04-01", "2026-05-01"))["default · m · USD"][0] == 9 * M
    assert Sale.objects.filter(file_id=other).count() == 1
    clean()


FACTORS = (
    'name = "p"\nversion = "2"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "factors"\n[streams.default.factors]\n"measure:licences" = "100%"\n'
)
MEASURES = ("contributor_id", "measure", "start", "end", "value")


def licences(story: Story, who: str, number: int) -> int:
    story.take("measures", MEASURES, [(who, "licences", "2026-03-01", "2026-04-01", number)])
    return file_of("measures")


@pytest.fixture
def measured(story: Story) -> tuple[int, int]:
    """March is shared by licences, of which only Ann has some; Ben's 300 come late, and 600 of Cy's. Ann's file, and
    Ben's."""
    story.policies["p"], _ = register(content=FACTORS.encode(), act=story.act())
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy")])
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"), ("ds@1", "b1", "ben"))
    story.sales(("s1", "2026-03-03T10:00:00Z", "m", "USD", "100.00"))
    first = licences(story, "ann", 100)
    story.publish("march", "2026-03-01", "2026-04-01")
    late(story, ("s2", "100.00"))
    chosen = licences(story, "ben", 300)
    licences(story, "cy", 600)
    return first, chosen


def test_a_chosen_file_of_measures_counts_and_no_other(story: Story, measured: tuple[int, int]) -> None:
    _, chosen = measured
    made = restate(story, files=(chosen,))
    amounts = {name.split()[0]: new for name, (_, new) in lines(made).items()}
    assert amounts == {"ann": 5 * M, "ben": 15 * M}
    with pytest.raises(Refused, match="is not late"):
        draft(story, files=(chosen,))
    everything = restate(story, late=True)  # on top of it: 40 dollars by 100, 300 and 600 licences
    amounts = {name.split()[0]: new for name, (_, new) in lines(everything).items()}
    assert (amounts["ann"], amounts["cy"]) == (4 * M, 24 * M)
    clean()


def test_a_chosen_file_of_measures_does_not_stand_beside_the_void_one_that_it_corrects(
    story: Story, measured: tuple[int, int]
) -> None:
    first, chosen = measured
    void(file_id=first, reason="of another month", act=story.act())
    with pytest.raises(Refused, match=f"File {first} is void, and counts in the cycle still: add --void {first}"):
        draft(story, files=(chosen,))
    made = draft(story, files=(chosen,), void=(first,))
    amounts = {name.split()[0]: new for name, (_, new) in lines(made).items()}
    assert amounts == {"ann": 0, "ben": 20 * M}


def test_what_cannot_be_chosen(story: Story) -> None:
    march(story)
    first = file_of()
    story.sales(("a1", "2026-04-02T10:00:00Z", "m", "USD", "1.00"))
    april = file_of()
    late(story, ("s8", "1.00"))
    gone = file_of()
    void(file_id=gone, reason="no", act=story.act())
    of_records = file_of("attributions")
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"sales": ("s1",)}, Refused, "There is no sale s1 of the days of cycle march that is in no cycle yet"),
        ({"sales": ("a1",)}, Refused, "There is no sale a1"), ({"sales": ("zz",)}, Refused, "There is no sale zz"),
        ({"sales": ("s8",)}, Refused, "There is no sale s8"),
        ({"files": (first,)}, Refused, f"File {first} has no sales of the days"),
        ({"files": (april,)}, Refused, f"File {april} has no sales of the days"),
        ({"files": (gone,)}, Refused, f"File {gone} is void"), ({"files": (99999,)}, NotFound, "no file 99999"),
        ({"files": (of_records,)}, Refused, "is of kind attributions: only sales, measures, outputs, usage"),
        ({"late": True, "sales": ("s1",)}, Refused, "leave out"),
        ({"sales": tuple(f"s{n}" for n in range(1001))}, Refused, "1000 can be"),
    ]  # fmt: skip
    for options, error, says in refused:
        with pytest.raises(error, match=says):
            draft(story, **options)


def test_a_cycle_that_took_a_chosen_sale_first_keeps_it(story: Story) -> None:
    march(story)
    late(story, ("s2", "2.00"), ("s3", "3.00"))
    made = draft(story, sales=("s2",))
    restatements.approve(key=made.key, act=story.act("adam"))
    story.calculate("april", "2026-04-01", "2026-05-01")
    with pytest.raises(Conflict, match="in another cycle by now"):
        restatements.post(key=made.key, act=story.act("fiona"))


def test_options_are_kept_as_they_were_asked_for() -> None:
    options = Options(files=(3, 1), sales=("b", "a"))
    assert Options.from_json(options.as_json()) == Options(files=(1, 3), sales=("a", "b"))
    assert Options.from_json({"late": True, "void": [], "manifests": {}, "policy": ""}) == Options(late=True)


def test_the_database_lets_it_take_only_the_ranges_it_says(story: Story) -> None:
    march(story)
    late(story, *[(f"s{n}", f"{n}.00") for n in range(2, 6)])
    made = draft(story, sales=("s2", "s4"))
    restatements.approve(key=made.key, act=story.act("adam"))
    (after, upto), _ = made.late_spans
    cycle = Cycle.objects.get(key="march")
    for wrong in ((after, upto + 1), (upto, upto + 1)):
        with pytest.raises(DatabaseError, match="is refused"), transaction.atomic():
            Window.objects.create(
                cycle=cycle, starts_at=cycle.starts_at, ends_at=cycle.ends_at, after_seq=wrong[0], upto_seq=wrong[1],
                late=True, restatement=made,
            )  # fmt: skip


def test_verify_names_a_range_that_is_missing_or_another(story: Story) -> None:
    march(story)
    late(story, *[(f"s{n}", f"{n}.00") for n in range(2, 6)])
    restate(story, sales=("s2", "s4"))
    assert found() == set()
    without_triggers("DELETE FROM cycles_window WHERE id = (SELECT max(id) FROM cycles_window)")
    assert "I10" in found()
