"""Steps of a world: cycles are locked, calculated and published. Before each the twin and the book do the same."""

from datetime import timedelta
from fractions import Fraction

from revshare.cycles import operations as cycles
from revshare.manifests.models import Manifest
from revshare.proofs import operations as proofs
from tests.cycles.slow_rules import share
from tests.worlds.book import passed_on
from tests.worlds.closed import Closed, copied
from tests.worlds.play import MONTHS, Play


def key(number: int) -> str:
    return f"{MONTHS[number][0]:%Y-%m}"


def lock(play: Play) -> None:
    number = play.locked
    policy = play.begun.policy_of[number]
    play.story.open(
        key(number), *map(str, MONTHS[number]), zone=play.begun.zone, policy=f"p{policy}"
    )  # fmt: skip
    for claim in play.facts.claims:
        if claim.state == "filed" and play.due[claim.number] < play.story.at:
            claim.state = "lapsed"
            play.book.release("claim", claim.number)
    cycles.lock(key=key(number), act=play.story.act())
    note_frozen(play)
    play.facts.policy = play.begun.policies[policy]
    play.twin.read_policy()
    closed = Closed(number, copied(play.facts), play.agreed(number), dict(play.twin.carried), dict(play.twin.waiting))
    closed.compute()
    play.closed.append(closed)
    play.first.append(closed.twin)
    play.twin.carried, play.twin.waiting = dict(closed.twin.carried), dict(closed.twin.waiting)
    for left in closed.twin.let_go:
        play.facts.shared.pop(left, None)
    play.due_at_lock = [debt for debt in play.book.debts if debt.state == "booked"]
    play.locked += 1


def note_frozen(play: Play) -> None:
    """Which versions had to be frozen is the product's to decide; what was decided of their assets by then is ours."""
    for version in Manifest.objects.filter(frozen_at__isnull=False).values_list("dataset_version", flat=True):
        play.facts.frozen.setdefault(version, list(play.facts.consents))


def calculate(play: Play) -> None:
    number = play.calculated
    if number == play.locked:
        return
    cycles.calculate(key=key(number), act=play.story.act())
    closed = play.closed[number]
    _keep_back(play, closed)
    play.book.calculate(closed.earned, closed.others)
    for about, micros in closed.held.items():
        play.book.held[about] += micros
    for claim in play.facts.claims:
        if claim.state in ("upheld", "rejected", "lapsed"):
            play.book.release("claim", claim.number, to=claim.claimant if claim.state == "upheld" else "")
    play.calculated += 1


def _keep_back(play: Play, closed: Closed) -> None:
    """What of a cycle's earnings goes elsewhere: docs/splits.md, docs/payables.md."""
    shared = passed_on(closed.earned, closed.agreed)
    play.book.post("split", shared)
    came_back = play.book.give_back_reserves()
    reserve = closed.twin.said.get("reserve", {"share": "0%", "cycles": 1})
    kept, recoupment = share(reserve["share"]), closed.twin.said.get("recoupment")
    end = MONTHS[closed.number][1]
    if recoupment:
        play.book.find_debts(str(end + timedelta(days=recoupment.get("notice_days", 0))), shared)
    play.book.reserve(closed.legs, kept, reserve["cycles"])
    if recoupment:
        cap, at_most = share(recoupment.get("cap", "100%")), recoupment.get("at_most", {})

        def most(micros: int, currency: str) -> int:
            limit = min(int(micros * cap), micros - int(micros * kept))
            return min(limit, int(Fraction(at_most[currency]) * 10**6)) if currency in at_most else limit

        due = [debt for debt in play.due_at_lock if debt.starts < str(end)]
        play.book.take_back(due, closed.legs, came_back, most)


def publish(play: Play) -> None:
    """In the order they were calculated."""
    if play.book.published < play.calculated:
        name = key(play.book.published)
        cycles.submit(key=name, act=play.story.act())
        play.story.pass_findings(name)
        cycles.approve(key=name, act=play.story.act("adam"))
        cycles.publish(key=name, act=play.story.act("adam"))
        play.book.published += 1


def the_same_again(play: Play) -> None:
    """Any step of a cycle once more: nothing happens."""
    if play.locked:
        cycles.lock(key=key(play.rng.randrange(play.locked)), act=play.story.act())
    if play.calculated:
        cycles.calculate(key=key(play.rng.randrange(play.calculated)), act=play.story.act())
    if play.book.published:
        cycles.publish(key=key(play.rng.randrange(play.book.published)), act=play.story.act("adam"))


def commit_to_statements(play: Play) -> None:
    """Trees over the statements of a published cycle, which `verify` holds against them."""
    if play.book.published:
        name = key(play.rng.randrange(play.book.published))
        made = proofs.commit(key=name, act=play.story.act())
        assert proofs.commit(key=name, act=play.story.act()) == made
