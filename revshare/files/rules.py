"""What any kind of row must obey: ids, amounts, times, as SQL over the spooled text; and what an id looks like.

A reason is written `code@column` while DuckDB holds it.
"""

import unicodedata
from datetime import date
from functools import cache

from revshare.currencies import CURRENCIES
from revshare.money import AMOUNT_DECIMALS_PATTERN, AMOUNT_PATTERN, AMOUNT_RANGE_PATTERN
from revshare.periods import (
    DAY_IN_RANGE_PATTERN,
    DAY_PATTERN,
    INSTANT_IN_RANGE_PATTERN,
    INSTANT_PATTERN,
    NAIVE_PATTERN,
)

MAX_ID_LENGTH = 200
MAX_TEXT_LENGTH = 2_000
FUTURE_DAYS = 31
PART_PATTERN = r"0(\.[0-9]{1,6})?|1(\.0{1,6})?"

# Control, format, private and surrogate characters; line and paragraph separators; every space but U+0020; the
# replacement character; and the letters that Unicode says to draw as nothing (Default_Ignorable_Code_Point).
INVISIBLE = (
    "[\\p{Cc}\\p{Cf}\\p{Co}\\p{Zl}\\p{Zp}\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufffd"
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def reason(code: str, column: str) -> str:
    return f"'{code}@{column}'"


def id_checks(column: str, *, required: bool = True, printable: bool = False, words: bool = False) -> str:
    """WHEN … THEN branches that give the reason why an id cannot be taken. `printable`: it is known that nothing but
    printable ASCII is in the file. `words`: and no value with a space in it, or longer than an id may be."""
    missing = f"WHEN {column} = '' THEN {reason('id_missing', column)} " if required else ""
    if words:
        return missing
    unfit = f"regexp_matches({column}, '{INVISIBLE}|^ | $')"
    if printable:
        unfit = f"(starts_with({column}, ' ') OR ends_with({column}, ' '))"
    return (
        f"{missing}"
        f"WHEN {'strlen' if printable else 'len'}({column}) > {MAX_ID_LENGTH} THEN {reason('id_too_long', column)} "
        f"WHEN {unfit} THEN {reason('id_characters', column)} "
    )


def text_checks(*columns: str, words: bool = False) -> str:
    """WHEN … THEN branches for free text. Bytes are never fewer than characters, and quicker to count. `words`: it is
    known that no value is longer than an id may be."""
    if words:
        return ""
    return "".join(
        f"WHEN CASE WHEN strlen({column}) <= {MAX_TEXT_LENGTH} THEN false ELSE len({column}) > {MAX_TEXT_LENGTH} END "
        f"THEN {reason('text_too_long', column)} "
        for column in columns
    )


def amount_checks(column: str, *, required: bool = True) -> str:
    """WHEN … THEN branches by the grammar of amounts (`money.AMOUNT_PATTERN`)."""
    given = "" if required else f"{column} <> '' AND "
    return (
        f"WHEN {given}NOT regexp_full_match({column}, '{AMOUNT_PATTERN}') THEN CASE "
        f"WHEN regexp_full_match({column}, '{AMOUNT_DECIMALS_PATTERN}') THEN {reason('amount_decimals', column)} "
        f"WHEN regexp_full_match({column}, '{AMOUNT_RANGE_PATTERN}') THEN {reason('amount_range', column)} "
        f"ELSE {reason('amount_syntax', column)} END "
    )


def micros(column: str) -> str:
    """The micros of an amount column as BIGINT; NULL where the text is no amount. Exact: DECIMAL all the way.

    The grammar allows 12 digits before the point and 6 after it: 18, which are quick; but 24 once multiplied, which
    take several times as long and which few amounts need.
    """
    amount = f"CAST({column} AS DECIMAL(18, 6))"
    return (
        f"CASE WHEN NOT regexp_full_match({column}, '{AMOUNT_PATTERN}') THEN NULL "
        f"WHEN {amount} BETWEEN -999999 AND 999999 THEN CAST({amount} * 1000000 AS BIGINT) "
        f"ELSE CAST(CAST({amount} AS DECIMAL(38, 6)) * 1000000 AS BIGINT) END"
    )


def number_checks(column: str, code: str) -> str:
    """WHEN … THEN branches for an optional number from 0 up, in the grammar of amounts."""
    return (
        f"WHEN CASE WHEN {column} IN ('', '1') THEN false "
        f"ELSE NOT regexp_full_match({column}, '{AMOUNT_PATTERN}') OR starts_with({column}, '-') END "
        f"THEN {reason(code, column)} "
    )


def currency_checks(column: str, *, required: bool = True) -> str:
    known = ", ".join(f"'{code}'" for code in CURRENCIES)
    given = "" if required else f"{column} <> '' AND "
    return f"WHEN {given}{column} NOT IN ({known}) THEN {reason('currency_unknown', column)} "


def instant_us(column: str) -> str:
    """Microseconds since 1970 in UTC; NULL where the text is no possible instant."""
    return (
        f"CASE WHEN regexp_full_match({column}, '{INSTANT_IN_RANGE_PATTERN}') "
        f"THEN epoch_us(TRY_CAST({column} AS TIMESTAMPTZ)) END"
    )


def instant_checks(column: str, latest_us: int) -> str:
    """WHEN … THEN branches for an instant not after `latest_us`."""
    return (
        f"WHEN regexp_full_match({column}, '{NAIVE_PATTERN}') THEN {reason('time_naive', column)} "
        f"WHEN NOT regexp_full_match({column}, '{INSTANT_PATTERN}') THEN {reason('time_syntax', column)} "
        f"WHEN {instant_us(column)} IS NULL THEN {reason('time_impossible', column)} "
        f"WHEN {instant_us(column)} > {latest_us} THEN {reason('time_future', column)} "
    )


def day(column: str) -> str:
    """A calendar day as DATE; NULL where the text is none."""
    return f'CASE WHEN regexp_full_match("{column}", \'{DAY_IN_RANGE_PATTERN}\') THEN TRY_CAST("{column}" AS DATE) END'


def day_checks(column: str, *, required: bool = True, latest: date | None = None) -> str:
    """WHEN … THEN branches for a calendar day of the years 1970 to 9998, not after `latest`."""
    given = "" if required else f"\"{column}\" <> '' AND "
    late = f"WHEN \"{column}\" > '{latest}' THEN {reason('day_future', column)} " if latest else ""
    return (
        f"WHEN {given}NOT regexp_full_match(\"{column}\", '{DAY_PATTERN}') THEN {reason('day_syntax', column)} "
        f"WHEN {given}{day(column)} IS NULL THEN {reason('day_impossible', column)} {late}"
    )


def period_checks(start: str, end: str, *, latest: date | None = None, open_end: bool = False) -> str:
    """WHEN … THEN branches for days from `start`, not after `latest`, to before `end`, which may be blank if
    `open_end`."""
    given = f"\"{end}\" <> '' AND " if open_end else ""
    return (
        day_checks(start, latest=latest)
        + day_checks(end, required=not open_end)
        + f'WHEN {given}"{end}" <= "{start}" THEN {reason("period_empty", end)} '
    )


def part_checks(column: str, code: str, *, zero: bool) -> str:
    """WHEN … THEN branches for a part of a whole: a number from 0 (included or not) to 1, at most 6 decimals."""
    none = "" if zero else f" OR {micros(column)} = 0"
    return f"WHEN NOT regexp_full_match({column}, '{PART_PATTERN}'){none} THEN {reason(code, column)} "


def is_plain(identifier: str) -> bool:
    """An id of ASCII alone: it looks like nothing else."""
    return identifier.isascii()


def looks_like(identifier: str) -> str:
    """What an id looks like: compatibility forms resolved (NFKC), letters of other scripts replaced by their Latin
    look-alikes (Unicode's confusables, UTS 39). An id of ASCII looks like itself."""
    return "".join(_look(sign) for sign in unicodedata.normalize("NFKC", identifier))


@cache
def _look(sign: str) -> str:
    if sign.isascii():
        return sign
    from confusable_homoglyphs import confusables  # only now: it reads a large table

    alike = [entry["c"] for entry in confusables.confusables_data.get(sign, [])]
    single = [unicodedata.normalize("NFKC", other) for other in alike]
    ascii_ones = [other for other in single if len(other) == 1 and other.isascii()]
    if ascii_ones:
        return min(ascii_ones, key=lambda other: (not other.isalpha(), other.isupper() != sign.isupper(), other))
    return min([sign, *(other for other in single if len(other) == 1)])
