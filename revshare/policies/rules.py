"""What a policy file says. Pure."""

import tomllib
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from revshare.errors import Refused
from revshare.money import BadShare, parse_share
from revshare.policies.payout_rules import PayoutTerms, parse_payout

POOLINGS = ("per_model", "single")
ALLOCATIONS = ("asset_count",)
DEFAULT = "default"


class BadPolicy(Refused):
    """The policy file does not say what a policy must say."""

    code = "policy_invalid"


@dataclass(frozen=True)
class Terms:
    """One rule table: for one stream, or (`default`) for all streams without a table of their own."""

    table: str
    share: Fraction
    share_text: str
    pooling: str
    allocation: str

    @property
    def words(self) -> str:
        """The rule in words, as it stands on statements."""
        scope = "all dataset versions" if self.pooling == "single" else "the model's dataset versions"
        return f"{self.share_text} of net sales × (your assets ÷ all assets in {scope})"


@dataclass(frozen=True)
class Rulebook:
    """A parsed policy."""

    name: str
    version: str
    tables: dict[str, Terms]
    payout: PayoutTerms = field(default_factory=PayoutTerms)

    def terms_for(self, stream: str) -> Terms | None:
        """The table of a stream; None if the policy does not cover it."""
        return self.tables.get(stream) or self.tables.get(DEFAULT)


def parse(text: str) -> Rulebook:
    """Reads a policy. Raises BadPolicy with the key that is wrong; a key nobody knows is an error too, since a typing
    mistake would otherwise quietly change what people are paid."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # besides bad TOML: numbers of thousands of digits, deep nesting
        raise BadPolicy(f"The policy is not valid TOML: {error}.") from None
    _only(data, {"name", "version", "streams", "payout"}, "the policy")
    name, version = _string(data, "name", "the policy"), _string(data, "version", "the policy")
    streams = data.get("streams")
    if not isinstance(streams, dict) or not streams:
        raise BadPolicy("The policy has no [streams.default] or other [streams.…] table.")
    terms = {table: _terms(table, content) for table, content in streams.items()}
    return Rulebook(name, version, terms, parse_payout(data.get("payout")))


def _terms(table: str, content: Any) -> Terms:
    where = f"[streams.{table}]"
    if not isinstance(content, dict):
        raise BadPolicy(f"{where} must be a table.")
    _only(content, {"contributor_share", "pooling", "allocation"}, where)
    share_text = _string(content, "contributor_share", where)
    try:
        share = parse_share(share_text)
    except BadShare as error:
        raise BadPolicy(f"{where} contributor_share: {error}.") from None
    return Terms(
        table=table, share=share, share_text=share_text,
        pooling=_one_of(content, "pooling", POOLINGS, where),
        allocation=_one_of(content, "allocation", ALLOCATIONS, where),
    )  # fmt: skip


def _only(data: dict[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(data.keys() - known):
        raise BadPolicy(f"{where} has keys that are not known: {', '.join(unknown)}.")


def _string(data: dict[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise BadPolicy(f"{where} needs {key} as text in quotes (found {value!r}).")
    return value


def _one_of(data: dict[str, Any], key: str, allowed: tuple[str, ...], where: str) -> str:
    value = _string(data, key, where)
    if value not in allowed:
        raise BadPolicy(f"{where} {key} is {value!r}; it can be {' or '.join(allowed)}.")
    return value
