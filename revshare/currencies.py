"""ISO 4217 currency codes with the decimals of their minor unit, as a constant table.

Source: ISO 4217 List One, "current currency & funds code list", as published on 2026-01-01 by SIX, its maintenance
agency. All 165 codes that have a minor unit are in. The 13 with "N.A." there are out, since no payment can be made in
them: metals (XAG XAU XPD XPT), bond units (XBA XBB XBC XBD), units of account of institutions (XDR XSU XUA), the code
for tests (XTS) and that for no currency (XXX).

Codes withdrawn before that date are out too, such as BGN (Bulgaria joined the euro on 2026-01-01) and ANG (XCG since).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIST_ONE_PUBLISHED = "2026-01-01"

_CODES_BY_MINOR_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
        MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG
        YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

CURRENCIES: Mapping[str, int] = MappingProxyType(
    dict(sorted((code, digits) for digits, codes in _CODES_BY_MINOR_DIGITS.items() for code in codes.split()))
)
"""Code → decimals of the minor unit (USD 2, JPY 0, KWD 3), in ascending order of code; read-only."""


class UnknownCurrency(ValueError):
    """The text is not the code of an active currency; codes are three capital ASCII letters."""


def is_currency(code: str) -> bool:
    """Whether `code`, exactly as written, is an active ISO 4217 currency; `usd` and ` USD` are not."""
    return code in CURRENCIES


def minor_digits(code: str) -> int:
    """Decimals of the minor unit of `code`: 2 for USD, 0 for JPY. Raises UnknownCurrency."""
    try:
        return CURRENCIES[code]
    except KeyError:
        raise UnknownCurrency(f"{code[:20]!r} is not an active ISO 4217 currency code") from None
