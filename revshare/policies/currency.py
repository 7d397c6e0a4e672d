"""Which currency a policy's pools are in, and at which rates sales in others come there. Pure."""

from dataclasses import dataclass
from typing import Any

from revshare.currencies import is_currency
from revshare.policies import reading
from revshare.policies.reading import BadPolicy

DAY, PERIOD_END, AVERAGE = "day", "period_end", "average"
RATES = (DAY, PERIOD_END, AVERAGE)
KEYS = {"pools", "rate", "source", "max_age_days"}
MAX_AGE_DAYS = 31


@dataclass(frozen=True)
class Currency:
    """`rate`: of the day of each sale, of the last day of the cycle, or the average of its days. `source`: whose rates
    count; blank: anybody's. `max_age_days`: a day without a rate takes one that is at most so many days older, as on
    weekends; 0: it must be the day's own."""

    pools: str
    rate: str
    source: str = ""
    max_age_days: int = 0

    @property
    def words(self) -> str:
        """As it stands in the rule of every pool in that currency."""
        when = {DAY: "each sale's day", PERIOD_END: "the last day of the period", AVERAGE: "the period's average"}
        source = f" ({self.source})" if self.source else ""
        return f"sales in other currencies in {self.pools} at the rate of {when[self.rate]}{source}"

    @property
    def sentences(self) -> list[str]:
        said = [f"All pools are in {self.pools}: {self.words}."]
        if self.rate == DAY:
            said.append("A refund takes the rate of its sale if both are in one cycle, else that of its own day.")
        if self.max_age_days:
            said.append(f"A day without a rate takes the latest one of the {self.max_age_days} days before it.")
        return said


def read_currency(data: dict[str, Any]) -> Currency | None:
    """Reads the table `[currency]`; None if there is none: each sale's currency is that of its pool. Raises
    BadPolicy."""
    if "currency" not in data:
        return None
    where = "[currency]"
    given = reading.table(data, "currency", "the policy")
    reading.only(given, KEYS, where)
    pools = reading.string(given, "pools", where)
    if not is_currency(pools):
        raise BadPolicy(f"{where} pools is {pools!r}; it must be a currency of ISO 4217 such as USD.")
    rate = reading.one_of(given, "rate", RATES, where)
    source = reading.string(given, "source", where) if "source" in given else ""
    max_age_days = reading.whole(given, "max_age_days", where)
    if max_age_days > MAX_AGE_DAYS:
        raise BadPolicy(f"{where} max_age_days can be {MAX_AGE_DAYS} at most: an older rate is no rate of that day.")
    if max_age_days and rate == AVERAGE:
        raise BadPolicy(f'{where} has max_age_days, for which rate = "average" has no use: leave it out.')
    return Currency(pools, rate, source, max_age_days)
