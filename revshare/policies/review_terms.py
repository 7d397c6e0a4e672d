"""The table `[review]` of a policy: from where on something unusual in a cycle blocks its approval. Pure. Every key may
be left out; these are the values that hold then:

```toml
[review]
score = "3.5"                  # robust deviations from the median
material = "1%"                # of a currency's total: smaller changes are left alone
least_contributors = 30        # fewer in a currency are not compared with each other
least_cycles = 6               # with fewer earlier cycles there is no history to be far from
one_contributor = "10%"        # of a currency's earnings
top_hundredth = "50%"          # the best paid hundredth's part of them
concentration_growth = "5%"    # of them, beside the last cycle
buyer = "5%"                   # of net sales: customers, models and files with less are left alone
assets_factor = 2              # times as many assets as in the last cycle
assets_part = "0.5%"           # of all assets, that came to one contributor
without = []                   # rules that are off: contributors, pools, concentration, sales, assets
```
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from revshare.money import MICROS_PER_UNIT, format_micros
from revshare.policies import reading
from revshare.policies.reading import BadPolicy, percent

CONTRIBUTORS, POOLS, CONCENTRATION, SALES, ASSETS = "contributors", "pools", "concentration", "sales", "assets"
RULES = (CONTRIBUTORS, POOLS, CONCENTRATION, SALES, ASSETS)
WHERE = "[review]"
SHARES = ("material", "one_contributor", "top_hundredth", "concentration_growth", "buyer", "assets_part")
NUMBERS = ("least_contributors", "least_cycles", "assets_factor")


@dataclass(frozen=True)
class ReviewTerms:
    """When something is unusual enough to be looked at by a person."""

    score: Fraction = Fraction(7, 2)
    material: Fraction = Fraction(1, 100)
    least_contributors: int = 30
    least_cycles: int = 6
    one_contributor: Fraction = Fraction(1, 10)
    top_hundredth: Fraction = Fraction(1, 2)
    concentration_growth: Fraction = Fraction(1, 20)
    buyer: Fraction = Fraction(1, 20)
    assets_factor: int = 2
    assets_part: Fraction = Fraction(1, 200)
    without: tuple[str, ...] = ()

    def applies(self, rule: str) -> bool:
        return rule not in self.without

    @property
    def sentences(self) -> list[str]:
        score = format_micros(int(self.score * MICROS_PER_UNIT)).rstrip("0").rstrip(".")
        said = [
            f"A change that is more than {score} robust deviations from the median and at least "
            f"{percent(self.material)} of a currency's total blocks the approval of a cycle until an approver says why "
            "it is right.",
            f"So does a contributor who comes to get more than {percent(self.one_contributor)}, and a best paid "
            f"hundredth that comes to get more than {percent(self.top_hundredth)}.",
        ]
        return said + [f"Not looked at: {', '.join(self.without)}."] * bool(self.without)


def read_review(data: dict[str, Any]) -> ReviewTerms:
    """Reads the table; without one, or where a key is missing, the usual values hold. Raises BadPolicy."""
    given = reading.table(data, "review", "the policy")
    reading.only(given, {"score", *SHARES, *NUMBERS, "without"}, WHERE)
    values: dict[str, Any] = {name: reading.share(given, name, WHERE) for name in SHARES if name in given}
    values |= {name: reading.whole(given, name, WHERE) for name in NUMBERS if name in given}
    if any(values.get(name) == 0 for name in NUMBERS):
        raise BadPolicy(f"{WHERE} {', '.join(NUMBERS)} must be 1 or more.")
    if "score" in given:
        values["score"] = Fraction(reading.amount_micros(given, "score", WHERE), MICROS_PER_UNIT)
        if not values["score"]:
            raise BadPolicy(f'{WHERE} score must be more than 0, such as "3.5".')
    without = reading.texts(given, "without", WHERE)
    if unknown := sorted(set(without) - set(RULES)):
        raise BadPolicy(f"{WHERE} without names {', '.join(unknown)}; the rules are {', '.join(RULES)}.")
    return ReviewTerms(**values, without=without)
