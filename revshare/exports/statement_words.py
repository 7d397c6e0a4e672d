"""The numbers of a statement as people read them, and the sentence that says how an amount came about, in the language
that is active. Nothing here rounds silently: what is rounded says so.
"""

from fractions import Fraction

from django.utils.translation import gettext as _

from revshare.money import MICRO_DIGITS, format_micros, minor_digits, share_of
from revshare.policies.terms import ASSETS, MEASURE, WEIGHT
from revshare.statements.rules import Line
from revshare.wording import NO_BREAK_SPACE, decimal_sign, decimals, money_exact, whole

__all__ = ["assets", "counted", "holding", "money", "money_exact", "quotient", "rounding", "sentence"]

TICKS_PER_ASSET = 720_720
QUOTIENT_DECIMALS = 6


def money(micros: int, currency: str) -> str:
    """An amount in whole minor units, cut toward zero as a payment would be; in full if it is less than one of them."""
    unit = 10 ** (MICRO_DIGITS - minor_digits(currency))
    cut = abs(micros) // unit * unit
    return money_exact(micros if cut == 0 else (-cut if micros < 0 else cut), currency)


def assets(ticks: int) -> str:
    """Ticks as assets, exact: `37,644`, `12.5`, or with a fraction where decimals would not end: `12 1/3`."""
    full, rest = divmod(ticks, TICKS_PER_ASSET)
    if rest == 0:
        return whole(full)
    part = Fraction(rest, TICKS_PER_ASSET)
    # The denominator divides 720,720, so decimals that end have four places at most.
    if 10_000 % part.denominator == 0:
        places = f"{part.numerator * 10_000 // part.denominator:04d}".rstrip("0")
        return f"{whole(full)}{decimal_sign()}{places}"
    fraction = f"{part.numerator}/{part.denominator}"
    return f"{whole(full)}{NO_BREAK_SPACE}{fraction}" if full else fraction


def counted(measure: str, units: int, currency: str) -> str:
    """Units of a measure as people read them: assets, weight, a measure's value, money that was attributed."""
    if measure == ASSETS:
        return assets(units)
    if measure == WEIGHT:
        return whole(units)
    if measure.startswith(MEASURE):
        return decimals(format_micros(units))
    return money_exact(units, currency)


def holding(measure: str, numerator_ticks: int, denominator_ticks: int, currency: str) -> str:
    """`you hold 37,644 of 69,202 assets`; for less than one asset so that no reader takes `1/3 of 2` for a product."""
    if measure != ASSETS:
        yours, every = (counted(measure, units, currency) for units in (numerator_ticks, denominator_ticks))
        said = {"yours": yours, "all": every, "measure": measure.removeprefix(MEASURE)}
        if measure == WEIGHT or measure.startswith(MEASURE):
            return _("you have %(yours)s of %(all)s %(measure)s") % said
        return _("%(yours)s of %(all)s of sales attributed to contributors is yours") % said
    said = {"yours": assets(numerator_ticks), "all": assets(denominator_ticks)}
    if denominator_ticks == TICKS_PER_ASSET:
        if numerator_ticks < TICKS_PER_ASSET:
            return _("you hold %(yours)s of one asset, out of 1 asset") % said
        return _("you hold 1 of 1 asset")
    if numerator_ticks < TICKS_PER_ASSET:
        return _("you hold %(yours)s of one asset, out of %(all)s assets") % said
    return _("you hold %(yours)s of %(all)s assets") % said


