"""Steps of a world: files that should not have come, and published cycles computed again."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace

from revshare.cycles.queries import find, pinned_of
from revshare.errors import Refused
from revshare.files.voiding import void
from revshare.restatements import operations as restatements
from revshare.restatements.rules import Options
from tests.cycles.slow_rules import Sold, World
from tests.worlds.closed import Closed, added, copied
from tests.worlds.making import LATER
from tests.worlds.play import Play
from tests.worlds.steps_cycle import key, note_frozen

CHOOSING = 200  # the first of the worlds in which restatements choose what they take of what came late


def void_a_file(play: Play) -> None:
    """Of sales that no refund is of. Cycles that are locked later do without it."""
    refunded = {sold.refund_of for sold in play.facts.sales if sold.refund_of}
    sales = {sold.sale_id for sold in play.facts.sales if not sold.refund_of} - refunded
    files = [pk for pk, ids in play.files.items() if pk not in play.void and sales.issuperset(ids)]
    if not files:
        return
    file = play.rng.choice(files)
    void(file_id=file, reason="amounts were in cents", act=play.story.act())
    ids = play.void[file] = play.files[file]
    play.sold |= dict.fromkeys(ids, 0)  # nothing to refund
    play.facts.sales = [sold for sold in play.facts.sales if sold.sale_id not in ids or sold.cycle < play.locked]


def restate(play: Play) -> None:
    """A published cycle with what came late, without void files, or by another policy. What waited in it may stand in
    the way; then nothing changes."""
    if not play.book.published:
        return
    rng, before = play.rng, play.closed[play.rng.randrange(play.book.published)]
    options = Options(late=True)
    if len(play.begun.policies) > 1 and rng.random() < 0.3:
        options = Options(policy=play.story.policies[f"p{rng.randrange(2)}"].sha256)
    elif of_it := [pk for pk, ids in play.void.items() if any(s.sale_id in ids for s in own(before.facts, before))]:
        options = Options(void=(rng.choice(of_it),), late=rng.random() < 0.3)
    if rng.random() < 0.4 and (manifests := _corrections(play, before)):
        options = replace(options, manifests=manifests, late=options.late and rng.random() < 0.5)
    options = _chosen(play, before, options)
    begun, refused = play.calculated < play.locked, ""
    try:
        made = restatements.draft(cycle_key=key(before.number), options=options, act=play.story.act())
        restatements.approve(key=made.key, act=play.story.act("adam"))
        restatements.post(key=made.key, act=play.story.act("fiona"))
    except Refused as error:
        refused = error.code
    note_frozen(play)
    now = again(play, before, options)
    legs = added(now.legs, {about: -micros for about, micros in before.legs.items()})
    play.told.append(f"  {before.number}: {options.words('other')}: {refused or 'posted'}")
    if refused:
        assert (
            (refused == "restatement_waiting" and now.waits != before.waits)
            or (refused == "nothing_changed" and not legs)
            or (refused == "cycle_begun" and begun)
        ), (refused, options, legs)
        return
    assert legs
    assert not begun
    _posted(play, before, now)
    play.book.post("restatement", legs)


def _chosen(play: Play, before: Closed, options: Options) -> Options:
    """In some worlds not all that came late, but some of the sales."""
    late = [sold.sale_id for sold in _late(play, before.number)]
    if play.seed < CHOOSING or not options.late or len(late) < 2 or play.rng.random() < 0.3:
        return options
    return replace(options, late=False, sales=tuple(play.rng.sample(late, play.rng.randint(1, len(late) - 1))))


def _late(play: Play, number: int) -> list[Sold]:
    """Sales of a closed cycle's days that no cycle has taken yet."""
    return [sold for sold in play.facts.sales if sold.cycle >= play.locked and int(sold.day[5:7]) == number + 1]


def _corrections(play: Play, before: Closed) -> dict[str, str]:
    """One that has not been made of the cycle, of a dataset version that its lock needed."""
    needed = pinned_of(find(key(before.number))).manifests.keys() - before.replaced.keys()
    found = sorted(play.corrected.keys() & needed)
    return {old: play.corrected[old] for old in found[:1]}


def own(facts: World, closed: Closed) -> list[Sold]:
    return [sold for sold in facts.sales if sold.cycle == closed.number]


