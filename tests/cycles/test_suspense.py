"""Money whose model or dataset nobody knows waits in suspense, is matched by an operator, and is shared once."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare.allocation.models import Allocation, Release
from revshare.allocation.suspense import waiting
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.exports.statement_reading import document
from revshare.policies.rules import parse
from revshare.pools.matching import match
from revshare.pools.models import Match, Pool
from revshare.pools.rules import Key, Pinned, Waited, gather
from revshare.sales.queries import Sum
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.verification.operations import verify
from tests.ownership import owner
from tests.stories import Story, legs, payouts, pools

pytestmark = pytest.mark.django_db
M = 1_000_000


def matched(story: Story, name: str, stands_for: str, kind: str = "model") -> tuple[Match, bool]:
    return match(kind=kind, name=name, stands_for=stands_for, act=story.act("olivia", why="a typo of the shop"))


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


@pytest.fixture
def may(story: Story) -> Story:
    """Ann has three assets of model m, Ben has one. In May 100 were sold of m and 50 of a misspelled one."""
    story.models(("m", "v1"))
    story.attributions(*[("v1", f"a{i}", "ann") for i in range(3)], ("v1", "b", "ben"))
    story.policy()
    story.sales(("s1", "2026-05-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-05-11T00:00:00Z", "M-1", "USD", "50"))
    story.calculate("may", "2026-05-01", "2026-06-01")
    return story


def test_what_waits_is_listed_with_its_age_and_its_match(may: Story) -> None:
    [found] = waiting()
    assert (found.cycle, found.pool, found.kind, found.name, found.amount_micros, found.stands_for, found.since) == (
        "may", "default · M-1 · USD", "model", "M-1", 10 * M, "", may.at,
    )  # fmt: skip
    matched(may, "M-1", "m")
    assert [found.stands_for for found in waiting()] == ["m"]


def test_a_match_counts_from_the_next_lock_and_releases_what_waited_once(may: Story) -> None:
    assert matched(may, "M-1", "m")[1]
    assert not matched(may, "M-1", "m")[1]
    may.sales(("s3", "2026-06-10T00:00:00Z", "m", "USD", "20"), ("s4", "2026-06-11T00:00:00Z", "M-1", "USD", "40"))
    june = may.calculate("june", "2026-06-01", "2026-07-01")
    # 20 % of 60, and the 10 that waited, by 3 : 1.
    assert pools(june) == {"default · m · USD": (60 * M, 0, 22 * M, 48 * M, 0)}
    assert payouts(june) == {"ann": 16_500_000, "ben": 5_500_000, "<platform>": 48 * M}
    assert legs(june) == {
        ("sales", "USD", "D", 60 * M), ("suspense", "USD", "D", 10 * M), ("platform", "USD", "C", 48 * M),
        ("payable:ann", "USD", "C", 16_500_000), ("payable:ben", "USD", "C", 5_500_000),
    }  # fmt: skip
    assert waiting() == []
    call_command("cycle", "show", "june", stdout=(told := StringIO()))
    assert "from suspense   USD 10.00" in told.getvalue()
    may.sales(("s5", "2026-07-10T00:00:00Z", "M-1", "USD", "10"))
    july = may.calculate("july", "2026-07-01", "2026-08-01")
    assert payouts(july) == {"ann": 1_500_000, "ben": 500_000, "<platform>": 8 * M}
    assert Release.objects.count() == 1
    clean()


def test_it_is_released_though_nothing_is_sold_and_the_statement_says_so(may: Story) -> None:
    matched(may, "M-1", "m")
    june = may.calculate("june", "2026-06-01", "2026-07-01")
    assert pools(june) == {"default · m · USD": (0, 0, 10 * M, 0, 0)}
    statement = Statement.objects.select_related("cycle__policy", "contributor").get(cycle=june, contributor_id="ann")
    [line] = document(explain(statement)).lines
    assert line.sentence == (
        "20% of $0.00 net sales is a pool of $0.00; with $10.00 of earlier sales that had waited it is $10.00; "
        "you hold 3 of 4 assets; your part is $7.50"
    )
    assert "waited in suspense" in line.rule
    with connection.cursor() as cursor:
        cursor.execute("SELECT net, carried_in, distributable FROM audit.pool WHERE cycle_id = %s", [june.pk])
        assert cursor.fetchall() == [(0, 10 * M, 10 * M)]
    clean()


def test_what_becomes_known_is_matched_with_itself(may: Story) -> None:
    may.models(("M-1", "v2"))
    may.attributions(("v2", "c", "cy"))
    matched(may, "M-1", "M-1")
    june = may.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(june) == {"cy": 10 * M}
    clean()


def test_a_dataset_is_matched_too_and_into_a_single_pool(story: Story) -> None:
    story.models(("m", "v1"))
    story.attributions(("v1", "a", "ann"))
    story.policy(pooling="single", streams="generation data_deal")
    story.sales(("s1", "2026-05-10T00:00:00Z", "m", "USD", "100"))
    story.deals(("d1", "2026-05-10T00:00:00Z", "v-1", "USD", "30"))
    story.calculate("may", "2026-05-01", "2026-06-01")
    matched(story, "v-1", "v1", "dataset_version")
    story.deals(("d2", "2026-06-10T00:00:00Z", "v-1", "USD", "10"))
    june = story.calculate("june", "2026-06-01", "2026-07-01")
    assert pools(june) == {"data_deal · USD": (10 * M, 0, 8 * M, 8 * M, 0)}
    clean()


def test_a_mix_divides_what_is_released(story: Story) -> None:
    story.take("models", ("model", "dataset_version", "mix"), [("m", "big", "1"), ("m", "small", "3")])
    story.attributions(("big", "a", "ann"), ("small", "b", "ben"))
    story.policy()
    story.sales(("s", "2026-05-10T00:00:00Z", "M", "USD", "100"))
    story.calculate("may", "2026-05-01", "2026-06-01")
    matched(story, "M", "m")
    june = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(june) == {"ann": 5 * M, "ben": 15 * M}
    clean()


def test_refunds_of_what_was_unknown_go_with_it_once_it_is_matched(may: Story) -> None:
    may.sales(("r", "2026-06-01T00:00:00Z", "M-1", "USD", "-50", "s2"))
    may.calculate("june", "2026-06-01", "2026-07-01")  # a deficit of 50 under the unknown name
    matched(may, "M-1", "m")
    july = may.calculate("july", "2026-07-01", "2026-08-01")
    # The 10 that waited are shared; the deficit lies on the pool of m from now on.
    assert pools(july) == {"default · m · USD": (0, -50 * M, 10 * M, 0, -50 * M)}
    clean()
    total = sum(Allocation.objects.exclude(bucket="carried").values_list("amount_micros", flat=True))
    released = sum(Release.objects.values_list("amount_micros", flat=True))
    assert total - released == 100 * M + 50 * M  # all that was sold; the 50 that came back are carried


@pytest.mark.parametrize(
    ("kind", "name", "stands_for", "why", "code"),
    [
        ("stream", "M-1", "m", "x", "match_kind"),
        ("model", "M-1", "nothing", "x", "match_unknown"),
        ("model", "M-1", "v1", "x", "match_unknown"),  # a dataset, not a model
        ("model", "", "m", "x", "match_unknown"),
        ("model", "m", "n", "x", "match_known"),
        ("model", "M-1", "m", " ", "reason_missing"),
    ],
)
def test_a_match_that_says_nothing_is_refused(
    may: Story, kind: str, name: str, stands_for: str, why: str, code: str
) -> None:
    may.models(("n", "v1"))
    with pytest.raises(Refused) as refused:
        match(kind=kind, name=name, stands_for=stands_for, act=Act(actor="olivia", at=may.at, why=why))
    assert refused.value.code == code
    assert not Match.objects.exists()


def test_a_match_is_audited_and_a_later_one_takes_its_place(may: Story) -> None:
    may.models(("n", "v9"))
    may.attributions(("v9", "z", "zoe"))
    matched(may, "M-1", "m")
    matched(may, "M-1", "n")
    assert [
        event.detail["stands_for"] for event in Event.objects.filter(action="suspense.matched").order_by("seq")
    ] == ["m", "n"]
    assert payouts(may.calculate("june", "2026-06-01", "2026-07-01")) == {"zoe": 10 * M}
    matched(may, "M-1", "m")  # what is released stays where it went
    assert waiting() == []
    clean()


def test_a_match_after_the_lock_waits_for_the_next_cycle(may: Story) -> None:
    from revshare.cycles import operations as cycles

    may.open("june", "2026-06-01", "2026-07-01")
    cycles.lock(key="june", act=may.act())
    matched(may, "M-1", "m")
    assert payouts(cycles.calculate(key="june", act=may.act())) == {}
    assert payouts(may.calculate("july", "2026-07-01", "2026-08-01")) == {"ann": 7_500_000, "ben": 2_500_000}
    clean()


def test_nothing_is_released_twice_and_verify_names_what_was_not_released(may: Story) -> None:
    matched(may, "M-1", "m")
    june = may.calculate("june", "2026-06-01", "2026-07-01")
    once = Release.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Release.objects.create(cycle=june, rest=once.rest, amount_micros=1)
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE allocation_release DISABLE TRIGGER USER")
        cursor.execute("UPDATE allocation_release SET amount_micros = amount_micros + 1")
    assert {finding.invariant for finding in verify(cycles=[]).findings} == {"I15", "I23"}  # a trigger is off as well
    with owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM allocation_release")
    assert {finding.invariant for finding in verify(cycles=[june]).findings} == {"I15", "I22", "I23"}


RULES = parse(
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "30%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n'
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["m", "n", "x", "y"]), st.integers(-(10**9), 10**12)), max_size=8),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), st.integers(1, 10**12)),
    st.dictionaries(st.sampled_from(["m", "x", "y"]), st.integers(-(10**12), -1)),
    st.lists(st.integers(1, 9), min_size=2, max_size=2),
)
def test_whatever_is_matched_no_micro_is_lost(
    sold: list[tuple[str, int]], waits: dict[str, int], deficits: dict[str, int], mix: list[int]
) -> None:
    """x and z are matched with m, whose pool is divided by a mix; y is not, so that nothing of it may be released."""
    pinned = Pinned(
        manifests={"v1": "", "v2": ""}, models={"m": ["v1", "v2"], "n": ["v1"]},
        mixes={"m": dict(zip(("v1", "v2"), mix, strict=True))}, matches={"model": {"x": "m", "z": "m"}},
    )  # fmt: skip
    released = {Waited(Key("default", name, "", "USD")): micros for name, micros in waits.items() if name != "y"}
    carried = {Key("default", name, "", "USD"): micros for name, micros in deficits.items()}
    found = gather(
        sums=[Sum("s", name, "", "USD", micros, 1) for name, micros in sold], rulebook=RULES, pinned=pinned,
        carried=carried, released=released,
    )  # fmt: skip
    for pool in found:
        out = pool.distributable_micros + pool.commons_micros + pool.platform_micros + pool.carried_out_micros
        assert pool.net_micros + pool.carried_in_micros + pool.released_micros == out
        assert pool.key.model in ("m", "n", "y")
        assert not pool.released_micros or pool.key.model == "m"
    assert sum(pool.net_micros for pool in found) == sum(micros for _, micros in sold)
    assert sum(pool.released_micros for pool in found) == sum(released.values())
    assert sum(pool.carried_in_micros for pool in found) == sum(deficits.values())
    by_version = [sum(p.released_micros for p in found if p.versions == [version]) for version in ("v1", "v2")]
    if released:
        exact = [sum(released.values()) * part / sum(mix) for part in mix]
        assert all(abs(got - want) <= len(released) for got, want in zip(by_version, exact, strict=True))


def test_pools_of_plain_cycles_release_nothing(may: Story) -> None:
    assert set(Pool.objects.values_list("released_micros", flat=True)) == {0}
    assert "matches" in Cycle.objects.get().pinned


def test_a_single_pool_that_only_takes_what_waited_is_shared_over_all_models(story: Story) -> None:
    story.models(("m", "v1"), ("n", "v2"))
    story.attributions(("v1", "a", "ann"), ("v2", "b", "ben"))
    story.policy(pooling="single")
    story.sales(("s1", "2026-05-10T00:00:00Z", "M-1", "USD", "100"))
    story.calculate("may", "2026-05-01", "2026-06-01")
    matched(story, "M-1", "m")
    june = story.calculate("june", "2026-06-01", "2026-07-01")  # nothing is sold in it
    assert payouts(june) == {"ann": 10 * M, "ben": 10 * M}
    clean()
