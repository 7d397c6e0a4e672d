"""Restatements against the slow twin: after each, the cycle and what was posted of it come to what the twin says of the
rows and the policy that it was restated by, to the micro."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from revshare.errors import Refused
from revshare.files.models import IngestedFile
from revshare.files.voiding import void
from revshare.policies.operations import register
from revshare.restatements import operations as restatements
from revshare.restatements.models import RestatementLine
from revshare.restatements.rules import Options
from tests.cycles.slow_methods import Twin
from tests.cycles.slow_rules import Sold, World
from tests.cycles.test_methods_twin import (
    CONSENTS,
    CYCLES,
    MEASURES,
    OUTPUTS,
    RECORDS,
    SALES,
    USAGE,
    Result,
    amount,
    clean,
    found,
    real,
    record_of,
    row_of,
    take,
    without_zeros,
)
from tests.cycles.worlds import worlds
from tests.examples import examples
from tests.stories import Story

JUNE = "june"


def wrong_ones(world: World) -> list[Sold]:
    """Some of June's sales with their refunds: in a file of their own, which is void later."""
    later = {sold.refund_of for sold in world.sales if sold.cycle == 1}
    sales = [sold for sold in world.sales if sold.cycle == 0 and not sold.refund_of and sold.sale_id not in later]
    chosen = {sold.sale_id for sold in sales[::2]}
    return [sold for sold in world.sales if sold.sale_id in chosen or sold.refund_of in chosen]


def tell_june(story: Story, world: World) -> int:
    """June, published, and what came after it; returns the file that is void by then."""
    story.policies["p"], _ = register(content=world.policy.encode(), act=story.act())
    people = [(who, who) for who in ("ann", "ben", "cy", "di")]
    story.take("contributors", ("contributor_id", "contributor_name"), people)
    story.take("models", ("model", "dataset_version", "mix"), list(world.models))
    wrong = wrong_ones(world)
    rows: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = [
        ("consents", CONSENTS, [(p, a, said, f"{day}T00:00:00Z", scope) for p, a, said, day, scope in world.consents]),
        ("attributions", RECORDS, [record_of(record) for record in world.records]),
        ("measures", MEASURES, [(who, name, *CYCLES[cycle][1:], amount(v)) for cycle, who, name, v in world.measures]),
        ("usage", USAGE, [(who, model, CYCLES[cycle][1], units) for cycle, who, model, units in world.usage]),
        ("sales", SALES, [row_of(sold) for sold in world.sales if sold.cycle == 0 and sold not in wrong]),
        ("outputs", OUTPUTS, [
            (sale, who, role, f"0.{int(score * 10**6):06d}" if score < 1 else "1") for sale, who, role, score in world.outputs
        ]),
        ("sales", SALES, [row_of(sold) for sold in wrong]),
    ]  # fmt: skip
    for kind, header, own in rows:
        take(story, kind, header, own, 1)
    file = IngestedFile.objects.latest("pk").pk if wrong else 0
    story.publish(*CYCLES[0])
    take(story, "sales", SALES, [row_of(sold) for sold in world.sales if is_late(sold)], 1)
    if file:
        void(file_id=file, reason="a test", act=story.act())
    return int(file)


def is_late(sold: Sold) -> bool:
    return sold.cycle == 1 and sold.day < "2026-07"


def expected(world: World, options: Options, policy: str) -> Result:
    """By the twin. With late sales nothing counts that is void."""
    wrong = wrong_ones(world) if options.void or options.late else []
    sales = [sold for sold in world.sales if sold.cycle == 0 and sold not in wrong]
    if options.late:
        sales += [replace(sold, cycle=0) for sold in world.sales if is_late(sold)]
    return without_zeros(Twin(replace(world, sales=sales, policy=policy), 1).result)


def now() -> Result:
    """June as it was published, and what was posted of it since."""
    result: Result = defaultdict(int, found())
    for line in RestatementLine.objects.filter(restatement__steps__action="post").exclude(bucket="sales"):
        who = line.contributor_id if line.bucket == "contributor" else f"<{line.bucket}>"
        pool = (line.table, line.model, line.dataset_version, line.currency)
        result[0, pool, str(who)] += line.difference_micros
    return without_zeros(result)


def waiting(result: Result) -> Result:
    return {key: micros for key, micros in result.items() if key[2] in ("<suspense>", "<held>")}


def restate(story: Story, options: Options, wanted: Result) -> bool:
    """Whether it is posted; if it is refused, then for what it says."""
    refused = ""
    try:
        made = restatements.draft(cycle_key=JUNE, options=options, act=story.act())
        restatements.approve(key=made.key, act=story.act("adam"))
        restatements.post(key=made.key, act=story.act("fiona"))
    except Refused as error:
        refused = error.code
    if refused == "restatement_waiting":
        assert waiting(now()) != waiting(wanted)
    elif refused:
        assert refused == "nothing_changed"
        assert by_account(now()) == by_account(wanted)
    return not refused


def by_account(result: Result) -> Result:
    sums: Result = defaultdict(int)
    for (cycle, pool, who), micros in result.items():
        sums[cycle, ("", "", "", pool[3]), who] += micros
    return without_zeros(sums)


@pytest.mark.usefixtures("one_duckdb")
@pytest.mark.parametrize("pooling", ["per_model", "single"])
@hypothesis_settings(real, max_examples=examples(quick=2, long=8))
@given(data=st.data())
def test_a_month_restated_is_what_the_slow_twin_says(story: Story, pooling: str, data: st.DataObject) -> None:
    world = data.draw(worlds(pooling=pooling))
    other = data.draw(worlds(pooling=pooling)).policy.replace('name = "p"', 'name = "q"')
    with transaction.atomic():
        file = tell_june(story, world)
        assert now() == expected(world, Options(), world.policy)
        policy, _ = register(content=other.encode(), act=story.act())
        void_it = Options(void=(file,)) if file else Options(late=True)
        steps = data.draw(st.permutations([void_it, Options(late=True), Options(policy=policy.sha256)]))[:2]
        asked = Options()
        for step in steps:
            asked = Options(
                late=asked.late or step.late, void=asked.void or step.void, policy=asked.policy or step.policy
            )
            wanted = expected(world, asked, other if asked.policy else world.policy)
            if not restate(story, step, wanted):
                break
            assert now() == wanted
        clean()
        transaction.set_rollback(True)
