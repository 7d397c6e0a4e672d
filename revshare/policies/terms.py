"""One rule table of a policy: what share of which sales goes to whom, by which method. Pure."""

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

from revshare.money import format_micros
from revshare.policies import reading
from revshare.policies.deductions import Reserve, read_reserve
from revshare.policies.reading import BadPolicy, percent

POOLINGS = ("per_model", "single")
ASSETS = "assets"
WEIGHT = "weight"
OUTPUTS = "outputs"
MEASURE = "measure:"
DIRECTED = "directed:"
MIX = "mix:"
OVER = "over quota"
JOINT = " · "  # between the names of a pool's parts
ALLOCATIONS = {
    "asset_count": "each asset counts the same",
    "weighted": "each asset counts by the weight that its manifest gives it",
    "factors": "the pool is divided between several measures",
    "per_output": "what a sale's output is attributed to goes there, and the rest to all by assets",
    "by_usage": "customers' fees go to models as all customers together used them, and there by assets",
    "user_centric": "each customer's fee goes to the models that this customer used, and there by assets",
}
ROUTED = ("by_usage", "user_centric")
ROLES = ("style", "modified")
BASES = ("gross", "net")
KEYS = {
    "contributor_share", "pooling", "allocation", "base", "rates", "tiers", "factors", "directed", "commons", "cap",
    "floor", "min_assets", "reserve",
}  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """A share other than the table's own: for sales made from a day on, on a plan, or both. A plan's fee may cover a
    `quota` of units that a customer uses in a cycle; what it comes to beyond that is shared at `over`. `counts_use`:
    whether what is used by customers who have no other plan counts where fees go by all customers' use."""

    share: Fraction
    starts_on: date | None
    plan: str
    quota: int = 0  # 0: none
    over: Fraction = field(default=Fraction(0))
    counts_use: bool = True
    is_over: bool = False

    @property
    def label(self) -> str:
        since = f"from {self.starts_on}" if self.starts_on else ""
        return " ".join(part for part in (self.plan, since, OVER if self.is_over else "") if part)

    @property
    def beyond(self) -> "Rate":
        """The rate of what is used beyond the quota."""
        return replace(self, share=self.over, is_over=True)


@dataclass(frozen=True)
class Tier:
    """The share of what a pool takes in beyond `above_micros`, in whatever currency it is."""

    above_micros: int
    share: Fraction


