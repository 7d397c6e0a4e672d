"""The rules of a review: from facts to findings. Pure. docs/review.md tells each with its formula."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from revshare.money import format_micros, group_digits
from revshare.policies.review_terms import ASSETS, CONCENTRATION, CONTRIBUTORS, POOLS, RULES, SALES, ReviewTerms
from revshare.reviews.differences import Difference
from revshare.reviews.holdings import Growth
from revshare.reviews.rules import center, concentrated, expected, percent, ratio, reaches, times
from revshare.reviews.takings import CUSTOMER, FILE, MODEL, Sold, Takings

MOST = 20


@dataclass(frozen=True)
class PoolFact:
    """A pool of a cycle in numbers."""

    name: str
    currency: str
    net_micros: int
    distributable_micros: int
    denominator_ticks: int
    contributors: int


@dataclass(frozen=True)
class Found:
    """What a rule found. `weight`: how large it is beside others of the rule, to put the largest first."""

    rule: str
    subject: str
    currency: str
    says: str
    weight: int
    measured: Mapping[str, int] = field(default_factory=dict)
    blocks: bool = True
    contributor_id: str | None = None


@dataclass(frozen=True)
class Facts:
    """What the rules look at: a cycle beside the ones before it, the latest first."""

    differences: Sequence[Difference]
    pools: Sequence[PoolFact]
    earlier_pools: Sequence[Sequence[PoolFact]]
    takings: Mapping[str, Takings]
    earlier_takings: Sequence[Mapping[str, Takings]]
    growth: Growth


def money(micros: int, currency: str) -> str:
    """For sentences: 12,345.60 USD."""
    units, _, decimals = format_micros(abs(micros), currency).partition(".")
    return f"{'-' if micros < 0 else ''}{group_digits(int(units))}{'.' if decimals else ''}{decimals} {currency}"


def find(facts: Facts, terms: ReviewTerms) -> list[Found]:
    """All findings, by rule, those that block first, then the largest first."""
    found = {
        CONTRIBUTORS: (f for d in facts.differences for f in _contributors(d, terms)),
        POOLS: _pools(facts, terms),
        CONCENTRATION: (f for d in facts.differences for f in _concentration(d, terms)),
        SALES: _sales(facts, terms),
        ASSETS: _assets(facts.growth, terms),
    }
    return [each for rule in RULES if terms.applies(rule) for each in _largest(found[rule])]


def _largest(found: Iterable[Found]) -> Iterator[Found]:
    """The largest of each currency; what is left out is counted, and blocks as the rest does."""
    ordered = sorted(found, key=lambda f: (f.currency, not f.blocks, -f.weight, f.subject))
    for currency, group in groupby(ordered, key=lambda f: f.currency):
        all_of_it = list(group)
        yield from all_of_it[:MOST]
        if rest := all_of_it[MOST:]:
            says = f"{len(rest)} more like these: look at the difference as CSV."
            yield Found(
                rest[0].rule, "", currency, says, 0, {"more": len(rest)}, blocks=any(each.blocks for each in rest)
            )


def _contributors(d: Difference, terms: ReviewTerms) -> Iterator[Found]:
    if d.stayed < terms.least_contributors:
        return
    for mover in d.off:
        change = ratio(mover.after_micros, mover.before_micros)
        likely = expected(mover.before_micros, d.change.median)
        if d.change.score(change) <= terms.score or not reaches(
            mover.after_micros - likely, d.after_micros, terms.material
        ):
            continue
        yield Found(
            CONTRIBUTORS, mover.contributor_id, d.currency,
            f"{mover.contributor_id} earns {money(mover.after_micros, d.currency)} after "
            f"{money(mover.before_micros, d.currency)} in the last cycle; had it changed as for the one in the middle, "
            f"it would be {money(likely, d.currency)}.",
            weight=abs(mover.after_micros - likely), contributor_id=mover.contributor_id,
            measured={"before_micros": mover.before_micros, "after_micros": mover.after_micros, "change": change,
                      "median_change": d.change.median, "deviation": d.change.deviation},
        )  # fmt: skip


def _pools(facts: Facts, terms: ReviewTerms) -> Iterator[Found]:
    history: dict[str, list[PoolFact]] = {}
    for pools in facts.earlier_pools:
        for pool in pools:
            history.setdefault(pool.name, []).append(pool)
    nets: dict[str, int] = {}
    for pool in facts.pools:
        nets[pool.currency] = nets.get(pool.currency, 0) + abs(pool.net_micros)
    for pool in facts.pools:
        earlier = history.get(pool.name, [])
        if len(earlier) < terms.least_cycles:
            continue
        usual = center([each.net_micros for each in earlier])
        off = pool.net_micros - usual.median
        if usual.score(pool.net_micros) > terms.score and reaches(off, nets[pool.currency], terms.material):
            yield Found(
                POOLS, pool.name, pool.currency,
                f"The pool {pool.name} has net sales of {money(pool.net_micros, pool.currency)}; in the last "
                f"{len(earlier)} cycles that have it, {money(usual.median, pool.currency)} was in the middle.",
                weight=abs(off),
                measured={"net_micros": pool.net_micros, "median_micros": usual.median,
                          "deviation_micros": usual.deviation, "cycles": len(earlier)},
            )  # fmt: skip


def _concentration(d: Difference, terms: ReviewTerms) -> Iterator[Found]:
    """Without a cycle before, it is told and does not block: there is nothing that it could have grown from."""
    if d.paid_after < terms.least_contributors:
        return
    first = d.largest[0]
    for subject, part, part_before, limit, who in (
        (first.contributor_id, first.after_micros, first.before_micros, terms.one_contributor, first.contributor_id),
        ("best paid hundredth", d.best_after_micros, d.best_before_micros, terms.top_hundredth, None),
    ):
        if not reaches(part, d.after_micros, limit):
            continue
        then = f"; in the last cycle {percent(part_before, d.before_micros)}" if d.before_micros else ""
        yield Found(
            CONCENTRATION, subject, d.currency,
            f"{who or 'The best paid hundredth of contributors'} gets {percent(part, d.after_micros)} of all that "
            f"contributors earn in {d.currency}{then}.",
            weight=part, contributor_id=who,
            measured={"part_micros": part, "total_micros": d.after_micros, "part_before_micros": part_before,
                      "total_before_micros": d.before_micros},
            blocks=concentrated(
                part=part, total=d.after_micros, part_before=part_before, total_before=d.before_micros, limit=limit,
                growth=terms.concentration_growth,
            ),
        )  # fmt: skip


def _sales(facts: Facts, terms: ReviewTerms) -> Iterator[Found]:
    for currency, takings in facts.takings.items():
        earlier = [each[currency] for each in facts.earlier_takings if currency in each]
        if len(earlier) < terms.least_cycles:
            continue
        for what in (CUSTOMER, MODEL):
            for name, sold in takings.by[what].items():
                if reaches(sold.micros, takings.net_micros, terms.buyer):
                    yield from _inflated(what, name, currency, sold, takings, earlier, terms)
        yield from _dear_files(currency, takings, earlier, terms)


def _inflated(
    what: str, name: str, currency: str, sold: Sold, takings: Takings, earlier: Sequence[Takings], terms: ReviewTerms
) -> Iterator[Found]:
    """Only upwards: who buys less inflates nothing. What an earlier cycle did not keep was next to nothing."""
    nothing = Sold(0, 0)
    usual = center([each.by[what].get(name, nothing).micros for each in earlier])
    off = sold.micros - usual.median
    if off <= 0 or usual.score(sold.micros) <= terms.score or not reaches(off, takings.net_micros, terms.buyer):
        return
    yield Found(
        SALES, f"{what} {name}", currency,
        f"Sales {'to' if what == CUSTOMER else 'of'} {what} {name} come to {money(sold.micros, currency)}, "
        f"{percent(sold.micros, takings.net_micros)} of net sales; in the last {len(earlier)} cycles "
        f"{money(usual.median, currency)} was in the middle.",
        weight=off,
        measured={"micros": sold.micros, "sales": sold.sales, "net_micros": takings.net_micros,
                  "median_micros": usual.median, "deviation_micros": usual.deviation, "cycles": len(earlier)},
    )  # fmt: skip


def _dear_files(
    currency: str, takings: Takings, earlier: Sequence[Takings], terms: ReviewTerms
) -> Iterator[Found]:  # fmt: skip
    """A file has no history of its own: its sale on average is held against those of the files of earlier cycles."""
    averages = [old.micros // old.sales for each in earlier for old in each.by[FILE].values() if old.sales]
    if len(averages) < terms.least_cycles:
        return
    usual = center(averages)
    for name, sold in takings.by[FILE].items():
        average = sold.micros // sold.sales
        large = reaches(sold.micros, takings.net_micros, terms.buyer)
        if average > usual.median and large and usual.score(average) > terms.score:
            yield Found(
                SALES, f"file {name}", currency,
                f"A sale of file {name} is {money(average, currency)} on average ({sold.sales:,} sales, "
                f"{percent(sold.micros, takings.net_micros)} of net sales); of earlier files "
                f"{money(usual.median, currency)} was in the middle.",
                weight=sold.micros,
                measured={"average_micros": average, "micros": sold.micros, "sales": sold.sales,
                          "median_micros": usual.median, "deviation_micros": usual.deviation, "files": len(averages)},
            )  # fmt: skip


def _assets(grown: Growth, terms: ReviewTerms) -> Iterator[Found]:
    if grown.holders_before < terms.least_contributors:
        return
    for holding in grown.grown:
        more = holding.after_ticks - holding.before_ticks
        many = holding.after_ticks >= terms.assets_factor * holding.before_ticks
        if not many or not reaches(more, grown.total_ticks, terms.assets_part):
            continue
        jump = (
            f"{times(holding.after_ticks, holding.before_ticks)} as many as in the last cycle"
            if holding.before_ticks
            else "and held none in the last cycle"
        )
        yield Found(
            ASSETS, holding.contributor_id, "",
            f"{holding.contributor_id} holds {percent(holding.after_ticks, grown.total_ticks)} of all assets of the "
            f"manifests in use, {jump}.",
            weight=more, contributor_id=holding.contributor_id,
            measured={"before_ticks": holding.before_ticks, "after_ticks": holding.after_ticks,
                      "total_ticks": grown.total_ticks},
        )  # fmt: skip
