"""The naive twin of `reviews.differences`, `takings` and `holdings`: one contributor, sale and asset after the other."""

from fractions import Fraction
from typing import Any

from revshare.cycles.models import Cycle
from revshare.cycles.queries import pinned_of
from revshare.manifests.models import Weight
from revshare.money import INT64_MAX
from revshare.reviews.rules import PARTS
from revshare.sales.models import Sale
from revshare.statements.models import Statement


def earned(cycle: Cycle | None) -> dict[tuple[str, str], int]:
    """By currency and contributor: what statements say was earned, where it is more than nothing."""
    found: dict[tuple[str, str], int] = {}
    for statement in Statement.objects.filter(cycle=cycle) if cycle else ():
        if statement.earned_micros > 0:
            found[statement.currency, statement.contributor_id] = statement.earned_micros
    return found


def middle(values: list[int]) -> int:
    """The lower median, by taking the least and the greatest away until one or two are left."""
    rest = sorted(values)
    while len(rest) > 2:
        rest = rest[1:-1]
    return rest[0]


def difference(now: Cycle, last: Cycle | None, currency: str) -> dict[str, Any]:
    after = {name: micros for (code, name), micros in earned(now).items() if code == currency}
    before = {name: micros for (code, name), micros in earned(last).items() if code == currency}
    return compared(after, before)


def compared(after: dict[str, int], before: dict[str, int]) -> dict[str, Any]:
    """What contributors earn in one currency, where it is more than nothing."""
    both = [name for name in after if name in before]
    changes = [min(after[name] * PARTS // before[name], INT64_MAX) for name in both]
    median = middle(changes) if changes else PARTS
    deviation = middle([abs(change - median) for change in changes]) if changes else 0

    def first(names: list[str], key: Any) -> list[tuple[str, int, int]]:
        best = sorted(names, key=lambda name: (-key(name), name))[:10]
        return [(name, before.get(name, 0), after.get(name, 0)) for name in best]

    def best(amounts: dict[str, int]) -> int:
        return sum(sorted(amounts.values(), reverse=True)[: max(1, len(amounts) // 100)])

    return {
        "before_micros": sum(before.values()), "after_micros": sum(after.values()),
        "paid_before": len(before), "paid_after": len(after), "stayed": len(both),
        "newcomers": len([name for name in after if name not in before]),
        "newcomers_micros": sum(micros for name, micros in after.items() if name not in before),
        "dropouts": len([name for name in before if name not in after]),
        "dropouts_micros": sum(micros for name, micros in before.items() if name not in after),
        "change": {"median": median, "deviation": deviation},
        "best_before_micros": best(before), "best_after_micros": best(after),
        "largest": first(list(after), lambda name: after[name]),
        "risers": first([n for n in both if after[n] > before[n]], lambda name: after[name] - before[name]),
        "fallers": first([n for n in both if after[n] < before[n]], lambda name: before[name] - after[name]),
        "new": first([n for n in after if n not in before], lambda name: after[name]),
        "gone": first([n for n in before if n not in after], lambda name: before[name]),
    }  # fmt: skip


def off(after: dict[str, int], before: dict[str, int], material: Fraction) -> list[tuple[str, int, int]]:
    """Of those who stayed: all who are further than a part of the total from what the middle change would give them."""
    median = compared(after, before)["change"]["median"]
    far = []
    for name in after:
        if name in before:
            away = abs(after[name] - before[name] * median // PARTS)
            if away > 0 and away >= material * sum(after.values()):
                far.append((-away, name, before[name], after[name]))
    return [tuple(rest) for _, *rest in sorted(far)]


def takings(cycle: Cycle) -> dict[str, dict[str, dict[str, list[int]]]]:
    """By currency, what and name: micros and sales, of those that are at least a thousandth of net sales."""
    sums: dict[str, dict[str, dict[str, list[int]]]] = {}
    nets: dict[str, int] = {}
    for sale in Sale.objects.filter(sold_at__gte=cycle.starts_at, sold_at__lt=cycle.ends_at, seq__lte=cycle.upto_seq):
        nets[sale.currency] = nets.get(sale.currency, 0) + sale.gross_micros
        by = sums.setdefault(sale.currency, {"customer": {}, "model": {}, "file": {}})
        names = {"customer": sale.customer_id, "model": sale.model or sale.dataset_version, "file": str(sale.file_id)}
        for what, name in names.items():
            if name:
                sold = by[what].setdefault(name, [0, 0])
                sold[0] += sale.gross_micros
                sold[1] += 1
    return {
        currency: {
            what: {name: sold for name, sold in names.items() if sold[0] > 0 and sold[0] * 1000 >= nets[currency]}
            for what, names in by.items()
        }
        for currency, by in sums.items()
    }


def held(cycle: Cycle) -> dict[str, int]:
    """Ticks of all dataset versions that the cycle pinned, by contributor."""
    found: dict[str, int] = {}
    for weight in Weight.objects.filter(manifest__dataset_version__in=list(pinned_of(cycle).manifests)):
        found[weight.contributor_id] = found.get(weight.contributor_id, 0) + weight.assets_ticks
    return found
