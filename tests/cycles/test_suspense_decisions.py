"""Money in suspense that no match lets out: for every reason there is a decision, and each sum leaves once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare.allocation.deciding import settle, share
from revshare.allocation.models import Release, Rest, SuspenseDecision
from revshare.allocation.suspense import Waiting, waiting
from revshare.audit_trail.models import Event
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.ledger.models import Leg
from revshare.money import format_micros
from revshare.policies.operations import register
from revshare.policies.rules import parse
from revshare.pools.matching import match
from revshare.pools.rules import Key, Pinned, Waited, gather, places
from revshare.sales.queries import Sum
from revshare.verification.operations import verify
from tests.conftest import ROOT
from tests.ownership import owner
from tests.stories import Story, payouts, pools
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db
M = 1_000_000
PLAIN = 'contributor_share = "20%"\npooling = "per_model"\nallocation = "asset_count"\n'
BY_LICENCES = (
    'contributor_share = "20%"\npooling = "per_model"\nallocation = "factors"\n'
    '[streams.default.factors]\nassets = "50%"\n"measure:licences" = "50%"\n'
)
MEASURES = ("contributor_id", "measure", "start", "end", "value")
SALES = ("sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "customer_id")
USAGE = ("customer_id", "model", "day", "units")


def policy(story: Story, text: str, version: str = "1") -> None:
    content = f'name = "p"\nversion = "{version}"\n[streams.default]\n{text}'
    story.policies["p"], _ = register(content=content.encode(), act=story.act())


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def only() -> Waiting:
    [one] = waiting()
    return one


def shared(story: Story, number: int, model: str = "") -> tuple[SuspenseDecision, bool]:
    return share(number=number, model=model, act=story.act("olivia", why="the report came late"))


def settled(story: Story, number: int, to: str) -> SuspenseDecision:
    return settle(number=number, to=to, act=story.act("adam", why="nobody will ever come"))


@pytest.fixture
def shop(story: Story) -> Story:
    """Ann has three assets of model m, Ben has one; 100 are sold each month."""
    story.at += timedelta(days=62)
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{n}", "ann") for n in (1, 2, 3)], ("ds@1", "b1", "ben"))
    story.sales(*[(f"s{n}", f"2026-0{n}-10T00:00:00Z", "m", "USD", "100") for n in (6, 7, 8)])
    return story


@pytest.fixture
def june(shop: Story) -> Story:
    """Half of June's pool goes by licences, of which nobody has any."""
    policy(shop, BY_LICENCES)
    shop.calculate("june", "2026-06-01", "2026-07-01")
    return shop


def test_whoever_prepared_the_cycle_does_not_settle_what_waits_of_it(june: Story) -> None:
    with pytest.raises(NotAllowed, match="olivia prepared cycle june"):
        settle(number=only().number, to="platform", act=june.act("olivia", why="mine"))
    assert settled(june, only().number, "platform").decided_by == "adam"


def row(cycle: Cycle) -> str:
    parts = sorted(payouts(cycle).items(), key=lambda item: (item[0].startswith("<"), item[0]))
    return "  ".join(f"{name.strip('<>')} {format_micros(micros, 'USD')}" for name, micros in parts)


def test_what_nobody_had_a_measure_for_is_shared_by_the_next_cycle(june: Story) -> None:
    one = only()
    assert (one.amount_micros, one.reason, one.unknown, one.decided) == (
        10 * M, "nobody has any licences in this cycle", False, False,
    )  # fmt: skip
    assert shared(june, one.number)[1]
    assert not shared(june, one.number)[1]
    assert only().decided
    june.take("measures", MEASURES, [
        ("ann", "licences", "2026-07-01", "2026-08-01", "100"), ("ben", "licences", "2026-07-01", "2026-08-01", "300"),
    ])  # fmt: skip
    july = june.calculate("july", "2026-07-01", "2026-08-01")
    assert pools(july)["default · m · measure:licences · USD"] == (50 * M, 0, 20 * M, 40 * M, 0)
    assert waiting() == []
    with pytest.raises(Conflict, match="is shared already, by cycle july"):
        settled(june, one.number, "platform")
    text = (ROOT / "docs" / "rules.md").read_text()
    assert f"June  {row(Cycle.objects.get(key='june'))}\nJuly  {row(july)}\n" in text
    clean()


def test_a_measure_of_a_pool_over_all_models_needs_no_model_to_go_with(shop: Story) -> None:
    policy(shop, BY_LICENCES.replace("per_model", "single"))
    shop.calculate("june", "2026-06-01", "2026-07-01")
    shared(shop, only().number)
    shop.take("measures", MEASURES, [("ben", "licences", "2026-07-01", "2026-08-01", "300")])
    july = shop.calculate("july", "2026-07-01", "2026-08-01")
    assert pools(july)["default · measure:licences · USD"] == (50 * M, 0, 20 * M, 40 * M, 0)
    clean()


