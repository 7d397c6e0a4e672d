"""What the lab foresees is what happens; and it leaves no trace."""

from collections import defaultdict
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from revshare.allocation.models import Allocation
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.lab.candidates import MOST, drafted, registered
from revshare.lab.operations import Comparison, Outcome, compare
from revshare.manifests.models import Manifest
from revshare.policies.models import Policy
from tests.conftest import AT
from tests.lab.stories import PERIOD, POLICIES, drafts, set_up, text_of
from tests.stories import Story

Amounts = dict[tuple[str, str], int]


def foreseen(outcome: Outcome) -> Amounts:
    """(currency, contributor or <bucket>): micros, those above or below zero."""
    found: Amounts = {}
    for currency, amounts in outcome.amounts.items():
        found |= {(currency, str(name)): int(micros) for name, micros in zip(outcome.ids, amounts, strict=True)}
    for currency, buckets in outcome.rest.items():
        found |= {(currency, f"<{bucket}>"): micros for bucket, micros in buckets.items()}
    return {key: micros for key, micros in found.items() if micros}


def posted(cycle: Cycle) -> Amounts:
    found: Amounts = defaultdict(int)
    for row in Allocation.objects.filter(cycle=cycle).select_related("pool"):
        name = row.contributor_id if row.bucket == "contributor" else f"<{row.bucket}>"
        found[row.pool.currency, str(name)] += row.amount_micros
    return {key: micros for key, micros in found.items() if micros}


