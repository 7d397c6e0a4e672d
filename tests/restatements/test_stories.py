"""Worked stories of closed cycles corrected; every micro was worked out by hand."""

import pytest

from revshare.cycles.models import Cycle
from revshare.errors import Conflict, NotAllowed, Refused
from revshare.files.models import IngestedFile
from revshare.files.voiding import void
from revshare.ledger.models import Journal
from revshare.policies.operations import register
from revshare.pools.matching import match
from revshare.restatements import operations as restatements
from revshare.restatements.models import Restatement
from revshare.restatements.queries import find, state
from revshare.restatements.rules import Options
from revshare.verification.operations import verify
from tests.stories import Story, payouts, pools, statements

M = 1_000_000


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def march(story: Story, *sales: tuple[str, ...]) -> Cycle:
    """Ann has three assets of a model's dataset, Ben one; of USD 100 they get 20."""
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(*(sales or [("s1", "2026-03-03T10:00:00Z", "m", "USD", "100.00")]))
    return story.publish("march", "2026-03-01", "2026-04-01")


def draft(story: Story, **options: object) -> Restatement:
    return restatements.draft(cycle_key="march", options=Options(**options), act=story.act())  # type: ignore[arg-type]


def restate(story: Story, **options: object) -> Restatement:
    made = draft(story, **options)
    restatements.approve(key=made.key, act=story.act("adam"))
    restatements.post(key=made.key, act=story.act("fiona"))
    return made


def lines(made: Restatement) -> dict[str, tuple[int, int]]:
    """Contributor (or bucket in <angle brackets>), pool: micros before and after."""
    return {
        f"{line.contributor_id or f'<{line.bucket}>'} {line.pool}{' ' + line.reason if line.reason else ''}": (
            line.old_micros, line.new_micros
        )
        for line in made.lines.all()
    }  # fmt: skip


def moved(made: Restatement) -> set[tuple[str, str, int]]:
    legs = Journal.objects.get(restatement__restatement=made).named_legs
    return set(legs.values_list("account", "side", "amount_micros"))


def file_of(kind: str = "sales") -> int:
    return IngestedFile.objects.filter(kind=kind).latest("pk").pk


def test_late_sales_are_restated_into_the_cycle_they_are_of_and_no_cycle_takes_them_again(story: Story) -> None:
    march(story)
    story.sales(("s2", "2026-03-20T10:00:00Z", "m", "USD", "40.00"))
    made = restate(story, late=True)
    assert lines(made) == {
        "ann default · m · USD": (15 * M, 21 * M), "ben default · m · USD": (5 * M, 7 * M),
        "<platform> default · m · USD": (80 * M, 112 * M), "<sales> default · m · USD": (-100 * M, -140 * M),
    }  # fmt: skip
    assert moved(made) == {
        ("payable:ann", "C", 6 * M), ("payable:ben", "C", 2 * M), ("platform", "C", 32 * M), ("sales", "D", 40 * M),
    }  # fmt: skip
    story.sales(("s3", "2026-03-21T10:00:00Z", "m", "USD", "4.00"))
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert pools(april)["default · m · USD"][0] == 4 * M
    # opening, earned, adjusted, withheld, held, paid, closing
    assert statements(april) == {
        "ann USD": (15 * M, 600_000, 6 * M, 0, 0, 0, 21_600_000), "ben USD": (5 * M, 200_000, 2 * M, 0, 0, 0, 7_200_000),
    }  # fmt: skip
    clean()


def test_a_void_file_comes_again_corrected_under_the_same_ids(story: Story) -> None:
    march(story)
    wrong = file_of()
    void(file_id=wrong, reason="amounts in cents", act=story.act())
    story.sales(("s1", "2026-03-03T10:00:00Z", "m", "USD", "1.00"))
    made = restate(story, void=(wrong,), late=True)
    assert lines(made)["ann default · m · USD"] == (15 * M, 150_000)
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert statements(april)["ann USD"] == (15 * M, 0, -14_850_000, 0, 0, 0, 150_000)
    clean()


def test_a_file_that_is_void_before_the_lock_counts_nowhere(story: Story) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"))
    story.policy()
    story.sales(
        ("s1", "2026-03-03T10:00:00Z", "m", "USD", "100.00"), ("s9", "2026-03-04T10:00:00Z", "m", "USD", "1.00")
    )
    void(file_id=file_of(), reason="a test", act=story.act())
    story.sales(
        ("s1", "2026-03-03T10:00:00Z", "m", "USD", "50.00"), ("r1", "2026-03-04T10:00:00Z", "m", "USD", "-10.00", "s1"),
    )  # fmt: skip
    cycle = story.publish("march", "2026-03-01", "2026-04-01")
    assert payouts(cycle) == {"ann": 8 * M, "<platform>": 32 * M}
    clean()


