"""All pools in one currency: stories worked out by hand, with rates as central banks publish them (the numbers are made
up)."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.lab.candidates import Candidate, drafted
from revshare.lab.operations import compare
from revshare.lab.report import report
from revshare.manifests.models import Manifest
from revshare.pools.exchange import rate_text
from revshare.pools.models import Conversion, Pool
from tests.conftest import AT, ROOT
from tests.cycles.test_methods import BASE, OUTPUTS, clean, policy, sell
from tests.stories import Story, legs, payouts, pools

M = 1_000_000
HEADER = ("date", "base", "quote", "rate", "source")
USD = f'[streams.default]\n{BASE}allocation = "asset_count"\n[currency]\npools = "USD"\nrate = "day"\n'
Tell = Callable[..., Cycle]


def rates(story: Story, *rows: tuple[str, str, str]) -> None:
    """(day of June 2026, pair such as EUR/USD, rate), by the ECB."""
    story.take("rates", HEADER, [(f"2026-{day}", *pair.split("/"), rate, "ECB") for day, pair, rate in rows])


def at(day: str) -> str:
    return f"2026-{day}T10:00:00Z"


@pytest.fixture
def june(story: Story) -> Tell:
    """Ann has three assets of the datasets of model m, Ben has one; then the policy, the sales, and June calculated."""

    def tell(text: str, *rows: dict[str, Any], zone: str = "UTC") -> Cycle:
        story.models(("m", "ds@1"))
        story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
        policy(story, text)
        sell(story, *rows)
        return story.calculate("june", "2026-06-01", "2026-07-01", zone=zone)

    return tell


def converted(cycle: Cycle) -> list[tuple[str, str, int, int]]:
    """Day, currency, micros in, micros out."""
    rows = Conversion.objects.filter(cycle=cycle)
    return [(f"{row.day:%m-%d}", row.base, row.amount_in_micros, row.amount_out_micros) for row in rows]


def test_sales_come_to_the_pool_at_the_rate_of_their_day(june: Tell, story: Story) -> None:
    rates(
        story, ("06-10", "EUR/USD", "1.0765"), ("06-11", "EUR/USD", "1.0801"), ("06-11", "EUR/GBP", "0.8433"),
        ("06-12", "EUR/USD", "1.0699"),
    )  # fmt: skip
    cycle = june(
        USD,
        {"gross_amount": "100", "currency": "EUR", "sold_at": at("06-10")},
        {"gross_amount": "50", "currency": "USD", "sold_at": at("06-10")},
        {"gross_amount": "20", "currency": "GBP", "sold_at": at("06-11")},
        {"sale_id": "r", "gross_amount": "-40", "currency": "EUR", "sold_at": at("06-12"), "refund_of": "s0"},
    )
    # 60 × 1.0765 = 64.59; 20 ÷ 0.8433 × 1.0801 = 25.61603225…; a fifth of 140.206032 is 28.041206.
    assert converted(cycle) == [("06-10", "EUR", 60 * M, 64_590_000), ("06-11", "GBP", 20 * M, 25_616_032)]
    assert pools(cycle) == {"default · m · USD": (140_206_032, 0, 28_041_206, 112_164_826, 0)}
    assert payouts(cycle) == {"ann": 21_030_905, "ben": 7_010_301, "<platform>": 112_164_826}
    assert legs(cycle) == {
        ("sales", "EUR", "D", 60 * M), ("fx", "EUR", "C", 60 * M),
        ("sales", "GBP", "D", 20 * M), ("fx", "GBP", "C", 20 * M),
        ("sales", "USD", "D", 50 * M), ("fx", "USD", "D", 90_206_032),
        ("platform", "USD", "C", 112_164_826), ("payable:ann", "USD", "C", 21_030_905), ("payable:ben", "USD", "C", 7_010_301),
    }  # fmt: skip
    text = as_documented(cycle)
    assert f"```\n{text}\n```" in (ROOT / "docs" / "currencies.md").read_text(encoding="utf-8"), text
    assert Pool.objects.get().rule.endswith(" · sales in other currencies in USD at the rate of each sale's day")
    with connection.cursor() as cursor:
        cursor.execute("SELECT rate, rate_on, source, way, amount_out FROM audit.fx_conversion ORDER BY day")
        assert cursor.fetchall() == [
            (Decimal("1.076500000000"), date(2026, 6, 10), "ECB", "as given", 64_590_000),
            (Decimal("1.280801612712"), date(2026, 6, 11), "ECB",
             "through EUR: GBP/EUR 1 ÷ the reverse, EUR/USD as given", 25_616_032),
        ]  # fmt: skip
    clean()


def as_documented(cycle: Cycle) -> str:
    """The month of docs/currencies.md, in its words."""
    pool = Pool.objects.get(cycle=cycle)
    lines = [
        f"{row.day}    {row.amount_in_micros:>12,} {row.base} × {rate_text(row.rate):<14} = {row.amount_out_micros:>15,} {row.quote}"
        for row in Conversion.objects.filter(cycle=cycle)
    ]
    lines.append(f"pool          {pool.net_micros:>12,} USD × {pool.share:<14} = {pool.distributable_micros:>15,} USD")
    by_side = sorted(legs(cycle), key=lambda leg: (leg[2] == "C", leg[1], -leg[3] if leg[2] == "D" else leg[3]))
    for account, currency, side, amount in by_side:
        lines.append(f"journal     {'debit ' if side == 'D' else 'credit'}  {amount:>14,} {currency}  {account}")
    return "\n".join(lines)


def test_a_sale_and_its_refund_of_one_cycle_come_to_nothing(june: Tell, story: Story) -> None:
    rates(story, ("06-10", "JPY/USD", "0.006411"), ("06-12", "JPY/USD", "0.006397"))
    cycle = june(
        USD + "max_age_days = 9\n",
        {"gross_amount": "333", "currency": "JPY", "sold_at": at("06-10")},
        {"sale_id": "r", "gross_amount": "-333", "currency": "JPY", "sold_at": at("06-12"), "refund_of": "s0"},
    )
    assert set(payouts(cycle).values()) <= {0}
    assert legs(cycle) == set()
    clean()


def test_a_refund_of_an_earlier_cycle_takes_its_own_day(june: Tell, story: Story) -> None:
    rates(story, ("06-10", "EUR/USD", "1.10"), ("07-02", "EUR/USD", "1.20"))
    first = june(USD, {"gross_amount": "100", "currency": "EUR", "sold_at": at("06-10")})
    story.take(
        "sales", ("sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "refund_of"),
        [("r", at("07-02"), "generation", "m", "EUR", "-100", "s0")],
    )  # fmt: skip
    second = story.calculate("july", "2026-07-01", "2026-08-01")
    assert pools(first) == {"default · m · USD": (110 * M, 0, 22 * M, 88 * M, 0)}
    # More is given back than was taken: the pool of the next cycle begins with that.
    assert pools(second) == {"default · m · USD": (-120 * M, 0, 0, 0, -120 * M)}
    clean()


@pytest.mark.parametrize(
    ("rate", "net"),
    [
        ("period_end", 12 * M + 9_000_000),  # 1.20 and 0.90 of the 30th
        # (1.10 + 1.30 + 1.20) ÷ 3 = 1.20; GBP/USD is not given, USD/GBP on average 0.80, so 1.25.
        ("average", 12 * M + 12_500_000),
    ],
)
def test_all_sales_at_one_rate(june: Tell, story: Story, rate: str, net: int) -> None:
    rates(
        story, ("06-01", "EUR/USD", "1.10"), ("06-15", "EUR/USD", "1.30"), ("06-30", "EUR/USD", "1.20"),
        ("06-02", "USD/GBP", "0.70"), ("06-09", "USD/GBP", "0.90"), ("07-01", "EUR/USD", "9"), ("05-31", "EUR/USD", "9"),
    )  # fmt: skip
    if rate == "period_end":
        rates(story, ("06-30", "GBP/USD", "0.90"))
    cycle = june(
        USD.replace('"day"', f'"{rate}"'),
        {"gross_amount": "10", "currency": "EUR", "sold_at": at("06-03")},
        {"gross_amount": "10", "currency": "GBP", "sold_at": at("06-20")},
    )
    assert Pool.objects.get().net_micros == net
    assert [row.day for row in Conversion.objects.filter(cycle=cycle)] == [date(2026, 6, 30)] * 2
    if rate == "average":
        assert Conversion.objects.get(base="GBP").way == "1 ÷ the reverse, mean of 2 days"
    clean()


def test_a_missing_rate_stops_the_lock_and_freezes_nothing(june: Tell, story: Story) -> None:
    rates(story, ("06-10", "EUR/USD", "1.10"))
    with pytest.raises(Refused) as caught:
        june(
            USD,
            {"gross_amount": "10", "currency": "EUR", "sold_at": at("06-13")},
            {"gross_amount": "10", "currency": "CHF", "sold_at": at("06-10")},
        )
    assert caught.value.code == "rate_missing"
    assert "CHF/USD of 2026-06-10, EUR/USD of 2026-06-13" in str(caught.value)
    assert not Manifest.objects.exclude(frozen_at=None).exists()
    rates(story, ("06-13", "EUR/USD", "1.20"), ("06-10", "CHF/USD", "1.15"))
    cycle = story.calculate("june")
    assert pools(cycle)["default · m · USD"][0] == 23_500_000
    rates(story, ("06-13", "USD/EUR", "0.5"))  # too late for this cycle
    clean()


def test_what_arrives_after_the_lock_does_not_count(story: Story) -> None:
    rates(story, ("06-10", "EUR/CHF", "0.95"), ("06-10", "CHF/USD", "1.20"))
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a", "ann"))
    policy(story, USD)
    sell(story, {"gross_amount": "100", "currency": "EUR", "sold_at": at("06-10")})
    story.open("june", "2026-06-01", "2026-07-01")
    cycles.lock(key="june", act=story.act())
    rates(story, ("06-10", "EUR/USD", "9"))
    cycle = cycles.calculate(key="june", act=story.act())
    assert pools(cycle)["default · m · USD"][0] == 114 * M  # 0.95 × 1.20, through francs
    clean()


def test_a_weekend_takes_fridays_rate_if_the_policy_says_so(june: Tell, story: Story) -> None:
    rates(story, ("06-11", "EUR/USD", "1.30"), ("06-12", "EUR/USD", "1.10"))
    cycle = june(USD + "max_age_days = 2\n", {"gross_amount": "10", "currency": "EUR", "sold_at": at("06-14")})
    row = Conversion.objects.get(cycle=cycle)
    assert (row.day.day, row.rate_on.day, row.amount_out_micros) == (14, 12, 11 * M)
    clean()


def test_only_the_rates_of_the_source_count(june: Tell, story: Story) -> None:
    story.take(
        "rates", HEADER, [("2026-06-10", "EUR", "USD", "9", "a bank"), ("2026-06-10", "USD", "EUR", "0.8", "ECB")]
    )
    cycle = june(USD + 'source = "ECB"\n', {"gross_amount": "10", "currency": "EUR", "sold_at": at("06-10")})
    assert pools(cycle)["default · m · USD"][0] == 12_500_000
    clean()


def test_the_day_is_that_of_the_time_zone(june: Tell, story: Story) -> None:
    rates(story, ("06-10", "EUR/USD", "9"), ("06-11", "EUR/USD", "1.10"))
    cycle = june(
        USD, {"gross_amount": "10", "currency": "EUR", "sold_at": "2026-06-10T22:30:00Z"}, zone="Europe/Madrid"
    )
    assert converted(cycle) == [("06-11", "EUR", 10 * M, 11 * M)]
    clean()


def test_a_late_sale_takes_the_rate_of_its_own_day(june: Tell, story: Story) -> None:
    rates(story, ("06-20", "EUR/USD", "1.10"), ("07-03", "EUR/USD", "1.20"))
    june(USD, {"gross_amount": "10"})
    sell(
        story, {"sale_id": "late", "gross_amount": "10", "currency": "EUR", "sold_at": at("06-20")},
        {"sale_id": "new", "gross_amount": "10", "currency": "EUR", "sold_at": at("07-03")},
    )  # fmt: skip
    july = story.calculate("july", "2026-07-01", "2026-08-01")
    assert converted(july) == [("06-20", "EUR", 10 * M, 11 * M), ("07-03", "EUR", 10 * M, 12 * M)]
    clean()


def test_attributed_outputs_of_several_currencies_are_weighed_in_one(june: Tell, story: Story) -> None:
    rates(story, ("06-10", "EUR/USD", "1.50"), ("06-11", "EUR/USD", "1.20"))
    story.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy"), ("di", "Di")])
    story.take("outputs", OUTPUTS, [("s0", "cy", "0.4", ""), ("s1", "di", "1", ""), ("s2", "cy", "0.5", "style")])
    cycle = june(
        USD.replace("asset_count", "per_output").replace("[currency]", '[streams.default.directed]\nstyle = "10%"\n[currency]'),
        {"gross_amount": "100", "currency": "EUR", "sold_at": at("06-10")},
        {"gross_amount": "40", "currency": "USD", "sold_at": at("06-10")},
        {"gross_amount": "50", "currency": "EUR", "sold_at": at("06-11")},
    )  # fmt: skip
    # 10 % of half of 60 dollars to Cy. Attributed: 60 to Cy, 40 to Di, a fifth of it; of 90 + 57 a fifth by assets.
    assert payouts(cycle) == {
        "cy": 3 * M + 12 * M, "di": 8 * M, "ann": 22_050_000, "ben": 7_350_000, "<platform>": 80 * M + 117_600_000,
    }  # fmt: skip
    clean()


def test_customers_fees_of_several_currencies(story: Story) -> None:
    rates(story, ("06-10", "EUR/USD", "1.50"), ("06-11", "EUR/USD", "1.20"))
    story.models(("m", "ds@1"), ("n", "ds@2"))
    story.attributions(("ds@1", "a", "ann"), ("ds@2", "b", "ben"))
    story.take(
        "usage", ("customer_id", "model", "day", "units"), [("k1", "m", "2026-06-03", 1), ("k1", "n", "2026-06-03", 3)]
    )
    policy(story, USD.replace("asset_count", "user_centric"))
    fee = {"model": "", "customer_id": "k1", "currency": "EUR"}
    sell(
        story, fee | {"gross_amount": "100", "sold_at": at("06-10")}, fee | {"gross_amount": "100", "sold_at": at("06-11")},
        fee | {"sale_id": "r", "gross_amount": "-100", "sold_at": at("06-11"), "refund_of": "s0"},
        fee | {"sale_id": "d", "gross_amount": "20", "currency": "USD", "sold_at": at("06-11")},
    )  # fmt: skip
    cycle = story.calculate("june", "2026-06-01", "2026-07-01")
    # 120 + 20 dollars, a quarter of it by m.
    assert payouts(cycle) == {"ann": 7 * M, "ben": 21 * M, "<platform>": 112 * M}
    clean()


def test_a_deficit_of_another_currency_stays_in_it(june: Tell, story: Story) -> None:
    rates(story, ("07-03", "EUR/USD", "1.20"))
    june(
        USD.partition("[currency]")[0],
        {"gross_amount": "-10", "currency": "EUR"},
        {"gross_amount": "-1", "currency": "USD"},
    )
    policy(story, USD, name="q")
    sell(story, {"sale_id": "j", "gross_amount": "10", "currency": "EUR", "sold_at": at("07-03")})
    july = story.calculate("july", "2026-07-01", "2026-08-01", policy="q")
    assert pools(july) == {
        "default · m · EUR": (0, -10 * M, 0, 0, -10 * M), "default · m · USD": (12 * M, -1 * M, 2_200_000, 8_800_000, 0),
    }  # fmt: skip
    assert [" · sales in other" in pool.rule for pool in Pool.objects.filter(cycle=july).order_by("currency")] == [
        False,
        True,
    ]
    clean()


def test_a_rate_that_makes_too_much_is_refused_at_the_lock(june: Tell, story: Story) -> None:
    rates(story, ("06-10", "EUR/USD", "999999999999"))
    with pytest.raises(Refused) as caught:
        june(USD, {"gross_amount": "10000000", "currency": "EUR", "sold_at": at("06-10")})
    assert caught.value.code == "amount_too_large"
    assert Cycle.objects.get().state == "open"


def test_the_lab_shows_what_one_currency_would_change(june: Tell, story: Story) -> None:
    rates(story, ("06-10", "EUR/USD", "1.10"))
    plain = USD.partition("[currency]")[0]
    cycle = june(plain, {"gross_amount": "100", "currency": "EUR", "sold_at": at("06-10")}, {"gross_amount": "10"})
    result = compare(cycle=cycle, others=[draft("q", USD)], at=AT)
    paid = [
        {currency: amounts.tolist() for currency, amounts in outcome.amounts.items()} for outcome in result.outcomes
    ]
    assert paid == [{"EUR": [15 * M, 5 * M], "USD": [1_500_000, 500_000]}, {"USD": [18 * M, 6 * M]}]
    own, other = report(result).tables[0].columns
    assert (own.net_micros, other.net_micros, other.spread.contributors) == (100 * M, 0, 0)
    assert not Conversion.objects.exists()
    with pytest.raises(Refused, match="EUR/GBP of 2026-06-10, USD/GBP of 2026-06-10"):
        compare(cycle=cycle, others=[draft("g", USD.replace("USD", "GBP"))], at=AT)


def draft(name: str, text: str) -> Candidate:
    return drafted(f'name = "{name}"\nversion = "1"\n{text}'.encode())