@dataclass(frozen=True)
class Terms:
    """One rule table: for one stream, or (`default`) for all streams without a table of their own."""

    table: str
    share: Fraction
    share_text: str
    pooling: str
    allocation: str
    base: str = "gross"
    rates: tuple[Rate, ...] = ()
    tiers: tuple[Tier, ...] = ()
    factors: tuple[tuple[str, Fraction], ...] = ()  # measure and its part of the pool; these add up to 1
    directed: tuple[tuple[str, Fraction], ...] = ()  # role and its part of each sale, before the pool
    commons: Fraction = field(default=Fraction(0))
    cap: Fraction = field(default=Fraction(0))  # 0: none
    floor_micros: int = 0
    min_assets: int = 0
    reserve: Reserve | None = None  # none: that of the policy

    @property
    def measure(self) -> str:
        """What contributors are measured by where the pool is not divided."""
        return WEIGHT if self.allocation == "weighted" else ASSETS

    @property
    def is_limited(self) -> bool:
        return bool(self.cap or self.floor_micros)

    @property
    def is_routed(self) -> bool:
        return self.allocation in ROUTED

    @property
    def scope(self) -> str:
        return "all dataset versions" if self.pooling == "single" else "the model's dataset versions"

    def rate_for(self, *, day: date, plan: str) -> Rate | None:
        """The rate of a sale: of those that fit, one that names its plan before one that does not, then the latest.
        None: the table's own share."""
        fit = [r for r in self.rates if r.plan in ("", plan) and (r.starts_on is None or r.starts_on <= day)]
        return max(fit, key=lambda r: (r.plan != "", r.starts_on or date.min), default=None)

    @property
    def every_rate(self) -> tuple[Rate | None, ...]:
        """All at which something may be shared; None: the table's own share."""
        return (None, *self.rates, *(rate.beyond for rate in self.rates if rate.quota))

    @property
    def words(self) -> str:
        """The rule in words, as it stands on statements where the pool is not divided."""
        return self.words_of(self.share_text, self.measure)

    def words_of(self, share_text: str, measure: str, part: Fraction = Fraction(1), scope: str = "") -> str:
        """The rule of one part of a pool in words."""
        net = "net sales" if self.base == "gross" else "net sales after tax and fees"
        scope = scope or self.scope
        if measure.startswith(DIRECTED):
            role = "style was asked for" if measure.endswith("style") else "image was modified"
            return f"{share_text} of the sales whose {role}, before the pool × (your part ÷ all parts)"
        if measure == OUTPUTS:
            return f"{share_text} of what outputs were attributed × (attributed to you ÷ attributed to all)"
        divided = "" if part == 1 else f" × {percent(part)}"
        words = f"{share_text} of {net}{divided} × "
        if measure.startswith(MEASURE):
            name = measure.removeprefix(MEASURE)
            return words + f"(your {name} ÷ all {name})"
        what = "weight" if measure == WEIGHT else "assets"
        return words + f"(your {what} ÷ all {what} in {scope})"

    @property
    def sentences(self) -> list[str]:
        """The rule in plain language, for people who are not going to read TOML."""
        net = "sales less refunds" if self.base == "gross" else "sales less refunds, tax and fees"
        said = [f"Contributors get {self.share_text} of {net}."]
        said += [f"{percent(r.share)} instead for sales {_rate_words(r)}." for r in self.rates]
        said += [
            f"Of what a customer uses in a cycle beyond {r.quota:,} units on the plan {r.plan}, {percent(r.over)}."
            for r in self.rates if r.quota
        ]  # fmt: skip
        said += [
            f"What customers use who have the plan {r.plan} only does not count."
            for r in self.rates
            if not r.counts_use
        ]
        said += [
            f"{percent(t.share)} of what a pool takes in beyond {format_micros(t.above_micros)}." for t in self.tiers
        ]
        said += [
            f"Before that, {percent(part)} of a sale goes to whom its {_ROLE[role]}." for role, part in self.directed
        ]
        pools = "one pool in each currency" if self.pooling == "single" else "a pool for each model or dataset version"
        if self.is_routed:
            pools = "a pool for each model that was used"
        said.append(f"There is {pools}: {ALLOCATIONS[self.allocation]}.")
        said += [f"{percent(part)} of a pool is shared by {_measure_words(name)}." for name, part in self.factors]
        if self.commons:
            said.append(f"{percent(self.commons)} of what contributors would get goes to the commons fund.")
        if self.cap:
            said.append(f"Nobody gets more than {percent(self.cap)} of a pool; the others share the excess.")
        if self.floor_micros:
            said.append(
                f"Nobody in a pool gets less than {format_micros(self.floor_micros)}, if there is enough for all."
            )
        if self.min_assets:
            said.append(f"Whoever has fewer than {self.min_assets} assets in a pool's datasets gets nothing of it.")
        if self.reserve:
            said.append(self.reserve.words("these sales earn somebody"))
        return said


_ROLE = {"style": "prompt names in style", "modified": "customer modified the image of"}


def _rate_words(rate: Rate) -> str:
    plan = f"on the plan {rate.plan}" if rate.plan else ""
    since = f"from {rate.starts_on} on" if rate.starts_on else ""
    return " ".join(part for part in (plan, since) if part)


def _measure_words(name: str) -> str:
    return "assets" if name == ASSETS else "weight" if name == WEIGHT else f"{name.removeprefix(MEASURE)} of the period"


def read_terms(name: str, content: Any) -> Terms:
    """Reads the table `[streams.NAME]`. Raises BadPolicy."""
    where = f"[streams.{name}]"
    if not isinstance(content, dict):
        raise BadPolicy(f"{where} must be a table.")
    reading.only(content, KEYS, where)
    terms = Terms(
        table=name, share=reading.share(content, "contributor_share", where), share_text=content["contributor_share"],
        pooling=reading.one_of(content, "pooling", POOLINGS, where),
        allocation=reading.one_of(content, "allocation", tuple(ALLOCATIONS), where),
        base=reading.one_of(content, "base", BASES, where, default="gross"),
        rates=_rates(content, where), tiers=_tiers(content, where), factors=_factors(content, where),
        directed=_directed(content, where), commons=reading.optional_share(content, "commons", where),
        cap=reading.optional_share(content, "cap", where),
        floor_micros=reading.amount_micros(content, "floor", where),
        min_assets=reading.whole(content, "min_assets", where), reserve=read_reserve(content, where),
    )  # fmt: skip
    _check_together(terms, where)
    return terms


