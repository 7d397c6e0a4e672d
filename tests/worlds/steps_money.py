"""Steps of a world: claims and their outcomes, matches, money that is held or in suspense."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from revshare.allocation import deciding
from revshare.allocation.releasing import decide, release_held
from revshare.allocation.suspense import undecided_or_shared
from revshare.claims.operations import file_claim, prove
from revshare.errors import Conflict, Refused
from revshare.pools.matching import match
from tests.cycles.slow_methods import Left
from tests.cycles.slow_rules import Claimed
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


def _in_suspense(play: Play) -> tuple[Left, Any] | None:
    """Something of that, and what the product calls it; not what is to be shared already."""
    waiting = [left for left, micros in play.twin.waiting.items() if micros > 0]
    pools = Counter((number, part[0]) for number, part in waiting)
    # Parts of one pool have no name of their own here.
    found = sorted(left for left in waiting if left not in play.facts.shared and pools[left[0], left[1][0]] == 1)
    if not found:
        return None
    number, ((table, model, version, currency), *part) = play.rng.choice(found)
    rest = undecided_or_shared().filter(release=None, left_micros__gt=0).get(
        cycle__key=key(number), pool__table=table, pool__model=model, pool__dataset_version=version,
        pool__currency=currency,
    )  # fmt: skip
    return (number, ((table, model, version, currency), *part)), rest  # type: ignore[return-value]


def settle_suspense(play: Play) -> None:
    """What a cycle left in suspense, and nobody let out, goes to the platform or the commons."""
    if play.calculated < play.locked or (chosen := _in_suspense(play)) is None:
        return
    left, rest = chosen
    to = play.rng.choice(["platform", "commons"])
    deciding.settle(number=rest.pk, to=to, act=play.story.act("adam", why="nobody will ever say"))
    currency, micros = left[1][0][3], play.twin.waiting.pop(left)
    play.book.post("suspense_release", {("suspense", currency): -micros, (to, currency): micros})


def share_suspense(play: Play) -> None:
    """The next cycle that is locked shares it, if anybody knows over whose assets."""
    if play.calculated < play.locked or (chosen := _in_suspense(play)) is None:
        return
    left, rest = chosen
    first, (pool, _, called, _) = play.first[left[0]], left[1]
    model = play.rng.choice(["", *sorted({model for model, _, _ in play.facts.models})])
    nobodys = called in ("", "assets", "weight") and not first._all_versions(pool)
    refused = nobodys and (any(pool[1:3]) or not model)
    if refused or (model and not play.twin.versions((model, ""))):
        with pytest.raises(Refused):
            deciding.share(number=rest.pk, model=model, act=play.story.act(why="the report came late"))
        return
    deciding.share(number=rest.pk, model=model, act=play.story.act(why="the report came late"))
    play.facts.shared[left] = model
