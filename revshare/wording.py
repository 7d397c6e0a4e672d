"""Languages, and numbers and days as their readers write them. The words themselves are in `locale/`.

The language is the one that is active (`django.utils.translation`): English for commands and files of a whole cycle;
the reader's for pages, letters and single statements. Nothing here rounds.
"""

from datetime import date, datetime, timedelta
from functools import cache, lru_cache

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import get_currency_symbol
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from revshare.money import format_micros, group_digits
from revshare.periods import zone

# Each under its own name; a new one needs a locale here and a catalogue in `locale/`.
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ja": "日本語"}
LOCALES = {"en": "en_GB", "de": "de_DE", "fr": "fr_FR", "es": "es_ES", "ja": "ja_JP"}
MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def language() -> str:
    """The language of the words, one of LANGUAGES."""
    active = (get_language() or "en")[:2]
    return active if active in LANGUAGES else "en"


def whole(number: int) -> str:
    """An integer with its digits grouped: `295,960`, in German `295.960`."""
    grouped = group_digits(number)
    now = language()
    return grouped if now == "en" else grouped.replace(",", _signs(now)[1])


def decimals(text: str) -> str:
    """Plain text of a number, as `format_micros` writes it, with its digits grouped."""
    units, point, rest = text.partition(".")
    return whole(int(units)) + (_signs(language())[0] if point else "") + rest


def percent(text: str) -> str:
    """Plain text of a number of hundredths: `12.5%`, in German `12,5 %`."""
    return decimals(text) + _percent_sign(language())


def decimal_sign() -> str:
    return _signs(language())[0]


def money_exact(micros: int, currency: str) -> str:
    """All of an amount, to the last micro that is not zero: `£168,110.714219`, `−$0.0069`, `CHF 12.00`; in German
    `168.110,714219 £`."""
    sign = MINUS if micros < 0 else ""
    before, after = _around(currency, language())
    return f"{sign}{before}{decimals(format_micros(abs(micros), currency))}{after}"


def day(on: date) -> str:
    """`1 November 2011`; in Japanese `2011年11月1日`."""
    return _day(on, language())


def period(first: date, end: date) -> str:
    """The days from `first` up to the day before `end`: `1 November 2011 to 30 November 2011`."""
    last = end - timedelta(days=1)
    if first == last:
        return day(first)
    return _("%(first)s to %(last)s") % {"first": day(first), "last": day(last)}


def month(first: date, end: date) -> str:
    """The same, short: `Nov 2011` where it begins in one month and ends with it, else its last day."""
    last = end - timedelta(days=1)
    skeleton = "MMM y" if first.month == last.month and language() != "ja" else "d MMM y"
    if language() == "ja":
        skeleton = "y年M月" if first.month == last.month else "y年M月d日"
    return format_date(last, skeleton, locale=LOCALES[language()])


def instant(at: datetime, timezone: str = "UTC") -> str:
    """A day and a time, its time zone named: `1 November 2011, 14:05 UTC`; in Japanese `2011年11月1日 14:05 UTC`."""
    local = at.astimezone(zone(timezone))
    clock = format_datetime(local, "HH:mm", locale=LOCALES[language()])
    comma = "" if language() == "ja" else ","
    return f"{day(local.date())}{comma} {clock} {timezone}"


@cache
def _signs(code: str) -> tuple[str, str]:
    """The decimal sign and the sign between groups of digits."""
    signs = Locale.parse(LOCALES[code]).number_symbols["latn"]
    return signs["decimal"], signs["group"]


@cache
def _percent_sign(code: str) -> str:
    """With the space before it, where there is one."""
    return str(Locale.parse(LOCALES[code]).percent_formats[None].suffix[0])


@cache
def _around(currency: str, code: str) -> tuple[str, str]:
    """What stands before and after the digits: in English the symbol of this currency alone (`£`, `A$`) or the code."""
    if code == "en":
        symbol = get_currency_symbol(currency, locale="en")
        return (f"{currency}{NO_BREAK_SPACE}" if symbol == currency or symbol[-1].isalpha() else symbol), ""
    symbol = get_currency_symbol(currency, locale=LOCALES[code])
    pattern = Locale.parse(LOCALES[code]).currency_formats["standard"].pattern.partition(";")[0]
    if pattern.startswith("¤"):
        return (f"{currency}{NO_BREAK_SPACE}" if symbol[-1].isalpha() else symbol), ""
    return "", f"{NO_BREAK_SPACE}{symbol}"


@lru_cache(maxsize=1024)  # a cycle has two or three days, and a million statements
def _day(on: date, code: str) -> str:
    return format_date(on, "long", locale=LOCALES[code])