def _rates(content: dict[str, Any], where: str) -> tuple[Rate, ...]:
    rates = []
    for number, item in enumerate(reading.tables(content, "rates", where), 1):
        here = f"{where} rates, number {number}"
        reading.only(item, {"from", "plan", "contributor_share", "quota", "over", "counts_use"}, here)
        plan = reading.string(item, "plan", here) if "plan" in item else ""
        rate = Rate(
            reading.share(item, "contributor_share", here), reading.day(item, "from", here), plan,
            quota=reading.whole(item, "quota", here), over=reading.optional_share(item, "over", here),
            counts_use=reading.yes_or_no(item, "counts_use", here, default=True),
        )  # fmt: skip
        if bool(rate.quota) != ("over" in item) or ("quota" in item and not (plan and rate.quota)):
            raise BadPolicy(f"{here}: a quota is of a `plan`, is 1 or more, and comes with the share `over` it.")
        if not plan and not rate.counts_use:
            raise BadPolicy(f"{here}: `counts_use` is of a `plan`.")
        if not rate.label:
            raise BadPolicy(f"{here} needs `from`, `plan` or both.")
        if plan in (ASSETS, WEIGHT, OUTPUTS) or plan.startswith((DIRECTED, MEASURE, MIX)) or JOINT in plan:
            raise BadPolicy(f"{here} plan {plan!r} is how a part of a pool is named: rename the plan.")
        rates.append(rate)
    if any(plan == OVER or plan.endswith(f" {OVER}") for plan in (rate.plan for rate in rates)):
        raise BadPolicy(f"{where} has a plan whose name ends as a part of a pool does ({OVER}): rename the plan.")
    if len({rate.label for rate in rates}) < len(rates):
        raise BadPolicy(f"{where} has two rates for the same plan from the same day.")
    return tuple(rates)


def _tiers(content: dict[str, Any], where: str) -> tuple[Tier, ...]:
    tiers = []
    for number, item in enumerate(reading.tables(content, "tiers", where), 1):
        here = f"{where} tiers, number {number}"
        reading.only(item, {"above", "contributor_share"}, here)
        tiers.append(Tier(reading.amount_micros(item, "above", here), reading.share(item, "contributor_share", here)))
    above = [tier.above_micros for tier in tiers]
    if any(low >= high for low, high in zip([0, *above], above, strict=False)):
        raise BadPolicy(f"{where} tiers need amounts `above` that are more than 0 and rise from one to the next.")
    return tuple(tiers)


def _factors(content: dict[str, Any], where: str) -> tuple[tuple[str, Fraction], ...]:
    given = reading.table(content, "factors", where)
    here = f"{where} factors"
    if unknown := sorted(name for name in given if name not in (ASSETS, WEIGHT) and not _is_measure(name)):
        raise BadPolicy(f'{here} can be {ASSETS}, {WEIGHT} or "{MEASURE}NAME" (found {", ".join(unknown)}).')
    factors = tuple((name, reading.share(given, name, here)) for name in sorted(given))
    if factors and (sum(part for _, part in factors) != 1 or any(not part for _, part in factors)):
        raise BadPolicy(f"{here} must be more than 0% each and add up to 100%.")
    return factors


def _is_measure(name: str) -> bool:
    return name.startswith(MEASURE) and bool(name.removeprefix(MEASURE).strip()) and name.isprintable()


def _directed(content: dict[str, Any], where: str) -> tuple[tuple[str, Fraction], ...]:
    given = reading.table(content, "directed", where)
    reading.only(given, set(ROLES), f"{where} directed")
    return tuple((role, reading.share(given, role, f"{where} directed")) for role in ROLES if role in given)


def _check_together(terms: Terms, where: str) -> None:
    """Rules that fit by themselves but not together."""
    if (terms.allocation == "factors") != bool(terms.factors):
        raise BadPolicy(f'{where} needs factors with allocation = "factors", and only then.')
    if terms.is_routed and terms.pooling == "single":
        raise BadPolicy(f'{where}: with allocation = "{terms.allocation}" pooling must be "per_model".')
    if terms.is_routed and terms.directed:
        raise BadPolicy(f'{where}: with allocation = "{terms.allocation}" it cannot have directed parts.')
    if any(rate.quota for rate in terms.rates) and (terms.directed or terms.allocation == "per_output"):
        raise BadPolicy(f"{where}: with quotas of plans it cannot have directed parts or attributed outputs.")
    if not terms.is_routed and not all(rate.counts_use for rate in terms.rates):
        raise BadPolicy(f"{where}: `counts_use` is for fees that go by use ({' or '.join(ROUTED)}).")
    if terms.rates and terms.tiers:
        raise BadPolicy(f"{where} can have rates or tiers, not both.")
    if sum(part for _, part in terms.directed) > 1:
        raise BadPolicy(f"{where} directed parts are more than 100% of a sale together.")
