"""The ways to share, one story each, worked out by hand."""

from collections.abc import Callable
from typing import Any

import pytest

from revshare.allocation.models import Rest
from revshare.cycles.models import Cycle
from revshare.policies.models import Policy
from revshare.policies.operations import register
from revshare.verification.operations import verify
from tests.stories import Story, payouts, pools

M = 1_000_000
BASE = 'contributor_share = "20%"\npooling = "per_model"\n'
SALES = (
    "sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "refund_of", "fees", "tax", "customer_id", "plan",
)  # fmt: skip
Tell = Callable[..., Cycle]


def policy(story: Story, text: str, *, name: str = "p") -> Policy:
    content = f'name = "{name}"\nversion = "1"\n{text}'
    story.policies[name], _ = register(content=content.encode(), act=story.act())
    return story.policies[name]


def sell(story: Story, *rows: dict[str, Any]) -> None:
    """Sales of June 2026, of model m in USD, unless they say otherwise."""
    usual = {"sold_at": "2026-06-10T00:00:00Z", "stream": "generation", "model": "m", "currency": "USD"}
    filled = [{"sale_id": f"s{number}", **usual, **row} for number, row in enumerate(rows)]
    report = story.take("sales", SALES, [tuple(row.get(name, "") for name in SALES) for row in filled])
    assert report.file.rows_accepted == len(rows)


@pytest.fixture
def june(story: Story) -> Tell:
    """Ann has three assets of the datasets of model m, Ben has one; then the policy, the sales, and June calculated."""

    def tell(text: str, *rows: dict[str, Any]) -> Cycle:
        story.models(("m", "ds@1"))
        story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
        policy(story, text)
        sell(story, *rows)
        return story.calculate("june", "2026-06-01", "2026-07-01")

    return tell


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def test_a_share_of_what_is_left_after_tax_and_fees(june: Tell) -> None:
    cycle = june(
        f'[streams.default]\n{BASE}allocation = "asset_count"\nbase = "net"\n',
        {"gross_amount": "100", "fees": "3", "tax": "17"},
        {"gross_amount": "50", "fees": "1"},
        {"sale_id": "r", "gross_amount": "-100", "refund_of": "s0"},  # takes its fees and tax along
        {"gross_amount": "10"},
    )
    # 60 of sales, 1 of fees: 20 % of 59.
    assert payouts(cycle) == {"ann": 8_850_000, "ben": 2_950_000, "<platform>": 48_200_000}
    clean()


def test_rates_by_day_and_plan_are_pools_of_their_own(june: Tell) -> None:
    cycle = june(
        f'[streams.default]\n{BASE}allocation = "asset_count"\n'
        '[[streams.default.rates]]\nfrom = 2026-06-15\ncontributor_share = "30%"\n'
        '[[streams.default.rates]]\nplan = "enterprise"\ncontributor_share = "40%"\n',
        {"gross_amount": "10"},
        {"gross_amount": "10", "sold_at": "2026-06-15T00:00:00Z"},
        {"gross_amount": "10", "sold_at": "2026-06-20T00:00:00Z", "plan": "enterprise"},
        {"gross_amount": "10", "plan": "free"},
        # The refund of a sale at 20 %, made when 30 % applied.
        {"sale_id": "r", "gross_amount": "-10", "refund_of": "s0", "sold_at": "2026-06-20T00:00:00Z"},
    )
    assert {name: pool[2] for name, pool in pools(cycle).items()} == {
        "default · m · USD": 2 * M, "default · m · from 2026-06-15 · USD": 3 * M, "default · m · enterprise · USD": 4 * M,
    }  # fmt: skip
    assert payouts(cycle) == {"ann": 6_750_000, "ben": 2_250_000, "<platform>": 21 * M}
    clean()


