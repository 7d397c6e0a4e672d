"""The stories of docs/payables.md, played, and compared with what stands there to the letter."""

from revshare.cycles.models import Cycle
from revshare.ledger.queries import account_balances
from revshare.payouts.queries import standings
from revshare.pools.deficits import deficits
from revshare.recoupments.models import Debt
from revshare.recoupments.queries import find
from tests.conftest import ROOT
from tests.payouts.stories import exported
from tests.payouts.test_currencies import pays_in, rate
from tests.recoupments.stories import CAP, DEALS, RESERVE, M, advance, clean, month, policy, shop, taken
from tests.stories import Story, statements

NAMES = {1: "January", 2: "February", 3: "March", 4: "April", 5: "May", 6: "June"}


def told(*lines: str) -> None:
    text = "\n".join(line.rstrip() for line in lines)
    assert f"```\n{text}\n```" in (ROOT / "docs" / "payables.md").read_text(encoding="utf-8"), text


def head() -> str:
    return f"{'':<12}{'opening':>12}{'earned':>12}{'adjusted':>12}{'held':>12}{'closing':>12}"


def row(number: int, cycle: Cycle, name: str) -> str:
    opening, earned, adjusted, _, held, _, closing = statements(cycle)[f"{name} USD"]
    return f"{NAMES[number]:<12}{opening:>12,}{earned:>12,}{adjusted:>12,}{held:>12,}{closing:>12,}"


def test_an_overpayment(story: Story) -> None:
    shop(story, CAP)
    lines = [head(), row(1, month(story, 1), "ben")]
    story.move("correction", "c1", ("payable:ben", "USD", "D", 8 * M), ("platform", "USD", "C", 8 * M))
    for number in (2, 3, 4, 5):
        cycle = month(story, number)
        lines.append(row(number, cycle, "ben"))
    told(*lines)
    assert taken(cycle) == [("ben", 5 * M, 500_000)]
    debt = Debt.objects.get()
    assert (str(debt.noticed_on), str(debt.starts_on), find(debt.pk).left_micros) == ("2026-03-01", "2026-03-31", 0)
    clean()


def test_an_advance(story: Story) -> None:
    shop(story, CAP)
    month(story, 1)
    debt = advance(story, "ann", 5 * M)
    lines = [head()]
    for number in (2, 3):
        lines.append(row(number, month(story, number), "ann"))
        lines.append(f"{'':<12}left of the advance: {find(debt.pk).left_micros:,}")
    told(*lines)
    clean()


def test_a_reserve(story: Story) -> None:
    shop(story, RESERVE)
    lines = [head() + f"{'reserve':>12}"]
    for number in (1, 2, 3, 4, 5):
        if number == 5:
            policy(story, name="q")  # without a reserve
        cycle = month(story, number, policy="p" if number < 5 else "q")
        kept = account_balances(["reserve"])["reserve", "USD"]
        lines.append(row(number, cycle, "ann") + f"{kept:>12,}")
    told(*lines)
    clean()


def test_a_reserve_of_a_stream(story: Story) -> None:
    shop(story, '[reserve]\nshare = "10%"\ncycles = 1\n', DEALS)
    story.deals(("d1", "2026-01-10T00:00:00Z", "ds@1", "USD", "40"))
    lines = [head() + f"{'reserve':>12}"]
    for number in (1, 2, 3):
        cycle = month(story, number)
        lines.append(row(number, cycle, "ann") + f"{account_balances(['reserve'])['reserve', 'USD']:>12,}")
    told(*lines)
    clean()


def test_a_deficit(story: Story) -> None:
    shop(story)
    month(story, 1)
    story.sales(("r1", "2026-02-15T00:00:00Z", "m", "USD", "-130"))
    lines = []
    for number, sold in ((2, "100"), (3, "20"), (4, "100")):
        cycle = month(story, number, sold=sold)
        found = deficits()
        says = "".join(
            f"owes {item.amount_micros:,} since {item.since_cycle}, carried {item.cycles}×" for item in found
        )
        lines.append(f"{NAMES[number]:<12}ann {statements(cycle)['ann USD'][1]:>12,}   {says or 'owes nothing'}")
    told(*lines)
    clean()


def test_why_not_yet(story: Story) -> None:
    shop(story, '[payout]\ndefault_minimum = "50.00"\n')
    lines = []
    for number, sold in ((1, "100"), (2, "40")):
        month(story, number, sold=sold)
        for item in standings(today=story.at.date()):
            assert [why.code for why in item.reasons] == ["below_minimum"]
            who = f"{NAMES[number]:<12}{item.account.contributor_id:<3}"
            lines.append(f"{who} {item.shortfall_micros:>12,} short   {item.projected_on}")
    told(*lines)


def test_a_payment_in_euros(story: Story) -> None:
    shop(story)
    month(story, 1)
    pays_in(story, "ann", "EUR")
    rate(story, ("USD", "EUR", "0.9137"))
    (payment,) = exported(story, "EUR").payments.all()
    told(
        f"balance   {payment.balance_micros:>12,} USD × {payment.rate_upper / payment.rate_lower} = "
        f"{payment.balance_micros * payment.rate_upper // payment.rate_lower:,} EUR",
        f"paid      {payment.amount_micros:>12,} EUR",
        f"costs     {payment.account_micros:>12,} USD",
        f"stays     {payment.balance_micros - payment.account_micros:>12,} USD",
    )
    clean()