def again(play: Play, before: Closed, options: Options) -> Closed:
    """What it comes to with these differences."""
    facts, agreed, number = copied(before.facts), before.agreed, before.number
    files = [*play.void] if options.late else options.void
    without = {sale for file in files for sale in play.void[file]}
    sales = [sold for sold in own(facts, before) if sold.sale_id not in without]
    if options.policy:
        [facts.policy] = [
            text for n, text in enumerate(play.begun.policies) if play.story.policies[f"p{n}"].sha256 == options.policy
        ]
        facts.records, facts.models = [*play.facts.records], [*play.facts.models]
    if options.late:
        facts.outputs, facts.rates = [*play.facts.outputs], [*play.facts.rates]
        facts.usage, facts.measures = [*play.usage], [*play.measures]
        agreed = play.agreed(number)
    late = [sold for sold in _late(play, number) if options.late or sold.sale_id in options.sales]
    sales += [replace(sold, cycle=number) for sold in late]
    if options.late or options.sales:
        _what_late_sales_name(play, facts, late, before)
    ids = {sold.sale_id for sold in sales}
    facts.sales = [sold for sold in play.facts.sales if sold.sale_id not in ids and sold.cycle != number] + sales
    facts.frozen = dict(play.facts.frozen)
    # Of manifests that the lock did not need, claims count as they stand now.
    pinned = pinned_of(find(key(number))).manifests
    facts.claims = [
        was if was and was.version in pinned else copy(claim)
        for claim in play.facts.claims
        for was in [next((one for one in facts.claims if one.number == claim.number), None)]
        if was or claim.version not in pinned
    ]
    facts.consents = [*play.facts.consents]
    replaced = before.replaced | dict(options.manifests)
    _replace(facts, play.facts, replaced)
    closed = Closed(number, facts, agreed, before.carried, before.waiting, replaced)
    closed.compute()
    return closed


def _what_late_sales_name(play: Play, facts: World, late: list[Sold], before: Closed) -> None:
    """A model or a dataset that became known since: if these sales or fees of customers go there, or if they are the
    first of a pool over all models."""
    twin, later = before.twin, play.begun.later
    known = (LATER, "d8", "") in play.facts.models
    over_all = _over_all(before, {sold.stream for sold in own(before.facts, before)}) or not _over_all(
        before, {sold.stream for sold in late}
    )
    routed = any(terms["allocation"] in ("by_usage", "user_centric") for terms in twin.tables.values())
    used = routed and any((month, model) == (before.number, LATER) for month, _, model, _ in facts.usage)
    by_name = known and (any(sold.target == (LATER, "") for sold in late) or used or not over_all)
    if by_name and (LATER, "d8", "") not in facts.models:
        facts.models.append((LATER, "d8", ""))
    if (by_name or any(sold.target == ("", "d8") for sold in late)) and later[0] in play.facts.records:
        facts.records += [record for record in later if record not in facts.records]


def _over_all(closed: Closed, streams: set[str]) -> bool:
    """Whether sales of these streams, or what comes out of suspense, go to a pool over all models."""
    tables = [closed.twin.terms(stream)[1] for stream in streams]
    tables += [*closed.twin.tables.values()] * bool(closed.facts.matches or closed.facts.shared)
    return any(terms["pooling"] == "single" for terms in tables)


def _replace(facts: World, all_there_is: World, replaced: Mapping[str, str]) -> None:
    """Dataset versions by others, wherever models, sales or matches name them."""
    for old, new in replaced.items():
        facts.models = [(model, new if version == old else version, mix) for model, version, mix in facts.models]
        facts.records = [record for record in facts.records if record.version not in (old, new)]
        facts.records += [record for record in all_there_is.records if record.version == new]
        matches = {name: ("", new) if meant == ("", old) else meant for name, meant in facts.matches.items()}
        facts.matches = matches | {("", old): ("", new)}


def _posted(play: Play, before: Closed, now: Closed) -> None:
    """Cycles to come take what is carried and waits from here on; late sales are in no other."""
    for ours, old, new in (
        (play.twin.carried, before.twin.carried, now.twin.carried),
        (play.twin.waiting, before.twin.waiting, now.twin.waiting),
    ):
        for part in old.keys() | new.keys():
            ours[part] = ours.get(part, 0) + new.get(part, 0) - old.get(part, 0)
            if not ours[part]:
                del ours[part]
    for about in before.held.keys() | now.held.keys():
        play.book.held[about] += now.held.get(about, 0) - before.held.get(about, 0)
    mine = own(now.facts, now)
    ids = {sold.sale_id for sold in mine}
    others = [sold for sold in play.facts.sales if sold.cycle != now.number and sold.sale_id not in ids]
    play.facts.sales = others + mine
    play.closed[now.number] = now
    play.restated += 1