def test_the_day_of_a_rate_begins_where_the_cycle_is(story: Story) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a", "ann"))
    rates = '[[streams.default.rates]]\nfrom = 2026-06-15\ncontributor_share = "30%"\n'
    policy(story, f'[streams.default]\n{BASE}allocation = "asset_count"\n{rates}')
    sell(
        story, {"gross_amount": "10", "sold_at": "2026-06-14T14:59:59Z"},
        {"gross_amount": "10", "sold_at": "2026-06-14T15:00:00Z"},
    )  # fmt: skip
    cycle = story.calculate("june", "2026-06-01", "2026-07-01", zone="Asia/Tokyo")
    assert {name: pool[2] for name, pool in pools(cycle).items()} == {
        "default · m · USD": 2 * M, "default · m · from 2026-06-15 · USD": 3 * M,
    }  # fmt: skip
    clean()


def test_a_model_and_a_dataset_may_have_one_name(story: Story) -> None:
    story.models(("x", "ds@1"))
    story.attributions(("ds@1", "a", "ann"), ("x", "b", "ben"))
    policy(story, f'[streams.default]\n{BASE}allocation = "asset_count"\n')
    sell(story, {"gross_amount": "10", "model": "x"})
    story.deals(("d", "2026-06-10T00:00:00Z", "x", "USD", "20"))
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(cycle) == {"ann": 2 * M, "ben": 4 * M, "<platform>": 24 * M}
    clean()


def test_tiers_by_volume_are_bands(june: Tell) -> None:
    cycle = june(
        f'[streams.default]\n{BASE}allocation = "asset_count"\n'
        '[[streams.default.tiers]]\nabove = "100"\ncontributor_share = "30%"\n'
        '[[streams.default.tiers]]\nabove = "200"\ncontributor_share = "50%"\n',
        {"gross_amount": "240"},
    )
    assert payouts(cycle) == {"ann": 52_500_000, "ben": 17_500_000, "<platform>": 170 * M}  # 20 + 30 + 20
    clean()


def test_the_mix_of_a_model_divides_its_pool(story: Story) -> None:
    story.take("models", ("model", "dataset_version", "mix"), [("m", "big@1", "0.25"), ("m", "small@1", "0.75")])
    story.attributions(*[("big@1", f"a{i}", "ann") for i in range(9)], ("big@1", "b", "ben"), ("small@1", "b", "ben"))
    policy(story, f'[streams.default]\n{BASE}allocation = "asset_count"\n')
    sell(story, {"gross_amount": "100"})
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(cycle) == {"ann": 4_500_000, "ben": 15_500_000, "<platform>": 80 * M}
    clean()


def test_an_asset_counts_by_its_weight(story: Story) -> None:
    story.models(("m", "ds@1"))
    rows = [("ds@1", "a", "ann", "2.5"), ("ds@1", "b", "ben", "0.5"), ("ds@1", "c", "ben", "1")]
    story.take("attributions", ("dataset_version", "asset_id", "contributor_id", "weight"), rows)
    policy(story, f'[streams.default]\n{BASE}allocation = "weighted"\n')
    sell(story, {"gross_amount": "100"})
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(cycle) == {"ann": 12_500_000, "ben": 7_500_000, "<platform>": 80 * M}
    clean()


def test_assets_without_weight_leave_the_pool_in_suspense(story: Story) -> None:
    story.models(("m", "ds@1"), ("n", "ds@2"))
    rows = [("ds@1", "a", "ann", "0"), ("ds@2", "b", "ann", "1")]
    story.take("attributions", ("dataset_version", "asset_id", "contributor_id", "weight"), rows)
    policy(story, f'[streams.default]\n{BASE}allocation = "weighted"\n')
    sell(story, {"gross_amount": "10"}, {"gross_amount": "10", "model": "n"})
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(cycle) == {"ann": 2 * M, "<suspense>": 2 * M, "<platform>": 16 * M}
    clean()


def test_half_by_assets_and_half_by_own_licensing_revenue(june: Tell, story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("ben", "Ben"), ("cy", "Cy")])
    header = ("contributor_id", "measure", "start", "end", "value")
    june_days = ("revenue", "2026-06-01", "2026-07-01")
    story.take(
        "measures", header,
        [("ben", *june_days, "100"), ("cy", *june_days, "300"), ("cy", "revenue", "2026-05-01", "2026-06-01", "900")],
    )  # fmt: skip
    cycle = june(
        f'[streams.default]\n{BASE}allocation = "factors"\n'
        '[streams.default.factors]\nassets = "50%"\n"measure:revenue" = "50%"\n',
        {"gross_amount": "100"},
    )
    # 10 by assets 3:1, 10 by June's revenue 1:3.
    assert payouts(cycle) == {"ann": 7_500_000, "ben": 5 * M, "cy": 7_500_000, "<platform>": 80 * M}
    clean()


