"""Steps of a world: payments from the draft to what the bank says, in whatever currency; holds."""

import pytest

from revshare.errors import Conflict, Refused
from revshare.payouts import operations as payouts
from revshare.payouts.queries import find_batch
from tests.cycles.slow_rates import rate_in
from tests.worlds.book import UNIT, Account, Batch
from tests.worlds.making import CURRENCIES
from tests.worlds.play import Play, amount
from tests.worlds.steps_in import rates_of

RESULTS = ("payment_key", "result", "date", "reference", "amount")


def hold_or_let_go(play: Play) -> None:
    book = play.book
    if book.holds and play.rng.random() < 0.5:
        about = play.rng.choice(sorted(book.holds))
        payouts.release_hold(hold_id=book.holds.pop(about), act=play.story.act("fiona", why="all is well"))
        return
    about = (play.rng.choice(play.begun.people), play.rng.choice(["", *play.begun.currencies]))
    if about not in book.holds:
        made = payouts.place_hold(contributor_id=about[0], currency=about[1], act=play.story.act("fiona", why="asked"))
        book.holds[about] = made.pk


def pay_in(play: Play) -> None:
    """From now on somebody is paid in another currency, or in that of each account again."""
    who, currency = play.rng.choice(play.begun.people), play.rng.choice(["", *CURRENCIES])
    payouts.set_currency(contributor_id=who, currency=currency, act=play.story.act("fiona", why="a letter"))
    play.book.pays_in[who] = currency


def payable(play: Play, currency: str) -> dict[Account, tuple[int, int]]:
    """Whom a batch would pay how many micros, and what that costs the account, by the book."""
    book = play.book
    if not book.published or play.must_wait:
        return {}
    found = {}
    for about in sorted(book.closings[book.published - 1]):
        who, code = about
        if (book.pays_in.get(who) or code) != currency:
            continue
        if not play.begun.payees.get(who) or book.in_payment(about) or play.is_on_hold(about):
            continue
        if (available := book.available(about)) >= max(play.minimum, UNIT[code]):
            paid, costs = _changed(play, available, code, currency)
            if paid:
                found[about] = (paid, costs)
    return found


def _changed(play: Play, micros: int, code: str, currency: str) -> tuple[int, int]:
    """Whole minor units at the rate of the day, if there is one; and what they cost."""
    unit = UNIT[currency]
    if code == currency:
        return micros // unit * unit, micros // unit * unit
    try:
        rate = rate_in(play.facts.rates, day=str(play.today), base=code, quote=currency)
    except KeyError:
        return 0, 0
    paid = (micros * rate / unit).__floor__() * unit
    return paid, (paid / rate).__ceil__()


def prepare(play: Play) -> None:
    """A batch of all that the book would pay, or none."""
    if play.rng.random() < 0.6:
        rates_of(play, [str(play.today)])
    in_use = {code for closing in play.book.closings for _, code in closing} | {*play.book.pays_in.values()} - {""}
    currency = play.rng.choice(sorted(in_use) or ["USD"])
    expected = payable(play, currency)
    if not expected:
        with pytest.raises(Refused):
            payouts.prepare(currency=currency, act=play.story.act("fiona"))
        return
    made = payouts.prepare(currency=currency, act=play.story.act("fiona"))
    payments = {(payment.contributor_id, payment.account_currency): payment for payment in made.payments.all()}
    assert {about: (one.amount_micros, one.account_micros) for about, one in payments.items()} == expected
    assert made.total_minor == sum(paid for paid, _ in expected.values()) // UNIT[currency]
    keys = {about: payment.payment_key for about, payment in payments.items()}
    play.book.batches.append(Batch(made.pk, currency, expected, keys))


def move_a_batch(play: Play) -> None:
    """On to the bank, if it can still be paid; else, or now and then, it is given up."""
    going = [batch for batch in play.book.batches if batch.state in ("draft", "approved")]
    if not going:
        return
    batch = play.rng.choice(going)
    if play.rng.random() < 0.15:
        payouts.cancel(batch_id=batch.number, act=play.story.act("fiona"))
        batch.state = "cancelled"
        return
    step = approve if batch.state == "draft" else export
    short = any(
        play.book.available(about) < costs or play.is_on_hold(about)
        or (play.book.pays_in.get(about[0]) or about[1]) != batch.currency
        for about, (_, costs) in batch.payments.items()
    )  # fmt: skip
    if short:
        with pytest.raises(Conflict, match="cannot go out"):
            step(play, batch)
        payouts.cancel(batch_id=batch.number, act=play.story.act("fiona"))
        batch.state = "cancelled"
        return
    step(play, batch)
    batch.state = {"draft": "approved", "approved": "exported"}[batch.state]


def approve(play: Play, batch: Batch) -> None:
    digest = find_batch(batch.number).digest
    payouts.approve(batch_id=batch.number, digest=digest, act=play.story.act("adam"))


def export(play: Play, batch: Batch) -> None:
    payouts.release_to_bank(batch_id=batch.number, act=play.story.act("fiona"))


def results(play: Play) -> None:
    """The bank says of some payments that they were paid or came back; of a paid one, later, that it came back. At a
    rate it may have paid something else."""
    said = []
    for batch in [batch for batch in play.book.batches if batch.state == "exported"]:
        for about, (micros, costs) in batch.payments.items():
            was = batch.ended.get(about, "")
            if was == "returned" or play.rng.random() < (0.4 if not was else 0.9):
                continue
            result = "returned" if was or play.rng.random() < 0.25 else "paid"
            at_a_rate = about[1] != batch.currency
            out = batch.went_out.get(about, micros)
            if at_a_rate and result == "paid" and play.rng.random() < 0.5:
                out += UNIT[batch.currency] * play.rng.choice([1, -1]) * (micros > UNIT[batch.currency])
            told = amount(out) if out != micros or play.rng.random() < 0.3 else ""
            said.append((batch.keys[about], result, str(play.today), f"ref-{play.next_number()}", told))
            batch.ended[about], batch.went_out[about] = result, out
            legs = {(f"payable:{about[0]}", about[1]): -costs, ("bank", batch.currency): out}
            if at_a_rate:
                legs |= {("fx", about[1]): costs, ("fx", batch.currency): -out}
            if not was:
                play.book.post("payment", legs)
            if result == "returned":
                play.book.post("returned", {account: -moved for account, moved in legs.items()})
    if said:
        play.take("payment_results", RESULTS, said)
