"""Steps of a world: claims and their outcomes, matches, held money, payments from the draft to what the bank says."""

from collections import Counter
from datetime import timedelta

import pytest

from revshare.allocation.deciding import settle
from revshare.allocation.models import Rest
from revshare.allocation.releasing import decide, release_held
from revshare.claims.operations import file_claim, prove
from revshare.errors import Conflict, Refused
from revshare.payouts import operations as payouts
from revshare.payouts.queries import find_batch
from revshare.pools.matching import match
from tests.cycles.slow_rules import Claimed
from tests.payouts.stories import results as bank_says
from tests.worlds.book import UNIT, Batch
from tests.worlds.making import LATER, UNKNOWN
from tests.worlds.play import Play
from tests.worlds.steps_cycle import key

OPEN = ("filed", "proven")


def file_a_claim(play: Play) -> None:
    record = play.rng.choice(play.facts.records)
    asset = (record.version, record.asset)
    days = play.rng.choice([5, 20, 70, 400])

    def file() -> int:
        claimant = play.rng.choice(play.begun.people)
        made = file_claim(
            claimant_id=claimant, dataset_version=asset[0], asset_id=asset[1], proof="the raw file", days=days, act=play.story.act()
        )  # fmt: skip
        play.facts.claims.append(Claimed(made.pk, *asset, claimant))
        return made.pk

    if any((claim.version, claim.asset) == asset and claim.state in OPEN for claim in play.facts.claims):
        with pytest.raises(Conflict):
            file()
        return
    play.due[file()] = play.story.at + timedelta(days=days)


def move_a_claim(play: Play) -> None:
    """Its full proof comes, or it is decided; or it is noted that it lapsed."""
    waiting = [claim for claim in play.facts.claims if claim.state in OPEN]
    if not waiting:
        return
    claim = play.rng.choice(waiting)
    overdue = play.due[claim.number] < play.story.at
    action = play.rng.choice(
        ["reject", "lapse" if overdue else "prove"] if claim.state == "filed" else ["uphold", "uphold", "reject"]
    )
    if action == "prove":
        prove(number=claim.number, evidence="the negative", act=play.story.act())
        claim.state = "proven"
        return
    decide(number=claim.number, action=action, reason="it was looked at", act=play.story.act("adam"))
    claim.state = {"uphold": "upheld", "reject": "rejected", "lapse": "lapsed"}[action]
    play.book.release("claim", claim.number, to=claim.claimant if action == "uphold" else "")


def release_an_opt_out(play: Play) -> None:
    held = sorted({who for (who, claim, _), micros in play.book.held.items() if not claim and micros})
    if held:
        who = play.rng.choice(held)
        release_held(contributor_id=who, reason="they opted in again", act=play.story.act())
        play.book.release("hold_release", 0, person=who)


def match_a_name(play: Play) -> None:
    """An operator says what an unknown name stands for; or that a name that became known stands for itself."""
    facts = play.facts
    target = play.rng.choice([*UNKNOWN, (LATER, "")])
    kind, name = ("model", target[0]) if target[0] else ("dataset_version", target[1])
    if play.twin.versions(target) or ((target == (LATER, "")) and ("later",) in play.said):
        stands_for = target
    elif kind == "model":
        stands_for = (play.rng.choice(sorted({model for model, _, _ in facts.models})), "")
    else:
        stands_for = ("", play.rng.choice(sorted({record.version for record in facts.records})))
    match(kind=kind, name=name, stands_for="".join(stands_for), act=play.story.act(why="a typo of the shop"))
    facts.matches[target] = stands_for


def settle_suspense(play: Play) -> None:
    """What a cycle left in suspense, and nobody let out, goes to the platform or the commons."""
    if play.calculated < play.locked:
        return
    waiting = {
        (closed.number, part): micros for closed in play.closed for part, micros in closed.left.items()
        if (closed.number, part) not in play.settled
        and not any(part in later.twin.let_go for later in play.closed[closed.number + 1 :])
    }  # fmt: skip
    pools = Counter((number, part[0]) for number, part in waiting)
    about = sorted(item for item in waiting if pools[item[0], item[1][0]] == 1)  # or it has no name of its own
    if not about:
        return
    number, part = play.rng.choice(about)
    (table, model, version, currency), micros = part[0], waiting[number, part]
    rest = Rest.objects.filter(
        cycle__key=key(number), bucket="suspense", pool__table=table, pool__model=model, pool__currency=currency,
        pool__dataset_version=version, decision=None,
    ).get()  # fmt: skip
    to = play.rng.choice(["platform", "commons"])
    settle(number=rest.pk, to=to, act=play.story.act("adam", why="nobody will ever say"))
    play.settled.add((number, part))
    play.twin.waiting[part] -= micros
    if not play.twin.waiting[part]:
        del play.twin.waiting[part]
    play.book.post("suspense_release", {("suspense", currency): -micros, (to, currency): micros})


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


def payable(play: Play, currency: str) -> dict[str, int]:
    """Whom a batch would pay how many micros, by the book."""
    book = play.book
    if not book.published or play.must_wait:
        return {}
    found = {}
    for who, code in sorted(book.closings[book.published - 1]):
        about = (who, code)
        unit, available = UNIT[currency], book.available(about) if code == currency else 0
        if code != currency or not play.begun.payees.get(who) or book.in_payment(about) or play.is_on_hold(about):
            continue
        if available >= max(play.minimum, unit):
            found[who] = available // unit * unit
    return found


def prepare(play: Play) -> None:
    """A batch of all that the book would pay, or none."""
    currency = play.rng.choice(sorted({code for closing in play.book.closings for _, code in closing}) or ["USD"])
    expected = payable(play, currency)
    if not expected:
        with pytest.raises(Refused):
            payouts.prepare(currency=currency, act=play.story.act("fiona"))
        return
    made = payouts.prepare(currency=currency, act=play.story.act("fiona"))
    payments = {payment.contributor_id: payment for payment in made.payments.all()}
    assert {who: payment.amount_micros for who, payment in payments.items()} == expected
    assert made.total_minor == sum(expected.values()) // UNIT[currency]
    keys = {who: payment.payment_key for who, payment in payments.items()}
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
        play.book.available((who, batch.currency)) < micros or play.is_on_hold((who, batch.currency))
        for who, micros in batch.payments.items()
    )
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
    """The bank says of some payments that they were paid or came back; of a paid one, later, that it came back."""
    said = []
    for batch in [batch for batch in play.book.batches if batch.state == "exported"]:
        for who, micros in batch.payments.items():
            was = batch.ended.get(who, "")
            if was == "returned" or play.rng.random() < (0.4 if not was else 0.9):
                continue
            result = "returned" if was or play.rng.random() < 0.25 else "paid"
            said.append((batch.keys[who], result, str(play.today), f"ref-{play.next_number()}"))
            batch.ended[who] = result
            legs = {(f"payable:{who}", batch.currency): -micros, ("bank", batch.currency): micros}
            if not was:
                play.book.post("payment", legs)
            if result == "returned":
                play.book.post("returned", {account: -amount for account, amount in legs.items()})
    if said:
        report = bank_says(play.story, *said)
        assert report.file.rows_accepted == len(said)
