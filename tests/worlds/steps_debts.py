"""Steps of a world: advances, overpayments that somebody notes before a cycle does, and what is given up."""

from datetime import date, timedelta

import pytest

from revshare.errors import Conflict, Refused
from revshare.recoupments import operations as recoupments
from revshare.recoupments.models import Debt as Stored
from tests.worlds.book import Debt
from tests.worlds.play import Play


def advance(play: Play) -> None:
    """Somebody asks for one; another person grants it, or not."""
    rng, story = play.rng, play.story
    about, micros = (rng.choice(play.begun.people), rng.choice(play.begun.currencies)), rng.randint(1, 10**8)
    starts = rng.choice([None, play.today + timedelta(days=rng.randint(0, 60))])
    made = recoupments.ask_for_advance(
        contributor_id=about[0], currency=about[1], amount_micros=micros, starts_on=starts, act=story.act("fiona", "rent")
    )  # fmt: skip
    if rng.random() < 0.2:
        recoupments.decline(number=made.pk, act=story.act("adam", "not now"))
        return
    recoupments.approve(number=made.pk, act=story.act("adam", "all right"))
    _book(play, Debt(made.pk, about, "advance", micros, str(starts or play.today)))


def _book(play: Play, debt: Debt) -> None:
    """A new debt is money on the account."""
    who, currency = debt.about
    debt.state = "booked"
    play.book.debts.append(debt)
    play.book.post(debt.kind.replace("overpayment", "debt"), {
        (f"payable:{who}", currency): debt.left, (debt.account, currency): -debt.left,
    })  # fmt: skip


def overpaid(play: Play) -> None:
    """What an account is below zero, or a part of it, is made a debt; of others nothing."""
    rng = play.rng
    below = [
        (account.removeprefix("payable:"), code) for (account, code), micros in sorted(play.book.accounts.items())
        if account.startswith("payable:") and micros < 0
    ]  # fmt: skip
    about = rng.choice(below) if below else (rng.choice(play.begun.people), "USD")
    micros = max(-play.book.accounts[f"payable:{about[0]}", about[1]], 0)
    part, days = rng.choice([0, micros // 2]), rng.choice([0, 20])

    def book() -> Stored:
        return recoupments.book_overpayment(
            contributor_id=about[0], currency=about[1], amount_micros=part, notice_days=days,
            act=play.story.act("fiona", "a correction"),
        )  # fmt: skip

    if not micros:
        with pytest.raises(Refused, match="below zero"):
            book()
        return
    starts = date.fromisoformat(str(play.today)) + timedelta(days=days)
    _book(play, Debt(book().pk, about, "overpayment", part or micros, str(starts)))


def write_off(play: Play) -> None:
    """What is left of a debt is the platform's loss; not while a cycle may take some of it."""
    left = [debt for debt in play.book.debts if debt.state == "booked" and debt.left]
    if not left:
        return
    debt = play.rng.choice(left)
    number = debt.number or _found_by_a_cycle(play, debt)
    if play.calculated < play.locked:
        with pytest.raises(Conflict, match="locked"):
            recoupments.write_off(number=number, act=play.story.act("adam", "they are gone"))
        return
    recoupments.write_off(number=number, act=play.story.act("adam", "they are gone"))
    currency = debt.about[1]
    play.book.post("debt_write_off", {("platform", currency): -debt.left, (debt.account, currency): debt.left})
    debt.state, debt.left = "written off", 0


def _found_by_a_cycle(play: Play, debt: Debt) -> int:
    """The product's number of a debt that nobody asked for: of those of an account they have the same order."""
    same = [one for one in play.book.debts if not one.number and one.about == debt.about]
    stored = Stored.objects.filter(contributor_id=debt.about[0], currency=debt.about[1], cycle__isnull=False)
    return list(stored.order_by("pk"))[same.index(debt)].pk