OUTPUTS = ("sale_id", "contributor_id", "score", "role")


def test_what_an_output_is_attributed_to_is_paid_and_the_rest_falls_to_the_pool(june: Tell, story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy"), ("di", "Di")])
    rows = [("s0", "cy", "0.5", ""), ("s0", "di", "0.1", "output"), ("s1", "di", "1", ""), ("r", "cy", "1", "")]
    story.take("outputs", OUTPUTS, rows)
    cycle = june(
        f'[streams.default]\n{BASE}allocation = "per_output"\n',
        {"gross_amount": "100"}, {"gross_amount": "40"}, {"gross_amount": "20"},
        {"sale_id": "r", "gross_amount": "-40", "refund_of": "s1"},
    )  # fmt: skip
    # Attributed: 50 to Cy, 10 to Di (the 40 came back); not attributed: 40 + 20. A fifth of each.
    assert payouts(cycle) == {"ann": 9 * M, "ben": 3 * M, "cy": 10 * M, "di": 2 * M, "<platform>": 96 * M}
    clean()


def test_directed_parts_come_before_the_pool(june: Tell, story: Story) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy"), ("di", "Di")])
    story.take("outputs", OUTPUTS, [("s0", "cy", "1", "style"), ("s1", "di", "0.5", "modified")])
    cycle = june(
        f'[streams.default]\n{BASE}allocation = "asset_count"\n'
        '[streams.default.directed]\nstyle = "10%"\nmodified = "30%"\n',
        {"gross_amount": "100"}, {"gross_amount": "40"},
    )  # fmt: skip
    # 10 to Cy, 30 % of half of 40 to Di; 20 % of the other 124.
    assert payouts(cycle) == {"ann": 18_600_000, "ben": 6_200_000, "cy": 10 * M, "di": 6 * M, "<platform>": 99_200_000}
    clean()


@pytest.fixture
def used(story: Story) -> None:
    story.models(("m", "ds@1"), ("n", "ds@2"))
    story.attributions(("ds@1", "a", "ann"), ("ds@2", "b", "ben"))
    days = [("k1", "m", "2026-06-03", 9), ("k1", "n", "2026-06-04", 1), ("k2", "n", "2026-06-30", 30)]
    days += [("k1", "n", "2026-07-01", 500), ("k3", "m", "2026-05-31", 500)]  # not June
    story.take("usage", ("customer_id", "model", "day", "units"), days)


FEES = (
    {"stream": "subscription", "model": "", "customer_id": "k1", "gross_amount": "100"},
    {"stream": "subscription", "model": "", "customer_id": "k2", "gross_amount": "20"},
    {"stream": "subscription", "model": "", "customer_id": "k3", "gross_amount": "8"},
    {"stream": "subscription", "model": "", "customer_id": "k4", "gross_amount": "5"},
    {
        "stream": "subscription",
        "model": "",
        "customer_id": "k4",
        "gross_amount": "-5",
        "refund_of": "s3",
        "sale_id": "r",
    },
)


@pytest.mark.usefixtures("used")
def test_fees_go_where_all_customers_together_went(story: Story) -> None:
    policy(story, f'[streams.subscription]\n{BASE}allocation = "by_usage"\n')
    sell(story, *FEES)
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    # 128 by 9 : 31 units.
    assert payouts(cycle) == {"ann": 5_760_000, "ben": 19_840_000, "<platform>": 102_400_000}
    clean()


@pytest.mark.usefixtures("used")
def test_each_customers_fee_goes_where_this_customer_went(story: Story) -> None:
    policy(story, f'[streams.subscription]\n{BASE}allocation = "user_centric"\n')
    sell(story, *FEES)
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    # k1: 90 and 10; k2: 20 to n; k3 used nothing in June: 8 as all together, 1.8 and 6.2.
    assert payouts(cycle) == {"ann": 18_360_000, "ben": 7_240_000, "<platform>": 102_400_000}
    clean()


def test_own_use_counts_for_ones_own_fee_on_any_plan(story: Story) -> None:
    """Also of a model that nobody used whose use counts for others."""
    story.models(("m", "ds@1"), ("n", "ds@2"))
    story.attributions(("ds@1", "a", "ann"), ("ds@2", "b", "ben"))
    story.take(
        "usage", ("customer_id", "model", "day", "units"), [("k1", "n", "2026-06-03", 9), ("k2", "m", "2026-06-03", 1)]
    )
    trial = '[[streams.subscription.rates]]\nplan = "trial"\ncontributor_share = "20%"\ncounts_use = false\n'
    policy(story, f'[streams.subscription]\n{BASE}allocation = "user_centric"\n{trial}')
    fee = {"stream": "subscription", "model": ""}
    sell(
        story,
        {**fee, "customer_id": "k1", "plan": "trial", "gross_amount": "10"},
        {**fee, "customer_id": "k2", "gross_amount": "100"},
        {**fee, "customer_id": "k3", "gross_amount": "50"},
    )
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    # k1: 10 to n; k2: 100 to m; k3 used nothing: 50 as all others whose use counts, so to m.
    assert payouts(cycle) == {"ann": 30_000_000, "ben": 2_000_000, "<platform>": 128_000_000}
    clean()


def test_fees_of_customers_wait_in_suspense_where_nothing_says_what_was_used(story: Story) -> None:
    policy(story, f'[streams.subscription]\n{BASE}allocation = "user_centric"\n')
    sell(story, *FEES)
    assert payouts(story.calculate("june", "2026-06-01", "2026-07-01")) == {
        "<suspense>": 25_600_000,
        "<platform>": 102_400_000,
    }
    clean()


def test_nobody_gets_more_than_the_cap_nor_less_than_the_floor(june: Tell, story: Story) -> None:
    story.attributions(("ds@1", "c1", "cy"))
    cycle = june(
        f'[streams.default]\n{BASE}allocation = "asset_count"\ncap = "40%"\nfloor = "4"\n', {"gross_amount": "50"}
    )
    # 10: by assets 6, 2, 2; at most 4; the rest halves to 3, below the floor that three cannot all have.
    assert payouts(cycle) == {"ann": 4 * M, "ben": 3 * M, "cy": 3 * M, "<platform>": 40 * M}
    clean()


def test_what_nobody_may_take_goes_to_the_commons(june: Tell) -> None:
    cycle = june(f'[streams.default]\n{BASE}allocation = "asset_count"\ncap = "30%"\n', {"gross_amount": "50"})
    assert payouts(cycle) == {"ann": 3 * M, "ben": 3 * M, "<commons>": 4 * M, "<platform>": 40 * M}
    clean()


def test_few_assets_get_nothing_and_the_commons_their_share(june: Tell) -> None:
    cycle = june(
        f'[streams.default]\n{BASE}allocation = "asset_count"\nmin_assets = 2\ncommons = "10%"\n',
        {"gross_amount": "50"},
    )
    assert payouts(cycle) == {"ann": 9 * M, "<commons>": 1 * M, "<platform>": 40 * M}
    clean()


def test_a_currency_or_a_cycle_may_go_to_nobody_but_the_commons(story: Story) -> None:
    """One dataset with nothing but public records: without entries, beside another currency with some, and none."""
    story.models(("m", "ds@1"), ("n", "public@1"))
    story.attributions(("ds@1", "a", "ann"), ("public@1", "b", "museum"))
    policy(
        story,
        f'[streams.default]\n{BASE}allocation = "asset_count"\n[eligibility]\ncommons_contributors = ["museum"]\n',
    )
    sell(story, {"gross_amount": "10", "model": "n", "currency": "EUR"}, {"gross_amount": "10"})
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    assert payouts(cycle) == {"ann": 2 * M, "<commons>": 2 * M, "<platform>": 16 * M}
    sell(story, {"sale_id": "t", "gross_amount": "5", "model": "n", "sold_at": "2026-07-01T00:00:00Z"})
    assert payouts(story.calculate("july", "2026-07-01", "2026-08-01")) == {"<commons>": M, "<platform>": 4 * M}
    clean()


CLASSES = ("dataset_version", "asset_id", "contributor_id", "licence", "ai_generated", "media_type")


def test_licences_machines_placeholders_and_the_public(story: Story) -> None:
    story.models(("m", "ds@1"))
    rows = [
        ("ds@1", "a1", "ann", "std", "", "image"), ("ds@1", "a2", "ann", "std", "true", "image"),
        ("ds@1", "b1", "ben", "editorial", "", "image"), ("ds@1", "c1", "cy", "cc0", "no", "image"),
        ("ds@1", "d1", "di", "std", "", "video"), ("ds@1", "e1", "nobody", "std", "", "image"),
        ("ds@1", "f1", "museum", "std", "", "image"), ("ds@1", "g1", "ben", "std", "", "image"),
    ]  # fmt: skip
    story.take("attributions", CLASSES, rows)
    policy(
        story,
        f'[streams.default]\n{BASE}allocation = "asset_count"\n[eligibility]\nexcluded_licences = ["editorial"]\n'
        'media_types = ["image"]\ncommons_licences = ["cc0"]\ncommons_contributors = ["museum"]\n'
        'excluded_contributors = ["nobody"]\n',
    )
    sell(story, {"gross_amount": "100"})
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    # Ann and Ben one asset each; two for the commons.
    assert payouts(cycle) == {"ann": 5 * M, "ben": 5 * M, "<commons>": 10 * M, "<platform>": 80 * M}
    clean()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("pay", {"ann": 5 * M, "ben": 10 * M, "cy": 5 * M}),
        ("exclude", {"ann": 8_000_000, "ben": 4_000_000, "cy": 8_000_000}),
        ("hold", {"ann": 5 * M, "ben": 2_500_000, "cy": 5 * M, "<held>": 7_500_000}),
    ],
)
def test_who_opted_out_before_the_freeze_is_paid_held_or_left_out(
    story: Story, said: str, expected: dict[str, int]
) -> None:
    story.models(("m", "ds@1"))
    story.attributions(
        ("ds@1", "a", "ann"),
        ("ds@1", "b1", "ben"),
        ("ds@1", "c", "cy"),
        ("ds@1", "both", "ben"),
        ("ds@1", "both", "di"),
    )
    story.take(
        "consents", ("contributor_id", "asset_id", "decision", "effective_at", "scope", "source"),
        [
            ("ben", "", "opt_out", "2026-01-01T00:00:00Z", "", "form"), ("ben", "both", "opt_in", "2026-02-01T00:00:00Z", "", ""),
            ("cy", "", "opt_out", "2026-01-01T00:00:00Z", "other@1", ""), ("ann", "a", "opt_out", "2026-01-01T00:00:00Z", "", ""),
            ("ann", "", "opt_out", "2026-01-05T00:00:00Z", "", ""), ("ann", "a", "opt_in", "2026-01-02T00:00:00Z", "ds@1", ""),
            ("di", "", "opt_out", "2026-01-02T00:00:00Z", "ds@1", ""),
        ],
    )  # fmt: skip
    policy(story, f'[streams.default]\n{BASE}allocation = "asset_count"\n[eligibility]\nopted_out = "{said}"\n')
    sell(story, {"gross_amount": "100"})
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    # Ben's b1 and Di's half of `both` are out: 1.5 of 4 assets.
    if said == "pay":
        expected = {"ann": 5 * M, "ben": 7_500_000, "cy": 5 * M, "di": 2_500_000}
    assert payouts(cycle) == expected | {"<platform>": 80 * M}
    if said == "hold":
        held = Rest.objects.filter(cycle=cycle, bucket="held").order_by("contributor_id")
        assert [(r.contributor_id, r.reason, r.amount_micros) for r in held] == [
            ("ben", "opted out", 5 * M), ("di", "opted out", 2_500_000),
        ]  # fmt: skip
    clean()