def sentence(
    line: Line, *, currency: str, share: str, share_fraction: Fraction | None, net_micros: int, carried_micros: int,
    deducted_micros: int = 0, commons_micros: int = 0, released_micros: int = 0,
) -> str:  # fmt: skip
    """How one amount came about, in one sentence with all its numbers; without a capital letter or a full stop.

    `share_fraction`: None where several shares apply, by volume. `carried_micros`: what the pool brought from the cycle
    before, zero, a deficit, or what a restatement gave back of one.
    `deducted_micros`: tax and fees. `commons_micros`: what went to the commons fund.
    `released_micros`: what it has of earlier sales that waited in suspense.
    """
    base = net_micros + carried_micros - deducted_micros
    source = _source(net_micros, carried_micros, deducted_micros, currency)
    held = holding(line.measure, line.numerator_ticks, line.denominator_ticks, currency)
    said = {"source": source, "held": held, "zero": money_exact(0, currency)}
    part = _("%(held)s; your part is %(amount)s") % (said | {"amount": money_exact(line.amount_micros, currency)})
    part += rounding(line)
    if base < 0 and released_micros:
        said |= {"waited": _waited(released_micros, currency), "part": part}
        return _("the deficit of %(source)s is carried on; the pool is %(waited)s; %(part)s") % said
    if base < 0:
        return (
            _(
                "sales and refunds came to %(source)s, so the pool is %(zero)s and the deficit is carried on; "
                "%(held)s; your part is %(zero)s"
            )
            % said
        )
    own = line.pool_micros - released_micros
    said |= {"share": share, "pool": money_exact(own + commons_micros, currency)}
    pool = _("%(share)s of %(source)s is a pool of %(pool)s") % said
    if not (share_fraction is None or share_of(base, share_fraction) == base * share_fraction):
        pool += _(", rounded down to a millionth")
    if commons_micros:
        said |= {"commons": money_exact(commons_micros, currency), "left": money_exact(own, currency)}
        pool += _(", of which %(commons)s goes to the commons fund and %(left)s is shared") % said
    if released_micros:
        said |= {"waited": _waited(released_micros, currency), "all": money_exact(line.pool_micros, currency)}
        pool += _("; with %(waited)s it is %(all)s") % said
    return f"{pool}; {part}"


def _source(net_micros: int, carried_micros: int, deducted_micros: int, currency: str) -> str:
    """What the share is taken of."""
    source = _("%(net)s net sales") % {"net": money_exact(net_micros, currency)}
    if deducted_micros:
        source = _("%(left)s (%(source)s less %(deducted)s of tax and fees)") % {
            "left": money_exact(net_micros - deducted_micros, currency), "source": source,
            "deducted": money_exact(deducted_micros, currency),
        }  # fmt: skip
    said = {
        "base": money_exact(net_micros + carried_micros - deducted_micros, currency), "source": source,
        "carried": money_exact(abs(carried_micros), currency),
    }  # fmt: skip
    if carried_micros > 0:
        return _("%(base)s (%(source)s and %(carried)s that a correction of earlier cycles gave back)") % said
    if carried_micros:
        return _("%(base)s (%(source)s less a deficit of %(carried)s carried from the cycle before)") % said
    return source


def _waited(released_micros: int, currency: str) -> str:
    return _("%(amount)s of earlier sales that had waited") % {"amount": money_exact(released_micros, currency)}


def rounding(line: Line) -> str:
    """Which way largest remainder rounded the amount, or that a limit moved it; blank if pool × numerator ÷ denominator
    is a whole number."""
    exact = line.pool_micros * line.numerator_ticks
    amount = line.amount_micros * line.denominator_ticks
    if exact == amount:
        return ""
    if abs(exact - amount) >= line.denominator_ticks:
        return _(", within the limits of the policy")
    return _(", rounded down to a millionth") if amount < exact else _(", rounded up to a millionth")


def quotient(line: Line) -> str:
    """pool × numerator ÷ denominator in micros, with decimals cut (`…` says so): what was rounded."""
    if line.denominator_ticks == 0:
        return "0"
    full, rest = divmod(line.pool_micros * line.numerator_ticks, line.denominator_ticks)
    if rest == 0:
        return whole(full)
    scaled, beyond = divmod(rest * 10**QUOTIENT_DECIMALS, line.denominator_ticks)
    places = f"{scaled:0{QUOTIENT_DECIMALS}d}"
    return f"{whole(full)}{decimal_sign()}{f'{places}…' if beyond else places.rstrip('0')}"
