"""The numbers of a statement as people read them, and the sentence that says how an amount came about.

Pure: no Django, no I/O. Nothing here rounds silently: what is rounded says so.
"""

from fractions import Fraction
from functools import cache

from babel.numbers import get_currency_symbol

from revshare.money import MICRO_DIGITS, format_micros, group_digits, minor_digits, share_of
from revshare.policies.terms import ASSETS, MEASURE, WEIGHT
from revshare.statements.rules import Line

TICKS_PER_ASSET = 720_720
MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
QUOTIENT_DECIMALS = 6


def money_exact(micros: int, currency: str) -> str:
    """All of an amount, to the last micro that is not zero: `£168,110.714219`, `−$0.0069`, `CHF 12.00`."""
    units, point, decimals = format_micros(abs(micros), currency).partition(".")
    sign = MINUS if micros < 0 else ""
    return f"{sign}{_prefix(currency)}{group_digits(int(units))}{point}{decimals}"


def money(micros: int, currency: str) -> str:
    """An amount in whole minor units, cut toward zero as a payment would be; in full if it is less than one of them."""
    unit = 10 ** (MICRO_DIGITS - minor_digits(currency))
    cut = abs(micros) // unit * unit
    return money_exact(micros if cut == 0 else (-cut if micros < 0 else cut), currency)


def assets(ticks: int) -> str:
    """Ticks as assets, exact: `37,644`, `12.5`, or with a fraction where decimals would not end: `12 1/3`."""
    whole, rest = divmod(ticks, TICKS_PER_ASSET)
    if rest == 0:
        return group_digits(whole)
    part = Fraction(rest, TICKS_PER_ASSET)
    # The denominator divides 720,720, so decimals that end have four places at most.
    if 10_000 % part.denominator == 0:
        decimals = f"{part.numerator * 10_000 // part.denominator:04d}".rstrip("0")
        return f"{group_digits(whole)}.{decimals}"
    fraction = f"{part.numerator}/{part.denominator}"
    return f"{group_digits(whole)}{NO_BREAK_SPACE}{fraction}" if whole else fraction


def counted(measure: str, units: int, currency: str) -> str:
    """Units of a measure as people read them: assets, weight, a measure's value, money that was attributed."""
    if measure == ASSETS:
        return assets(units)
    if measure == WEIGHT:
        return group_digits(units)
    if measure.startswith(MEASURE):
        whole, point, decimals = format_micros(units).partition(".")
        return f"{group_digits(int(whole))}{point}{decimals}"
    return money_exact(units, currency)


def holding(measure: str, numerator_ticks: int, denominator_ticks: int, currency: str) -> str:
    """`you hold 37,644 of 69,202 assets`; for less than one asset so that no reader takes `1/3 of 2` for a product."""
    if measure != ASSETS:
        yours, all_of_it = (counted(measure, units, currency) for units in (numerator_ticks, denominator_ticks))
        if measure == WEIGHT or measure.startswith(MEASURE):
            return f"you have {yours} of {all_of_it} {measure.removeprefix(MEASURE)}"
        return f"{yours} of {all_of_it} of sales attributed to contributors is yours"
    total = f"{assets(denominator_ticks)} asset{'' if denominator_ticks == TICKS_PER_ASSET else 's'}"
    if numerator_ticks < TICKS_PER_ASSET:
        return f"you hold {assets(numerator_ticks)} of one asset, out of {total}"
    return f"you hold {assets(numerator_ticks)} of {total}"


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
    source = f"{money_exact(net_micros, currency)} net sales"
    if deducted_micros:
        left = money_exact(net_micros - deducted_micros, currency)
        source = f"{left} ({source} less {money_exact(deducted_micros, currency)} of tax and fees)"
    if carried_micros > 0:
        back = money_exact(carried_micros, currency)
        source = f"{money_exact(base, currency)} ({source} and {back} that a correction of earlier cycles gave back)"
    elif carried_micros:
        deficit = money_exact(-carried_micros, currency)
        source = f"{money_exact(base, currency)} ({source} less a deficit of {deficit} carried from the cycle before)"
    held = holding(line.measure, line.numerator_ticks, line.denominator_ticks, currency)
    part = f"{held}; your part is {money_exact(line.amount_micros, currency)}{rounding(line)}"
    if base < 0 and released_micros:
        return f"the deficit of {source} is carried on; the pool is {_waited(released_micros, currency)}; {part}"
    if base < 0:
        return f"sales and refunds came to {source}, so the pool is {money_exact(0, currency)} and the deficit is carried on; {held}; your part is {money_exact(0, currency)}"  # noqa: E501
    exact = share_fraction is None or share_of(base, share_fraction) == base * share_fraction
    cut = "" if exact else ", rounded down to a millionth"
    own = line.pool_micros - released_micros
    pool = f"{share} of {source} is a pool of {money_exact(own + commons_micros, currency)}{cut}"
    if commons_micros:
        left = money_exact(own, currency)
        pool += f", of which {money_exact(commons_micros, currency)} goes to the commons fund and {left} is shared"
    if released_micros:
        pool += f"; with {_waited(released_micros, currency)} it is {money_exact(line.pool_micros, currency)}"
    return f"{pool}; {part}"


def _waited(released_micros: int, currency: str) -> str:
    return f"{money_exact(released_micros, currency)} of earlier sales that had waited"


def rounding(line: Line) -> str:
    """Which way largest remainder rounded the amount, or that a limit moved it; blank if pool × numerator ÷ denominator
    is a whole number."""
    exact = line.pool_micros * line.numerator_ticks
    amount = line.amount_micros * line.denominator_ticks
    if exact == amount:
        return ""
    if abs(exact - amount) >= line.denominator_ticks:
        return ", within the limits of the policy"
    return f", rounded {'down' if amount < exact else 'up'} to a millionth"


def quotient(line: Line) -> str:
    """pool × numerator ÷ denominator in micros, with decimals cut (`…` says so): what was rounded."""
    if line.denominator_ticks == 0:
        return "0"
    whole, rest = divmod(line.pool_micros * line.numerator_ticks, line.denominator_ticks)
    if rest == 0:
        return group_digits(whole)
    scaled, beyond = divmod(rest * 10**QUOTIENT_DECIMALS, line.denominator_ticks)
    decimals = f"{scaled:0{QUOTIENT_DECIMALS}d}"
    return f"{group_digits(whole)}.{decimals}…" if beyond else f"{group_digits(whole)}.{decimals.rstrip('0')}"


@cache
def _prefix(currency: str) -> str:
    """What stands before the digits: a symbol of this currency alone in English (`£`, `$`, `A$`), or the code."""
    symbol = get_currency_symbol(currency, locale="en")
    return f"{currency}{NO_BREAK_SPACE}" if symbol == currency or symbol[-1].isalpha() else symbol
