"""Which records of a manifest earn: by licence, media type, origin and consent. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from revshare.policies import reading

PAY, EXCLUDE, HOLD, COMMONS = "pay", "exclude", "hold", "commons"
KEYS = {
    "licences", "excluded_licences", "media_types", "excluded_contributors", "commons_licences", "commons_contributors",
    "opted_out", "commons_fund",
}  # fmt: skip


@dataclass(frozen=True)
class RecordClass:
    """What decides whether a record earns, besides whose it is. All blank: nothing is said."""

    licence: str = ""
    ai_generated: bool = False
    media_type: str = ""
    opted_out: bool = False


@dataclass(frozen=True)
class Eligibility:
    """Assets made by a machine never earn; the rest is as the policy says. Empty lists restrict nothing."""

    licences: tuple[str, ...] = ()
    excluded_licences: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    excluded_contributors: tuple[str, ...] = ()
    commons_licences: tuple[str, ...] = ()
    commons_contributors: tuple[str, ...] = ()
    opted_out: str = EXCLUDE
    commons_fund: str = ""  # what people call it

    @property
    def tells_classes_apart(self) -> bool:
        """Whether it asks what records say of their licence or medium."""
        return bool(self.licences or self.excluded_licences or self.media_types or self.commons_licences)

    def treatment(self, record: RecordClass) -> str:
        """What happens to the units of such records: `pay` whoever holds them, `exclude` them from the pool as if they
        were not there, `hold` their money, or give it to the `commons` fund. The first that applies, in this order:
        made by a machine, excluded licence or media type, opted out, commons licence."""
        if record.ai_generated or record.licence in self.excluded_licences:
            return EXCLUDE
        if self.media_types and record.media_type not in self.media_types:
            return EXCLUDE
        if record.opted_out and self.opted_out != PAY:
            return self.opted_out
        if record.licence in self.commons_licences:
            return COMMONS
        return PAY if not self.licences or record.licence in self.licences else EXCLUDE

    def treatments(self, classes: Iterable[RecordClass]) -> dict[RecordClass, str]:
        return {record: self.treatment(record) for record in classes}

    @property
    def sentences(self) -> list[str]:
        said = ["Assets made by a machine earn nothing."]
        if self.licences:
            said.append(f"Only assets under these licences earn: {_listed(self.licences)}.")
        if self.excluded_licences:
            said.append(f"Assets under these licences earn nothing: {_listed(self.excluded_licences)}.")
        if self.media_types:
            said.append(f"Only these kinds of media earn: {_listed(self.media_types)}.")
        if self.excluded_contributors:
            said.append(f"Placeholders that stand for nobody get nothing: {_listed(self.excluded_contributors)}.")
        if self.commons_licences or self.commons_contributors:
            listed = _listed(self.commons_licences + self.commons_contributors)
            said.append(f"What these would earn goes to the commons fund: {listed}.")
        if self.commons_fund:
            said.append(f"The commons fund is: {self.commons_fund}.")
        return [*said, _OPTED_OUT[self.opted_out]]


_OPTED_OUT = {
    PAY: "Assets opted out before a dataset version was frozen, and in it all the same, are paid for.",
    HOLD: "Money for assets opted out before a dataset version was frozen, and in it all the same, is held.",
    EXCLUDE: "Assets opted out before a dataset version was frozen do not count, even if they are in it.",
}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(name or "(none given)" for name in names)


def read_eligibility(data: dict[str, Any]) -> Eligibility:
    """Reads the table `[eligibility]`. Raises BadPolicy."""
    where = "[eligibility]"
    given = reading.table(data, "eligibility", "the policy")
    reading.only(given, KEYS, where)
    lists = {key: reading.texts(given, key, where) for key in sorted(KEYS - {"opted_out", "commons_fund"})}
    result = Eligibility(
        **lists, opted_out=reading.one_of(given, "opted_out", (PAY, HOLD, EXCLUDE), where, default=EXCLUDE),
        commons_fund=reading.string(given, "commons_fund", where) if "commons_fund" in given else "",
    )  # fmt: skip
    both = {*result.licences, *result.commons_licences} & {*result.excluded_licences}
    both |= {*result.excluded_contributors} & {*result.commons_contributors}
    if both:
        raise reading.BadPolicy(f"{where} both excludes and counts {_listed(sorted(both))}.")
    return result