def test_what_still_has_nobody_to_go_to_waits_again_under_a_new_number(june: Story) -> None:
    first = only().number
    shared(june, first)
    july = june.calculate("july", "2026-07-01", "2026-08-01")
    assert (only().number != first, only().amount_micros, only().decided) == (True, 20 * M, False)
    settled(june, only().number, "commons")
    august = june.calculate("august", "2026-08-01", "2026-09-01")
    assert payouts(august)["<suspense>"] == 10 * M
    assert payouts(july)["<suspense>"] == 20 * M
    assert Leg.objects.filter(account="commons").values_list("side", "amount_micros").get() == ("C", 20 * M)
    assert suspended() == 10 * M
    clean()


def suspended() -> int:
    rows = Leg.objects.filter(account="suspense").values_list("side", "amount_micros")
    return sum(micros if side == "C" else -micros for side, micros in rows)


@pytest.mark.parametrize("to", ["platform", "commons"])
def test_an_approver_settles_it_with_a_reason_and_no_cycle_shares_it_again(june: Story, to: str) -> None:
    number = only().number
    made = settled(june, number, to)
    assert made.journal is not None
    assert set(made.journal.named_legs.values_list("account", "side", "amount_micros")) == {
        ("suspense", "D", 10 * M), (to, "C", 10 * M),
    }  # fmt: skip
    [event] = Event.objects.filter(action="suspense.decided")
    assert (event.actor, event.detail["to"], event.detail["micros"]) == ("adam", to, 10 * M)
    assert waiting() == []
    for again in (settled, shared):
        with pytest.raises(NotFound):
            again(june, number, to)  # type: ignore[operator]
    july = june.calculate("july", "2026-07-01", "2026-08-01")
    assert pools(july)["default · m · assets · USD"] == (50 * M, 0, 10 * M, 40 * M, 0)
    assert suspended() == 10 * M  # july's own
    clean()


def test_what_no_asset_earned_is_shared_under_the_next_policy(shop: Story) -> None:
    policy(shop, PLAIN + '[eligibility]\nlicences = ["standard"]\n')
    shop.calculate("june", "2026-06-01", "2026-07-01")
    assert only().reason == "no asset of its dataset versions earns under this policy"
    shared(shop, only().number)
    policy(shop, PLAIN, "2")
    july = shop.calculate("july", "2026-07-01", "2026-08-01")
    assert payouts(july) == {"ann": 30 * M, "ben": 10 * M, "<platform>": 80 * M}
    clean()