def test_a_replaced_manifest_moves_money_between_contributors(story: Story) -> None:
    march(story)
    story.attributions(("ds@2", "a0", "ann"), ("ds@2", "a1", "ben"), ("ds@2", "b1", "ben"), ("ds@2", "c1", "cy"))
    made = restate(story, manifests={"ds@1": "ds@2"})
    assert lines(made) == {
        "ann default · m · USD": (15 * M, 5 * M), "ben default · m · USD": (5 * M, 10 * M),
        "cy default · m · USD": (0, 5 * M),
    }  # fmt: skip
    assert made.words == "manifest ds@1 replaced by ds@2"
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert statements(april)["cy USD"] == (0, 0, 5 * M, 0, 0, 0, 5 * M)
    clean()


def test_what_was_replaced_stays_so_whatever_comes_later(story: Story) -> None:
    """A deal of the dataset itself; a name that was matched with a model which is called like the dataset."""
    story.models(("m", "ds@1"), ("ds@1", "ds@3"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"), ("ds@3", "d1", "dee"))
    story.policy()
    match(kind="model", name="typo", stands_for="ds@1", act=story.act(why="a typo"))
    story.deals(("d1", "2026-03-03T10:00:00Z", "ds@1", "USD", "100.00"))
    story.sales(("s1", "2026-03-04T10:00:00Z", "typo", "USD", "10.00"))
    story.publish("march", "2026-03-01", "2026-04-01")
    story.attributions(("ds@2", "c1", "cy"))
    better = story.policy(name="q", share="50%")
    assert {name: after for name, (_, after) in lines(restate(story, manifests={"ds@1": "ds@2"})).items()} == {
        "ann default · ds@1 · USD": 0, "ben default · ds@1 · USD": 0, "<platform> default · ds@1 · USD": 0,
        "<sales> default · ds@1 · USD": 0, "cy default · ds@2 · USD": 20 * M,
        "<platform> default · ds@2 · USD": 80 * M, "<sales> default · ds@2 · USD": -100 * M,
    }  # fmt: skip
    story.deals(("d2", "2026-03-05T10:00:00Z", "ds@1", "USD", "10.00"))
    assert lines(restate(story, late=True))["cy default · ds@2 · USD"] == (20 * M, 22 * M)
    assert lines(restate(story, policy=better.sha256))["cy default · ds@2 · USD"] == (22 * M, 55 * M)
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert statements(april)["cy USD"][-1] == 55 * M
    clean()


def test_another_policy_and_another_manifest_at_once(story: Story) -> None:
    march(story)
    story.attributions(("ds@2", "c1", "cy"))
    better = story.policy(name="q", share="50%")
    made = restate(story, policy=better.sha256, manifests={"ds@1": "ds@2"})
    assert lines(made)["cy default · m · USD"] == (0, 50 * M)
    story.models(("n", "ds@3"), ("m2", "ds@2"))
    story.attributions(("ds@3", "a", "ann"))
    story.sales(("s2", "2026-03-20T10:00:00Z", "m2", "USD", "40.00"))
    restate(story, late=True)
    with pytest.raises(Refused, match="not one that the cycle was computed from"):
        draft(story, manifests={"ds@1": "ds@3"})
    with pytest.raises(Refused, match="Model 'm' was trained on 'ds@2' itself"):
        draft(story, manifests={"ds@3": "ds@2"}, policy=better.sha256)
    clean()


def test_another_policy_and_then_late_sales_under_it(story: Story) -> None:
    march(story)
    better = story.policy(name="q", share="50%")
    first = restate(story, policy=better.sha256)
    assert lines(first)["ben default · m · USD"] == (5 * M, 12_500_000)
    story.sales(("s2", "2026-03-20T10:00:00Z", "m", "USD", "40.00"))
    second = restate(story, late=True)
    assert lines(second)["ben default · m · USD"] == (12_500_000, 17_500_000)
    assert (first.key, second.key) == ("march/1", "march/2")
    clean()


def test_a_deficit_that_a_restatement_finds_is_carried_by_the_next_cycle(story: Story) -> None:
    march(
        story, ("s1", "2026-03-03T10:00:00Z", "m", "USD", "100.00"), ("x1", "2026-03-03T10:00:00Z", "m", "USD", "8.00"),
    )  # fmt: skip
    wrong = file_of()
    story.sales(("r1", "2026-03-05T10:00:00Z", "m", "USD", "-30.00", "s1"))
    void(file_id=wrong, reason="never sold", act=story.act())
    made = restate(story, void=(wrong,), late=True)
    assert lines(made)["<carried> default · m · USD"] == (0, -30 * M)
    story.sales(("s4", "2026-04-03T10:00:00Z", "m", "USD", "130.00"))
    april = story.publish("april", "2026-04-01", "2026-05-01")
    assert pools(april)["default · m · USD"] == (130 * M, -30 * M, 20 * M, 80 * M, 0)
    clean()


def test_nothing_changed_is_drafted_and_not_approved(story: Story) -> None:
    march(story)
    made = draft(story, late=True)
    assert lines(made) == {}
    with pytest.raises(Refused, match="changes nothing"):
        restatements.approve(key=made.key, act=story.act("adam"))


def test_two_people_and_in_order(story: Story) -> None:
    march(story)
    story.sales(("s2", "2026-03-20T10:00:00Z", "m", "USD", "40.00"))
    made, other = draft(story, late=True), draft(story, late=True)
    with pytest.raises(Conflict, match="is draft"):
        restatements.post(key=made.key, act=story.act("fiona"))
    with pytest.raises(NotAllowed, match="another person"):
        restatements.approve(key=made.key, act=story.act())
    restatements.approve(key=made.key, act=story.act("adam"))
    restatements.approve(key=other.key, act=story.act("adam"))
    step = restatements.post(key=made.key, act=story.act("fiona"))
    assert restatements.post(key=made.key, act=story.act("fiona")) == step
    assert (state(find(made.key)), state(find(other.key))) == ("posted", "superseded")
    with pytest.raises(Conflict, match="superseded"):
        restatements.post(key=other.key, act=story.act("fiona"))
    clean()


def test_late_sales_and_use_go_over_models_that_nothing_named_at_the_lock(story: Story) -> None:
    """March sold of model m only. Late come a sale over all models, of which there were two, and use of the other."""
    story.models(("m", "ds@1"), ("n", "ds@2"))
    story.attributions(("ds@1", "a1", "ann"), ("ds@2", "b1", "ben"))
    table = '[streams.{}]\ncontributor_share = "20%"\npooling = "{}"\nallocation = "{}"\n'
    text = 'name = "p"\nversion = "1"\n' + table.format("default", "per_model", "asset_count")
    text += table.format("other", "single", "asset_count") + table.format("fees", "per_model", "by_usage")
    story.policies["p"], _ = register(content=text.encode(), act=story.act())
    header = ("sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "customer_id")
    day = "2026-03-04T10:00:00Z"
    story.take(
        "sales", header, [("s1", day, "generation", "m", "USD", "10", ""), ("f1", day, "fees", "m", "USD", "5", "k")]
    )
    assert payouts(story.publish("march", "2026-03-01", "2026-04-01"))["ann"] == 3 * M
    story.take("sales", header, [("s2", day, "other", "m", "USD", "100", "")])
    story.take("usage", ("customer_id", "model", "day", "units"), [("k", "n", "2026-03-09", "3")])
    assert lines(restate(story, late=True)) == {
        "ann other · USD": (0, 10 * M), "ben other · USD": (0, 10 * M), "<platform> other · USD": (0, 80 * M),
        "<sales> other · USD": (0, -100 * M), "ann fees · m · USD": (M, 0), "<platform> fees · m · USD": (4 * M, 0),
        "<sales> fees · m · USD": (-5 * M, 0), "ben fees · n · USD": (0, M), "<platform> fees · n · USD": (0, 4 * M),
        "<sales> fees · n · USD": (0, -5 * M),
    }  # fmt: skip
    clean()


def test_late_sales_that_a_cycle_took_meanwhile_are_not_restated(story: Story) -> None:
    march(story)
    story.sales(("s2", "2026-03-20T10:00:00Z", "m", "USD", "40.00"))
    made = draft(story, late=True)
    restatements.approve(key=made.key, act=story.act("adam"))
    story.publish("april", "2026-04-01", "2026-05-01")
    with pytest.raises(Conflict, match="in another cycle by now"):
        restatements.post(key=made.key, act=story.act("fiona"))
