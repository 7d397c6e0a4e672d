"""How a pool is divided into parts: directed shares, attributed outputs, factors, the mix of a model. Pure.

Every part is a pool of its own, with its own denominator: a statement shows it as a line. Sums are split by mirrored
apportionment, so that a sale and its refund cancel out in every part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from revshare.apportion import apportion_signed
from revshare.policies.reading import percent
from revshare.policies.terms import ASSETS, DIRECTED, JOINT, MIX, OUTPUTS, WEIGHT, Rate, Terms, Tier


@dataclass(frozen=True)
class Takings:
    """What the sales of one pool come to, in micros. `attributed`: by role (`output`, `style`, `modified`), how much of
    that is attributed to contributors; directed shares are already taken at their percentage."""

    net_micros: int = 0
    deducted_micros: int = 0  # tax and fees, where the policy shares what is left after them
    count: int = 0
    attributed: Mapping[str, int] | None = None

    def of_role(self, role: str) -> int:
        return (self.attributed or {}).get(role, 0)


@dataclass(frozen=True)
class Part:
    """One part. `label` makes its key: blank for all that is not divided. `versions`: None for those of the pool."""

    label: str
    measure: str
    share: Fraction
    share_text: str
    words: str
    net_micros: int
    deducted_micros: int
    count: int
    versions: tuple[str, ...] | None = None


def divide(*, takings: Takings, terms: Terms, rate: Rate | None, mix: Mapping[str, int]) -> list[Part]:
    """The parts of a pool; together they have its net sales and deductions. `mix`: by dataset version, in any unit."""
    share, share_text = _share(terms, rate, takings)
    prefix = [rate.label] if rate else []
    parts = [
        Part(
            JOINT.join([*prefix, DIRECTED + role]), DIRECTED + role, Fraction(1), percent(part),
            terms.words_of(percent(part), DIRECTED + role), takings.of_role(role), 0, 0,
        )
        for role, part in terms.directed
    ]  # fmt: skip
    if terms.allocation == "per_output":
        words = terms.words_of(share_text, OUTPUTS)
        parts.append(
            Part(JOINT.join([*prefix, OUTPUTS]), OUTPUTS, share, share_text, words, takings.of_role("output"), 0, 0)
        )
    rest = takings.net_micros - sum(part.net_micros for part in parts)
    factors = terms.factors or ((terms.measure, Fraction(1)),)
    nets, deductions = (_by(amount, [part for _, part in factors]) for amount in (rest, takings.deducted_micros))
    for number, ((measure, part), net, deducted) in enumerate(zip(factors, nets, deductions, strict=True)):
        count = 0 if number else takings.count
        label = JOINT.join([*prefix, measure] if terms.factors else prefix)
        words = terms.words_of(share_text, measure, part)
        whole = Part(label, measure, share, share_text, words, net, deducted, count)
        mixed = mix and terms.pooling == "per_model" and measure in (ASSETS, WEIGHT)
        parts += _mixed(whole, terms, part, mix) if mixed else [whole]
    return parts


def _share(terms: Terms, rate: Rate | None, takings: Takings) -> tuple[Fraction, str]:
    if rate is not None:
        return rate.share, percent(rate.share)
    base = takings.net_micros - takings.deducted_micros
    if not terms.tiers or base <= 0:
        return terms.share, terms.share_text
    shared = tiered(base, terms.share, terms.tiers)
    return shared / base, f"{terms.share_text} to {percent(terms.tiers[-1].share)} by volume"


def tiered(base_micros: int, share: Fraction, tiers: Sequence[Tier]) -> Fraction:
    """What is shared of a sum (micros): each band of it at its own share, as with income tax."""
    bounds = [0, *(tier.above_micros for tier in tiers), None]
    shares = [share, *(tier.share for tier in tiers)]
    total = Fraction(0)
    for low, high, part in zip(bounds[:-1], bounds[1:], shares, strict=True):
        assert low is not None
        top = base_micros if high is None else min(high, base_micros)
        total += max(0, top - low) * part
    return total


def _mixed(whole: Part, terms: Terms, part: Fraction, mix: Mapping[str, int]) -> list[Part]:
    versions = sorted(mix)
    nets, deductions = (
        apportion_signed(total=amount, weights=[mix[version] for version in versions])
        for amount in (whole.net_micros, whole.deducted_micros)
    )
    total = sum(mix.values())
    return [
        Part(
            JOINT.join(filter(None, (whole.label, MIX + version))), whole.measure, whole.share, whole.share_text,
            terms.words_of(f"{mix[version]}/{total} of {whole.share_text}", whole.measure, part, version), net,
            deducted, 0 if number else whole.count, (version,),
        )
        for number, (version, net, deducted) in enumerate(zip(versions, nets, deductions, strict=True))
    ]  # fmt: skip


def _by(amount: int, parts: Sequence[Fraction]) -> list[int]:
    scale = 10**8  # parts are percentages of at most 6 decimals
    return apportion_signed(total=amount, weights=[int(part * scale) for part in parts])
