"""The ISO 4217 table against CLDR's data as babel carries it; every difference is listed here with its reason."""

from __future__ import annotations

from datetime import date

import pytest
from babel.core import get_global
from babel.numbers import get_currency_precision, list_currencies

from revshare import currencies
from revshare.currencies import CURRENCIES, LIST_ONE_PUBLISHED, UnknownCurrency, is_currency, minor_digits

# CLDR gives the decimals that are customary in cash and on price tags; ISO 4217 gives the minor unit that exists and
# that payment files use. Where a currency's small coins are worthless, CLDR says 0 and ISO still says 2 or 3.
CUSTOMARY_DECIMALS_DIFFER = {
    "AFN": (2, 0), "ALL": (2, 0), "IQD": (3, 0), "IRR": (2, 0), "KPW": (2, 0), "LAK": (2, 0), "LBP": (2, 0),
    "MGA": (2, 0), "MMK": (2, 0), "RSD": (2, 0), "SOS": (2, 0), "SYP": (2, 0), "YER": (2, 0),
}  # fmt: skip

# CLDR does not know these as currencies at all.
UNKNOWN_TO_CLDR = {
    "XAD",  # Arab Accounting Dinar, of the Arab Monetary Fund
}

# In use by CLDR, but not in the table.
NOT_IN_THE_TABLE = {
    "BGN": "Bulgarian lev: withdrawn 2026-01-01 with the euro; this CLDR is older",
    "CNH": "offshore renminbi: a market code that ISO never issued",
    "XAG": "silver", "XAU": "gold", "XPD": "palladium", "XPT": "platinum",
    "XBA": "bond unit", "XBB": "bond unit", "XBC": "bond unit", "XBD": "bond unit",
    "XDR": "special drawing right: no minor unit", "XSU": "sucre, a unit of account: no minor unit",
    "XUA": "unit of account of the African Development Bank: no minor unit",
    "XTS": "for tests", "XXX": "no currency",
}  # fmt: skip

# In the table, but no longer in use by CLDR.
ENDED_IN_CLDR = {
    "SVC": "Salvadoran colón: CLDR ended it in 2001 with the dollar, ISO has kept the code",
}


def in_use_by_cldr() -> set[str]:
    """Codes that some territory uses, by CLDR, on the day the ISO list was published."""
    day = date.fromisoformat(LIST_ONE_PUBLISHED)
    return {
        code
        for uses in get_global("territory_currencies").values()
        for code, _, ended, _ in uses
        if ended is None or date(*ended) >= day
    }


def test_codes_are_those_of_cldr_but_for_the_listed_differences() -> None:
    known = set(list_currencies())
    assert {code for code in CURRENCIES if code not in known} == UNKNOWN_TO_CLDR
    used = in_use_by_cldr()
    assert used - CURRENCIES.keys() == NOT_IN_THE_TABLE.keys()
    assert CURRENCIES.keys() - used - UNKNOWN_TO_CLDR == ENDED_IN_CLDR.keys()


def test_minor_digits_are_those_of_cldr_but_for_the_listed_differences() -> None:
    differing = {
        code: (digits, get_currency_precision(code))
        for code, digits in CURRENCIES.items()
        if digits != get_currency_precision(code)
    }
    assert differing == CUSTOMARY_DECIMALS_DIFFER


def test_the_table_has_the_shape_of_list_one() -> None:
    assert len(CURRENCIES) == 165
    assert sum(len(codes.split()) for codes in currencies._CODES_BY_MINOR_DIGITS.values()) == 165  # none twice
    assert list(CURRENCIES) == sorted(CURRENCIES)
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
    assert set(CURRENCIES.values()) == {0, 2, 3, 4}
    with pytest.raises(TypeError):
        CURRENCIES["BTC"] = 8  # type: ignore[index]


@pytest.mark.parametrize(("code", "digits"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("UYW", 4), ("XCG", 2), ("ISK", 0)])
def test_known_codes(code: str, digits: int) -> None:
    assert is_currency(code)
    assert minor_digits(code) == digits


@pytest.mark.parametrize(
    "code", ["", "usd", "USD ", " USD", "US", "USDT", "XXX", "XTS", "XAU", "ＵＳＤ", "BTC", "USD\n"]
)
def test_other_codes(code: str) -> None:
    assert not is_currency(code)
    with pytest.raises(UnknownCurrency):
        minor_digits(code)
