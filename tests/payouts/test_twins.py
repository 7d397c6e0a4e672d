"""What is payable of each account, in its own currency or another, against a slow twin: a loop over published statements
and legs, on random stories."""

from fractions import Fraction
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.ledger.models import NamedLeg
from revshare.payouts import operations as payouts
from revshare.payouts.models import Hold
from revshare.payouts.queries import standings
from revshare.statements.models import Statement
from tests.cycles.slow_rates import rate_in
from tests.examples import examples
from tests.payouts.slow_payable import check_preview
from tests.stories import Story

PEOPLE = ("ann", "ben", "cy")
MONTHS = ("jan", "feb", "mar")
UNIT = {"USD": 10_000, "JPY": 1_000_000}
movement = st.tuples(
    st.sampled_from([*MONTHS, "after"]), st.sampled_from(PEOPLE), st.sampled_from(list(UNIT)),
    st.integers(-3_000_000, 3_000_000).filter(bool),
)  # fmt: skip


quoted = st.sampled_from(["0.0065", "155.3", "1", "0.000000000001", "3.333333333333"])
rated = st.dictionaries(st.sampled_from([("USD", "JPY"), ("JPY", "USD"), ("EUR", "USD"), ("EUR", "JPY")]), quoted)


def twin(
    minimum: int, pays: dict[str, str], rates: list[tuple[str, str, str, Fraction, str]], day: str
) -> dict[tuple[str, str], tuple[int, int, int]]:  # fmt: skip
    """Contributor and currency: what is available, payable in minor units, and what that takes, of accounts that closed
    with anything."""
    balances: dict[tuple[str, str], int] = {}
    upto = 0
    for cycle in Cycle.objects.filter(state="published").order_by("calculation"):
        upto = cycle.journals_upto or 0
        for statement in Statement.objects.filter(cycle=cycle):
            balances[statement.contributor_id, statement.currency] = statement.closing_micros
    found = {}
    for (name, currency), closing in balances.items():
        left = 0
        for leg in NamedLeg.objects.filter(account=f"payable:{name}", currency=currency, journal_id__gt=upto):
            left += leg.amount_micros if leg.side == "C" else -leg.amount_micros
        available = closing + min(left, 0)
        held = Hold.objects.filter(contributor=name, currency__in=["", currency]).exists()
        minor = takes = 0
        if available >= max(minimum, UNIT[currency]) and not held:
            minor, takes = changed(available, currency, pays.get(name) or currency, rates, day)
        if closing:
            found[name, currency] = (available, minor, takes)
    return found


def changed(
    micros: int, currency: str, to: str, rates: list[tuple[str, str, str, Fraction, str]], day: str
) -> tuple[int, int]:  # fmt: skip
    """The most minor units that the micros buy, and the least micros that buy these: looked for, not worked out."""
    try:
        rate = Fraction(1) if to == currency else rate_in(rates, day=day, base=currency, quote=to)
    except KeyError:
        return 0, 0
    bought = micros * rate / UNIT[to]
    minor = max(n for n in (int(bought) - 1, int(bought), int(bought) + 1) if n <= bought)
    costs = minor * UNIT[to] / rate
    takes = min(n for n in (int(costs) - 1, int(costs), int(costs) + 1) if n >= costs)
    return (minor, takes) if minor else (0, 0)


@pytest.mark.usefixtures("one_duckdb")
@settings(
    max_examples=examples(quick=2, long=15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moved=st.lists(movement, max_size=10), published=st.integers(1, 3), minimum=st.sampled_from([0, 500_000, 2_000_000]),
    held=st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(["", "USD"])), max_size=2, unique=True),
    pays=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(["", *UNIT])), rates=rated,
)  # fmt: skip
def test_what_is_payable_is_what_the_slow_twin_says(
    story: Story, moved: list[Any], published: int, minimum: int, held: list[tuple[str, str]],
    pays: dict[str, str], rates: dict[tuple[str, str], str],
) -> None:  # fmt: skip
    with transaction.atomic():
        story.take(
            "contributors", ("contributor_id", "contributor_name", "payee_id"), [(name, "", name) for name in PEOPLE]
        )
        story.models(("m", "ds@1"))
        story.attributions(("ds@1", "a", "ann"), ("ds@1", "b", "ben"))
        story.policy(payout=f'default_minimum = "{minimum // 1_000_000}.{minimum % 1_000_000:06d}"')
        story.sales(*[(month, f"2026-0{n}-15T00:00:00Z", "m", "USD", "10.123457") for n, month in enumerate(MONTHS, 1)])
        for number, month in enumerate([*MONTHS, "after"], 1):
            for place, (when, name, currency, amount) in enumerate(moved):
                if when == month:
                    sides = ("C", "D") if amount > 0 else ("D", "C")
                    story.move(
                        "claim", f"c{place}", (f"payable:{name}", currency, sides[0], abs(amount)),
                        ("held", currency, sides[1], abs(amount)),
                    )  # fmt: skip
            if month in MONTHS:
                story.calculate(month, f"2026-0{number}-01", f"2026-0{number + 1}-01")
            if number <= published:
                cycles.submit(key=month, act=story.act())
                cycles.approve(key=month, act=story.act("adam"))
                cycles.publish(key=month, act=story.act("adam"))
        for name, currency in held:
            Hold.objects.create(
                contributor_id=name, currency=currency, reason="x", placed_at=story.at, placed_by="fiona"
            )
        for name, currency in pays.items():
            payouts.set_currency(contributor_id=name, currency=currency, act=story.act("fiona", "a letter"))
        day = story.at.date().isoformat()
        given_rates = [(day, base, quote, rate, "ECB") for (base, quote), rate in rates.items()]
        if given_rates:
            story.take("rates", ("date", "base", "quote", "rate", "source"), given_rates)
        actual = {
            (item.account.contributor_id, item.account.currency): (
                item.account.available_micros, item.payable_minor, item.takes_micros
            )
            for item in standings(today=story.at.date())
        }  # fmt: skip
        assert actual == twin(minimum, pays, [(*row[:3], Fraction(row[3]), row[4]) for row in given_rates], day)
        for currency in UNIT:
            check_preview(currency, story.at.date())
        transaction.set_rollback(True)
