"""What a policy file says. Pure."""

import tomllib
from dataclasses import dataclass, field

from revshare.policies.currency import Currency, read_currency
from revshare.policies.deductions import Recoupment, Reserve, read_recoupment, read_reserve
from revshare.policies.eligibility import Eligibility, read_eligibility
from revshare.policies.payout_rules import PayoutTerms, parse_payout
from revshare.policies.reading import BadPolicy, only, string
from revshare.policies.review_terms import ReviewTerms, read_review
from revshare.policies.terms import Terms, read_terms

__all__ = ["BadPolicy", "Rulebook", "Terms", "parse"]

DEFAULT = "default"
KEYS = {"name", "version", "streams", "eligibility", "payout", "currency", "recoupment", "reserve", "review"}


@dataclass(frozen=True)
class Rulebook:
    """A parsed policy."""

    name: str
    version: str
    tables: dict[str, Terms]
    eligibility: Eligibility = field(default_factory=Eligibility)
    payout: PayoutTerms = field(default_factory=PayoutTerms)
    currency: Currency | None = None  # none: pools are in the currencies of their sales
    recoupment: Recoupment | None = None  # none: nothing is taken back of what somebody owes
    reserve: Reserve | None = None  # of streams that have none of their own
    review: ReviewTerms = field(default_factory=ReviewTerms)

    def terms_for(self, stream: str) -> Terms | None:
        """The table of a stream; None if the policy does not cover it."""
        return self.tables.get(stream) or self.tables.get(DEFAULT)

    @property
    def reserves(self) -> dict[str, Reserve]:
        """What is kept, by the tables of streams that have a reserve of their own; '': of all others."""
        own = {name: terms.reserve for name, terms in sorted(self.tables.items()) if terms.reserve}
        return ({"": self.reserve} if self.reserve else {}) | own

    @property
    def sentences(self) -> dict[str, list[str]]:
        """The policy in plain language: by stream (`default`: all others), then `eligibility`; and `currency`,
        `recoupment`, `reserve` and `review` if it has these tables."""
        said = {table: terms.sentences for table, terms in sorted(self.tables.items())}
        said |= {"eligibility": self.eligibility.sentences}
        review = self.review if self.review != ReviewTerms() else None
        others = {
            "currency": self.currency, "recoupment": self.recoupment, "reserve": self.reserve, "review": review,
        }  # fmt: skip
        return said | {name: table.sentences for name, table in others.items() if table}


def parse(text: str) -> Rulebook:
    """Reads a policy. Raises BadPolicy with the key that is wrong."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # besides bad TOML: numbers of thousands of digits, deep nesting
        raise BadPolicy(f"The policy is not valid TOML: {error}.") from None
    only(data, KEYS, "the policy")
    name, version = string(data, "name", "the policy"), string(data, "version", "the policy")
    streams = data.get("streams")
    if not isinstance(streams, dict) or not streams:
        raise BadPolicy("The policy has no [streams.default] or other [streams.…] table.")
    tables = {table: read_terms(table, content) for table, content in streams.items()}
    return Rulebook(
        name, version, tables, read_eligibility(data), parse_payout(data.get("payout")), read_currency(data),
        read_recoupment(data), read_reserve(data), read_review(data),
    )  # fmt: skip
