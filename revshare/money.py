"""Amounts of money as integers of micros, and the only door from text to them.

Pure: no Django, no I/O, no float. One micro is 1e-6 of the currency's major unit, so 1,000,000 micros are one dollar
and also one yen. What the rest of the program holds is an int of micros within int64, plus an ISO 4217 code.

The grammars are regular expressions that Python's `re` and RE2 (DuckDB) read alike: ASCII classes only, no
look-around, no flags. Match them whole: `re.fullmatch`, `regexp_full_match`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

from revshare.currencies import CURRENCIES, UnknownCurrency, is_currency, minor_digits

__all__ = [
    "AMOUNT_DECIMALS_PATTERN",
    "AMOUNT_PATTERN",
    "AMOUNT_RANGE_PATTERN",
    "CURRENCIES",
    "INT64_MAX",
    "INT64_MIN",
    "MICROS_PER_UNIT",
    "MICRO_DIGITS",
    "SHARE_PATTERN",
    "BadAmount",
    "BadShare",
    "UnknownCurrency",
    "format_micros",
    "format_micros_exact",
    "group_digits",
    "is_currency",
    "minor_digits",
    "parse_amount_micros",
    "parse_share",
    "share_of",
]

MICROS_PER_UNIT = 1_000_000
MICRO_DIGITS = 6
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

AMOUNT_PATTERN = r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?"
"""A valid amount: at most 12 digits before the point and 6 after it, so its micros are below 1e18 and fit int64."""

AMOUNT_DECIMALS_PATTERN = r"-?(0|[1-9][0-9]{0,11})\.[0-9]{7,}"
"""Valid but for more than 6 decimals."""

AMOUNT_RANGE_PATTERN = r"-?[1-9][0-9]{12,}(\.[0-9]{1,6})?"
"""Valid but for more than 12 digits before the point."""

SHARE_PATTERN = r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,6})?%"
"""A percentage of a policy, before its range is checked."""

AmountCode = Literal["amount_syntax", "amount_decimals", "amount_range"]

_AMOUNT = re.compile(AMOUNT_PATTERN)
_AMOUNT_DECIMALS = re.compile(AMOUNT_DECIMALS_PATTERN)
_AMOUNT_RANGE = re.compile(AMOUNT_RANGE_PATTERN)
_SHARE = re.compile(SHARE_PATTERN)
_QUOTED_LENGTH = 60


class BadAmount(ValueError):
    """Text that is not an amount. `code` is the reason to record with the row."""

    def __init__(self, code: AmountCode, message: str) -> None:
        super().__init__(message)
        self.code: AmountCode = code


class BadShare(ValueError):
    """Text that is not a percentage from 0% to 100%."""


def parse_amount_micros(text: str) -> int:
    """The micros that `text` says, by AMOUNT_PATTERN and nothing else: `-12.5` is -12_500_000; `-0.00` is 0.

    Raises BadAmount with code `amount_decimals` (valid but for more than 6 decimals), `amount_range` (valid but for
    more than 12 digits before the point) or `amount_syntax` (all else, both of these faults at once included).
    """
    if not _AMOUNT.fullmatch(text):
        raise _bad_amount(text)
    units, _, decimals = text.removeprefix("-").partition(".")
    micros = int(units) * MICROS_PER_UNIT + int(decimals.ljust(MICRO_DIGITS, "0"))
    return -micros if text.startswith("-") else micros


def format_micros(micros: int, currency: str | None = None) -> str:
    """Exact plain text of an amount, without currency code or grouping: 6_900 micros of USD is `0.0069`.

    Shows at least the decimals of the currency's minor unit (none if `currency` is None), then as many of the six as
    are needed: 5_000_000 is `5.00` in USD, `5` in JPY, `5.000` in KWD. `parse_amount_micros` reads it back.
    Raises UnknownCurrency.
    """
    least = 0 if currency is None else minor_digits(currency)
    units, _, decimals = format_micros_exact(micros).partition(".")
    kept = decimals.rstrip("0").ljust(least, "0")
    return f"{units}.{kept}" if kept else units


def format_micros_exact(micros: int) -> str:
    """Exact plain text of an amount with all six decimals: 5_000_000 is `5.000000`, -1 is `-0.000001`."""
    units, rest = divmod(abs(micros), MICROS_PER_UNIT)
    sign = "-" if micros < 0 else ""
    return f"{sign}{units:d}.{rest:0{MICRO_DIGITS}d}"


def group_digits(number: int) -> str:
    """An integer with its digits grouped by commas, whatever the locale: `295,960,050,000`."""
    return f"{number:,d}"


def parse_share(text: str) -> Fraction:
    """The exact fraction, from 0 to 1, that a percentage says: `20%` is 1/5, `33.333333%` is 33333333/100000000.

    ASCII digits, at most 6 decimals, no sign, no blanks, the percent sign required. Raises BadShare.
    """
    if not _SHARE.fullmatch(text):
        raise BadShare(f'{_quoted(text)} is not a percentage such as "20%" or "12.5%", with at most 6 decimals')
    share = Fraction(text.removesuffix("%")) / 100
    if share > 1:
        raise BadShare(f"{_quoted(text)} is more than 100%")
    return share


def share_of(micros: int, share: Fraction) -> int:
    """floor(micros × share), exactly; the unit is that of `micros`. Formula of a pool: DESIGN, section 4, "A pool".

    micros ≥ 0; 0 ≤ share ≤ 1. Raises ValueError for others: a negative sum pays nothing and is carried, not shared.
    """
    if micros < 0:
        raise ValueError(f"a share is taken of sums from zero up, not of {micros} micros")
    if not 0 <= share <= 1:
        raise ValueError(f"a share lies between 0 and 1; {share} does not")
    return micros * share.numerator // share.denominator


def _bad_amount(text: str) -> BadAmount:
    """The error for `text`, which AMOUNT_PATTERN does not match, with the code its fault deserves."""
    if _AMOUNT_DECIMALS.fullmatch(text):
        return BadAmount("amount_decimals", f"{_quoted(text)} has more than {MICRO_DIGITS} decimals")
    if _AMOUNT_RANGE.fullmatch(text):
        return BadAmount("amount_range", f"{_quoted(text)} has more than 12 digits before the point")
    return BadAmount("amount_syntax", f'{_quoted(text)} is not a plain amount such as "1234.50"')


def _quoted(text: str) -> str:
    """`text` in quotes, control characters escaped, cut to a length that is safe to log."""
    return ascii(text) if len(text) <= _QUOTED_LENGTH else f"{text[:_QUOTED_LENGTH]!a}… ({len(text)} characters)"
