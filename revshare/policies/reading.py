"""Reads values out of a policy's tables, and says which key is wrong. Pure."""

from datetime import date, datetime
from fractions import Fraction
from typing import Any

from revshare.errors import Refused
from revshare.money import BadAmount, BadShare, parse_amount_micros, parse_share


class BadPolicy(Refused):
    """The policy file does not say what a policy must say."""

    code = "policy_invalid"


def only(data: dict[str, Any], known: set[str], where: str) -> None:
    """A key nobody knows is an error: a typing mistake would otherwise quietly change what people are paid."""
    if unknown := sorted(data.keys() - known):
        raise BadPolicy(f"{where} has keys that are not known: {', '.join(unknown)}.")


def string(data: dict[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise BadPolicy(f"{where} needs {key} as text in quotes (found {value!r}).")
    return value


def one_of(data: dict[str, Any], key: str, allowed: tuple[str, ...], where: str, *, default: str = "") -> str:
    if default and key not in data:
        return default
    value = string(data, key, where)
    if value not in allowed:
        raise BadPolicy(f"{where} {key} is {value!r}; it can be {' or '.join(allowed)}.")
    return value


def share(data: dict[str, Any], key: str, where: str) -> Fraction:
    """A percentage in quotes, as an exact fraction from 0 to 1."""
    try:
        return parse_share(string(data, key, where))
    except BadShare as error:
        raise BadPolicy(f"{where} {key}: {error}.") from None


def optional_share(data: dict[str, Any], key: str, where: str) -> Fraction:
    return share(data, key, where) if key in data else Fraction(0)


def amount_micros(data: dict[str, Any], key: str, where: str) -> int:
    """An amount from zero up, in quotes, in micros; 0 if it is not there."""
    if key not in data:
        return 0
    try:
        micros = parse_amount_micros(string(data, key, where))
    except BadAmount as error:
        raise BadPolicy(f"{where} {key}: {error}.") from None
    if micros < 0:
        raise BadPolicy(f"{where} {key} must not be negative.")
    return micros


def whole(data: dict[str, Any], key: str, where: str) -> int:
    """A whole number from zero up; 0 if it is not there."""
    value = data.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**12:
        raise BadPolicy(f"{where} {key} must be a whole number (found {value!r}).")
    return value


def yes_or_no(data: dict[str, Any], key: str, where: str, *, default: bool) -> bool:
    value = data.get(key, default)
    if not isinstance(value, bool):
        raise BadPolicy(f"{where} {key} must be true or false, without quotes (found {value!r}).")
    return value


def day(data: dict[str, Any], key: str, where: str) -> date | None:
    """A TOML date such as 2026-07-01, without quotes; None if it is not there."""
    value = data.get(key)
    if value is not None and (isinstance(value, datetime) or not isinstance(value, date)):
        raise BadPolicy(f"{where} {key} must be a date such as 2026-07-01, without quotes (found {value!r}).")
    return value


def table(data: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    """A table of its own; empty if it is not there."""
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise BadPolicy(f"{where} {key} must be a table.")
    return value


def tables(data: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """A list of tables (`[[…]]`); empty if it is not there."""
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadPolicy(f"{where} {key} must be tables in double brackets.")
    return value


def texts(data: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """A list of texts, none twice; empty if it is not there."""
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item.isprintable() for item in value):
        raise BadPolicy(f"{where} {key} must be a list of texts in quotes.")
    if len(set(value)) < len(value):
        raise BadPolicy(f"{where} {key} names something twice.")
    return tuple(value)


def percent(fraction: Fraction) -> str:
    """As people write it: 1/5 is `20%`, 1/8 is `12.5%`. Exact, since a share has at most 6 decimals of a percent."""
    hundredths, rest = divmod(fraction * 100 * 10**6, 1)
    assert not rest, fraction
    units, decimals = divmod(int(hundredths), 10**6)
    return f"{units}.{decimals:06d}".rstrip("0").rstrip(".") + "%"
