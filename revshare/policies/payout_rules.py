"""The table `[payout]` of a policy: from which balance on somebody is paid. Pure.

```toml
[payout]
minimum = {GBP = "35.00", USD = "50.00"}   # by currency
default_minimum = "25.00"                  # in all others; "0" if left out
hold_new_payee_days = 14                   # from the day on which a contributor was first told of; 0 if left out
```
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from revshare.errors import Refused
from revshare.money import BadAmount, is_currency, parse_amount_micros

MOST_DAYS = 3650
KEYS = {"minimum", "default_minimum", "hold_new_payee_days"}


class BadPayoutTerms(Refused):
    """The table does not say what it must say."""

    code = "policy_invalid"


@dataclass(frozen=True)
class PayoutTerms:
    """When a balance is paid."""

    minimums_micros: Mapping[str, int] = field(default_factory=dict)
    default_minimum_micros: int = 0
    hold_new_payee_days: int = 0

    def minimum_micros(self, currency: str) -> int:
        return self.minimums_micros.get(currency, self.default_minimum_micros)


def parse_payout(content: Any) -> PayoutTerms:
    """Reads the table; None is no table. Raises BadPayoutTerms with the key that is wrong."""
    if content is None:
        return PayoutTerms()
    if not isinstance(content, dict):
        raise BadPayoutTerms("[payout] must be a table.")
    if unknown := sorted(content.keys() - KEYS):
        raise BadPayoutTerms(f"[payout] has keys that are not known: {', '.join(unknown)}.")
    minimums = content.get("minimum", {})
    if not isinstance(minimums, dict):
        raise BadPayoutTerms('[payout] minimum must be a table of currencies, such as {GBP = "35.00"}.')
    for currency in minimums:
        if not is_currency(currency):
            raise BadPayoutTerms(f"[payout] minimum names {currency!r}, which is not an active ISO 4217 currency.")
    days = content.get("hold_new_payee_days", 0)
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= MOST_DAYS:
        raise BadPayoutTerms(f"[payout] hold_new_payee_days must be a whole number from 0 to {MOST_DAYS}.")
    return PayoutTerms(
        minimums_micros={code: _amount(text, f"minimum.{code}") for code, text in minimums.items()},
        default_minimum_micros=_amount(content.get("default_minimum", "0"), "default_minimum"),
        hold_new_payee_days=days,
    )


def _amount(value: Any, key: str) -> int:
    try:
        micros = parse_amount_micros(value) if isinstance(value, str) else -1
    except BadAmount as error:
        raise BadPayoutTerms(f"[payout] {key}: {error}.") from None
    if micros < 0:
        raise BadPayoutTerms(
            f'[payout] {key} must be an amount from 0 up in quotes, such as "35.00" (found {value!r}).'
        )
    return micros