def everything() -> dict[str, Any]:
    """Every row of every table, and every file of the instance but scratch folders."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname NOT IN "
            "('pg_catalog', 'information_schema') ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall()]
        found: dict[str, Any] = {}
        for name in tables:
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
            found[name] = cursor.fetchone()
        cursor.execute("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
        found["sequences"] = cursor.fetchall()
    assert found["public.sales_sale"][0] == 5
    files = settings.REVSHARE_HOME.rglob("*")
    return found | {
        str(path): path.stat().st_mtime_ns for path in files if path.is_file() and "postgres" not in str(path)
    }


def try_all(cycle: Cycle) -> Comparison:
    others = [name for name in POLICIES if name != cycle.policy.name]
    return compare(cycle=cycle, others=drafts(others), at=AT)


def test_an_open_cycle_comes_to_what_the_lab_foresaw_under_every_policy(story: Story) -> None:
    set_up(story)
    for own in POLICIES:
        with transaction.atomic():
            comparison = try_all(story.open("june", *PERIOD, policy=own))
            for outcome in comparison.outcomes:
                name = outcome.candidate.rulebook.name
                with transaction.atomic():
                    cycle = Cycle.objects.get(key="june")
                    Cycle.objects.filter(pk=cycle.pk).update(policy=story.policies[name])
                    assert foreseen(outcome) == posted(story.calculate("june")), (own, name)
                    transaction.set_rollback(True)
            transaction.set_rollback(True)


def test_a_closed_cycle_comes_to_what_was_posted(story: Story) -> None:
    set_up(story)
    cycle = story.calculate("june", *PERIOD, policy="weighted")
    comparison = try_all(cycle)
    assert foreseen(comparison.outcomes[0]) == posted(cycle)
    assert [outcome.candidate.name for outcome in comparison.outcomes] == [
        "weighted@1", "assets@1", "single@1", "factors@1"
    ]  # fmt: skip


def test_what_nobody_asked_of_a_frozen_manifest_is_worked_out_beside_it(story: Story) -> None:
    """Licences, by a policy that comes when the manifest is frozen: the same as if it had come before, also where
    consents came in between."""
    set_up(story)
    cycle = story.open("june", *PERIOD, policy="assets")
    before = [foreseen(outcome) for outcome in try_all(cycle).outcomes]
    cycle = story.calculate("june")
    assert Manifest.objects.get(dataset_version="ds@2").classes == []
    story.take(
        "consents", ("contributor_id", "asset_id", "decision", "effective_at"),
        [("ben", "", "opt_out", "2026-05-01T00:00:00Z")],
    )  # fmt: skip
    assert [foreseen(outcome) for outcome in try_all(cycle).outcomes] == before
    assert Manifest.objects.get(dataset_version="ds@2").classes == []


def test_models_that_came_after_the_lock_do_not_change_what_its_own_policy_paid(story: Story) -> None:
    set_up(story)
    cycle = story.calculate("june", *PERIOD, policy="single")
    story.models(("later", "ds@3"))
    story.attributions(("ds@3", "9", "ben"))
    assert foreseen(compare(cycle=cycle, others=[], at=AT).outcomes[0]) == posted(cycle)
    assert Manifest.objects.get(dataset_version="ds@3").frozen_at is None


def test_of_an_open_cycle_the_opt_outs_effective_by_then_count(story: Story) -> None:
    set_up(story)
    cycle = story.open("june", *PERIOD, policy="weighted")
    held = [
        compare(cycle=cycle, others=[], at=at).outcomes[0].rest["USD"].get("held", 0)
        for at in (AT, AT.replace(year=2020))
    ]
    # 20 USD over ticks of 1, 1, 2.5 and 1 assets: Ann's first is opted out.
    assert held == [20_000_000 * 10 // 55, 0]


def test_nothing_is_written(story: Story) -> None:
    set_up(story)
    cycle = story.open("june", *PERIOD, policy="assets")
    before = everything()
    assert foreseen(try_all(cycle).outcomes[0])
    assert everything() == before
    cycle = story.calculate("june")
    before = everything()
    try_all(cycle)
    assert everything() == before


def test_the_database_itself_refuses_to_write_for_the_lab(story: Story) -> None:
    set_up(story)
    cycle = story.open("june", *PERIOD, policy="assets")

    def write(stage: str, done: int, total: int) -> None:
        Policy.objects.update(name="another")

    with pytest.raises(DatabaseError, match="read-only transaction"), transaction.atomic():
        compare(cycle=cycle, others=[], at=AT, progress=write)
    Policy.objects.create(name="x", version="1", sha256="0" * 64, text="", registered_at=AT, registered_by="olivia")


def test_every_policy_shares_the_same_sales(story: Story) -> None:
    set_up(story)
    comparison = try_all(story.open("june", *PERIOD, policy="assets"))
    assert comparison.currencies == ["EUR", "USD"]
    for number, outcome in enumerate(comparison.outcomes):
        for currency, net in (("EUR", 10_010_000), ("USD", 137_000_000)):
            total = int(comparison.amounts(number, currency).sum()) + sum(outcome.rest[currency].values())
            assert total == net, (outcome.candidate.name, currency)


def test_a_stream_without_a_rule_is_refused_by_name(story: Story) -> None:
    set_up(story)
    cycle = story.open("june", *PERIOD, policy="assets")
    text = text_of("single").replace(b"streams.default", b"streams.data_deal")
    with pytest.raises(Refused, match="Policy single@1 has no rule for the stream generation") as error:
        compare(cycle=cycle, others=[drafted(text)], at=AT)
    assert error.value.code == "stream_without_rule"


def test_each_policy_has_a_name_of_its_own_and_is_there_once(story: Story) -> None:
    set_up(story)
    cycle = story.open("june", *PERIOD, policy="assets")
    changed = drafted(text_of("assets").replace(b"20%", b"30%"))
    names = [o.candidate.name for o in compare(cycle=cycle, others=[changed], at=AT).outcomes]
    assert names == ["assets@1", "assets@1 #2"]
    with pytest.raises(Refused, match="assets@1 is there twice"):
        compare(cycle=cycle, others=[registered(story.policies["assets"])], at=AT)
    with pytest.raises(Refused, match=f"at most {MOST} policies"):
        compare(cycle=cycle, others=[drafted(text_of("single", f"{n}")) for n in range(MOST)], at=AT)