def test_a_pool_over_all_models_is_shared_once_there_is_one_though_nothing_is_sold(story: Story) -> None:
    policy(story, PLAIN.replace("per_model", "single"))
    story.sales(("s6", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    story.calculate("june", "2026-06-01", "2026-07-01")
    assert only().unknown
    with pytest.raises(Refused, match="'m' is not known"):
        shared(story, only().number)
    # Of a single pool the reason is another: the customers' fees name no model.
    story.models(("m", "ds@1"), ("n", "ds@2"))
    story.attributions(("ds@1", "a", "ann"), ("ds@2", "b", "ben"))
    match(kind="model", name="m", stands_for="m", act=story.act("olivia", why="it came"))
    july = story.calculate("july", "2026-07-01", "2026-08-01")
    assert payouts(july) == {"ann": 10 * M, "ben": 10 * M}
    clean()


def test_fees_of_customers_who_used_nothing_need_a_model_to_go_with(shop: Story) -> None:
    policy(shop, PLAIN.replace("asset_count", "by_usage"))
    shop.take("sales", SALES, [("f", "2026-05-10T00:00:00Z", "default", "", "USD", "50", "k1")])
    shop.calculate("may", "2026-05-01", "2026-06-01")
    assert only().reason == "nothing says what these customers used"
    with pytest.raises(Refused) as refused:
        shared(shop, only().number)
    assert refused.value.code == "model_missing"
    with pytest.raises(Refused, match="'nothing' is not known"):
        shared(shop, only().number, "nothing")
    shared(shop, only().number, "m")
    assert only().decided_model == "m"
    with pytest.raises(Conflict):
        shared(shop, only().number, "")
    june = shop.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(june) == {"ann": 22_500_000, "ben": 7_500_000, "<platform>": 80 * M}
    clean()


def test_a_decision_after_the_lock_waits_for_the_next_cycle(june: Story) -> None:
    june.open("july", "2026-07-01", "2026-08-01")
    cycles.lock(key="july", act=june.act())
    first = only().number
    shared(june, first)
    cycles.calculate(key="july", act=june.act())
    assert [(one.number == first, one.decided) for one in waiting()] == [(True, True), (False, False)]
    settled(june, waiting()[1].number, "platform")
    policy(june, PLAIN, "2")
    august = june.calculate("august", "2026-08-01", "2026-09-01")
    # This policy has no licences to divide by: it goes by assets.
    assert payouts(august) == {"ann": 22_500_000, "ben": 7_500_000, "<platform>": 80 * M}
    clean()


def test_what_is_settled_between_lock_and_calculation_is_not_released(june: Story) -> None:
    june.sales(("x", "2026-06-11T00:00:00Z", "M-1", "USD", "50"))  # late, of a name that nobody knows
    june.calculate("july", "2026-07-01", "2026-08-01")
    [name] = [one for one in waiting() if one.unknown]
    match(kind="model", name="M-1", stands_for="m", act=june.act("olivia", why="a typo"))
    june.open("august", "2026-08-01", "2026-09-01")
    cycles.lock(key="august", act=june.act())
    settled(june, name.number, "platform")
    cycles.calculate(key="august", act=june.act())
    assert not Release.objects.filter(rest_id=name.number).exists()
    clean()


def test_refusals_say_why(june: Story) -> None:
    number = only().number
    with pytest.raises(Refused, match="platform or commons, not to 'me'"):
        settled(june, number, "me")
    with pytest.raises(NotFound, match="Nothing waits in suspense as 999"):
        settled(june, 999, "platform")
    with pytest.raises(Refused, match="Give the reason"):
        share(number=number, act=june.act("olivia", why=" "))
    shared(june, number)
    with pytest.raises(Conflict, match="is to be shared, as olivia decided"):
        settled(june, number, "platform")


def test_the_database_lets_a_sum_leave_once(june: Story) -> None:
    number = only().number
    made = settled(june, number, "platform")
    platform = Rest.objects.filter(bucket="platform").latest("pk")
    with pytest.raises(IntegrityError), transaction.atomic():
        SuspenseDecision.objects.create(
            rest=platform, decision="share", reason="x", decided_at=june.at, decided_by="mallory"
        )
    july = june.open("july", "2026-07-01", "2026-08-01")
    cycles.lock(key="july", act=june.act())
    with pytest.raises(IntegrityError), transaction.atomic():
        Release.objects.create(cycle=july, rest=made.rest, amount_micros=10 * M)
    with pytest.raises(IntegrityError), owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM allocation_suspense_decision")


DEFECTS = {
    "it went elsewhere": "UPDATE allocation_suspense_decision SET decision = 'commons' WHERE decision = 'platform'",
    "nobody decided it": "DELETE FROM allocation_suspense_decision WHERE decision = 'platform'",
    "less was moved": "UPDATE ledger_leg SET amount_micros = amount_micros - 1 WHERE journal_id = "
    "(SELECT seq FROM ledger_journal WHERE kind = 'suspense_release')",
    "it was shared as well": "INSERT INTO allocation_release (cycle_id, rest_id, amount_micros) "
    "SELECT max(c.id), d.rest_id, 10000000 FROM cycles_cycle c, allocation_suspense_decision d "
    "WHERE d.decision = 'platform' GROUP BY 2",
    "nobody decided what was shared": "DELETE FROM allocation_suspense_decision WHERE decision = 'share'",
}


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(june: Story, what: str) -> None:
    settled(june, only().number, "platform")
    june.calculate("july", "2026-07-01", "2026-08-01")
    shared(june, only().number)
    june.calculate("august", "2026-08-01", "2026-09-01")
    clean()
    without_triggers(DEFECTS[what])
    assert "I15" in found()


RULES = parse(f'name = "p"\nversion = "1"\n[streams.default]\n{BY_LICENCES}')
LICENCES = Key("default", "m", "", "USD", "measure:licences")
SUMS = st.integers(1, 10**12)


@settings(max_examples=60, deadline=None)
@given(st.integers(-(10**9), 10**12), SUMS, SUMS, SUMS)
def test_whatever_is_decided_no_micro_is_lost(sold: int, licences: int, nameless: int, other: int) -> None:
    """What waited in a part goes to that part; with a model, or from a part there is no more, to the part by assets."""
    pinned = Pinned(manifests={"v": ""}, models={"m": ["v"]})
    released = {
        Waited(LICENCES, decided=True): licences,
        Waited(Key("default", "", "", "USD"), decided=True, model="m"): nameless,
        Waited(Key("gone", "m", "", "USD", "measure:gone"), decided=True): other,
    }
    made = gather(
        sums=[Sum("s", "m", "", "USD", sold, 1)], rulebook=RULES, pinned=pinned, carried={}, released=released
    )
    by_part = {pool.key.part: pool for pool in made}
    assert by_part["measure:licences"].released_micros == licences
    assert by_part["assets"].released_micros == nameless + other
    for pool in made:
        out = pool.distributable_micros + pool.commons_micros + pool.platform_micros + pool.carried_out_micros
        assert pool.net_micros + pool.carried_in_micros + pool.released_micros == out
    assert sum(pool.net_micros for pool in made) == sold


def test_what_has_no_place_stays() -> None:
    pinned = Pinned(manifests={"v": ""}, models={"m": ["v"]})
    outputs = parse(
        'name = "p"\nversion = "1"\n[streams.x]\ncontributor_share = "20%"\npooling = "per_model"\n'
        'allocation = "asset_count"\n'
    )
    assert places(Waited(LICENCES, decided=True), outputs, pinned) == []  # no such table any more
    assert places(Waited(LICENCES), RULES, pinned) == []  # neither matched nor decided
    assert places(Waited(Key("default", "x", "", "USD", "gone"), decided=True), RULES, pinned) == []
