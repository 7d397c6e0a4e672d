"""Pools in one currency against a slow twin: one loop over the sales, in fractions, on random small marketplaces."""

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.allocation.models import Allocation
from revshare.cycles.models import Cycle
from revshare.pools.models import Conversion
from revshare.verification.operations import verify
from tests.cycles.test_currencies import HEADER
from tests.cycles.test_methods import policy
from tests.cycles.test_twins import split
from tests.examples import examples
from tests.stories import Story

SHARE = Fraction(33_333_333, 10**8)
FIRST = date(2026, 6, 1)
MONTHS = {"june": (FIRST, date(2026, 7, 1)), "july": (date(2026, 7, 1), date(2026, 8, 1))}
SALES = ("sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "refund_of")
HOLDERS = {"ann": Fraction(3), "ben": Fraction(1)}
Rates = dict[tuple[date, str, str], Fraction]

days = st.integers(0, 60).map(lambda number: FIRST + timedelta(days=number))
micros = st.integers(1, 10**14)
rate = st.integers(10**11, 10**13).map(lambda number: Fraction(number, 10**12))
pair = st.sampled_from([("EUR", "USD"), ("USD", "EUR"), ("GBP", "USD"), ("EUR", "GBP"), ("GBP", "EUR")])
# (day, model, currency, micros, None or how it is refunded: after how many days, all of it or a part)
sale = st.tuples(
    days, st.sampled_from(["m", "unknown"]), st.sampled_from(["EUR", "GBP", "USD"]), micros,
    st.none() | st.tuples(st.integers(0, 40), st.sampled_from([Fraction(1), Fraction(1, 3)])),
)  # fmt: skip
# On these days all that is needed can be found, so that nothing is missing with rates of up to 31 days ago.
ALWAYS = {date(2026, 5, 31): "1.0765", date(2026, 6, 30): "1.1432", date(2026, 7, 30): "1.0999"}


def worth(rates: Rates, day: date, base: str) -> Fraction | None:
    """In dollars, by the rates of one day."""

    def half(one: str, other: str) -> Fraction | None:
        if (day, one, other) in rates:
            return rates[day, one, other]
        return 1 / rates[day, other, one] if (day, other, one) in rates else None

    middle = "GBP" if base == "EUR" else "EUR"
    first, second = half(base, middle), half(middle, "USD")
    return half(base, "USD") or (first * second if first and second else None)


def rate_for(rates: Rates, kind: str, day: date, month: tuple[date, date], base: str) -> Fraction:
    start, end = month
    if kind == "average":
        means: Rates = {}
        for one, other in {(one, other) for _, one, other in rates}:
            given_ = [r for (on, *pair), r in rates.items() if pair == [one, other] and start <= on < end]
            if given_:
                means[start, one, other] = sum(given_, Fraction(0)) / len(given_)
        found = worth(means, start, base)
        assert found is not None
        return found
    on = day if kind == "day" else end - timedelta(days=1)
    while (found := worth(rates, on, base)) is None:
        on -= timedelta(days=1)
    return found


def rows(sales: list[Any]) -> list[tuple[str, date, str, str, int, str]]:
    """(id, day, model, currency, micros, refund of), refunds last."""
    sold = [(f"s{n}", day, model, code, amount, "") for n, (day, model, code, amount, _) in enumerate(sales)]
    refunds = [
        (f"r{n}", day + timedelta(days=back[0]), model, code, -int(amount * back[1]), f"s{n}")
        for n, (day, model, code, amount, back) in enumerate(sales)
        if back and int(amount * back[1]) and day + timedelta(days=back[0]) < MONTHS["july"][1]
    ]
    return sold + refunds


def twin(sales: list[Any], rates: Rates, kind: str) -> tuple[dict[Any, int], dict[Any, tuple[int, int]]]:
    """(month, contributor or <bucket>): micros; and (month, day, currency): micros in, micros out."""
    amounts: dict[Any, int] = defaultdict(int)
    through: dict[Any, tuple[int, int]] = {}
    carried: dict[str, int] = {}
    of_sales = {name: day for name, day, *_ in rows(sales)}
    for month, (start, end) in MONTHS.items():
        sums: dict[tuple[str, date, str], int] = defaultdict(int)
        for _, day, model, code, amount, refunded in rows(sales):
            if start <= day < end:
                sold = of_sales.get(refunded, day)
                rated = sold if kind == "day" and start <= sold else day
                sums[model, rated if kind == "day" else end - timedelta(days=1), code] += amount
        nets = dict.fromkeys(carried, 0)
        for (model, day, code), amount in sums.items():
            if code != "USD":
                into = round(amount * rate_for(rates, kind, day, (start, end), code))
                was = through.get((month, day, code), (0, 0))
                through[month, day, code] = (was[0] + amount, was[1] + into)
                amount = into
            nets[model] = nets.get(model, 0) + amount
        for model, net in nets.items():
            base = net + carried.pop(model, 0)
            if base < 0:
                carried[model] = base
            pool = int(base * SHARE) if base > 0 else 0
            amounts[month, "<platform>"] += max(base, 0) - pool
            amounts[month, "<carried>"] += min(base, 0)
            if model == "unknown":
                amounts[month, "<suspense>"] += pool
                continue
            for person, part in split(pool, HOLDERS).items():
                amounts[month, person] += part
    return {key: amount for key, amount in amounts.items() if amount}, through


@pytest.mark.usefixtures("one_duckdb")
@settings(
    max_examples=examples(quick=3, long=15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sales=st.lists(sale, max_size=8), kind=st.sampled_from(["day", "period_end", "average"]),
    found=st.dictionaries(st.tuples(days, pair), rate, max_size=12),
)  # fmt: skip
def test_two_months_are_what_the_slow_twin_says(
    story: Story, sales: list[Any], kind: str, found: dict[Any, Fraction]
) -> None:
    rates = {(day, *codes): number for (day, codes), number in found.items()}
    rates |= {(day, "EUR", "USD"): Fraction(text) for day, text in ALWAYS.items()}
    rates |= {(day, "EUR", "GBP"): Fraction("0.8452") for day in ALWAYS}
    with transaction.atomic():
        story.models(("m", "ds@1"))
        story.attributions(*[("ds@1", f"a{n}", "ann") for n in range(3)], ("ds@1", "b", "ben"))
        age = "" if kind == "average" else "max_age_days = 31\n"
        policy(
            story, '[streams.default]\ncontributor_share = "33.333333%"\npooling = "per_model"\nallocation = "asset_count"\n'
            f'[currency]\npools = "USD"\nrate = "{kind}"\n{age}',
        )  # fmt: skip
        written = [
            (day, one, other, f"{int(r)}.{int(r % 1 * 10**12):012d}", "ECB") for (day, one, other), r in rates.items()
        ]
        story.take("rates", HEADER, written)
        story.take("sales", SALES, [
            (name, f"{day}T12:00:00Z", "generation", model, code, f"{'-' * (net < 0)}{abs(net) // 10**6}.{abs(net) % 10**6:06d}", of)
            for name, day, model, code, net, of in rows(sales)
        ])  # fmt: skip
        for month, (start, end) in MONTHS.items():
            story.calculate(month, str(start), str(end))
        actual: dict[Any, int] = defaultdict(int)
        for row in Allocation.objects.select_related("cycle"):
            assert row.currency == "USD"
            actual[row.cycle.key, row.contributor_id or f"<{row.bucket}>"] += row.amount_micros
        expected, through = twin(sales, rates, kind)
        assert {key: amount for key, amount in actual.items() if amount} == expected
        assert {
            (row.cycle.key, row.day, row.base): (row.amount_in_micros, row.amount_out_micros)
            for row in Conversion.objects.select_related("cycle")
        } == through
        assert verify(cycles=list(Cycle.objects.all())).findings == []
        transaction.set_rollback(True)
