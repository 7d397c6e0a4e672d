"""A calculated cycle's numbers as its page and the first page show them. They do not change, so they are kept,
in each language."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.cache import cache
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from revshare.console.shown import amount, assets, in_english, readable, units
from revshare.cycles.models import Cycle
from revshare.cycles.rules import reached
from revshare.cycles.summary import PoolSummary, Summary, pools_of, statements_count, summarise
from revshare.ledger.models import Journal
from revshare.ledger.queries import trial_balance
from revshare.policies.terms import ASSETS
from revshare.pools.exchange import rate_text
from revshare.pools.models import Conversion, Pool
from revshare.wording import language, whole

KEPT_SECONDS = 60
T = TypeVar("T")


@dataclass(frozen=True)
class Total:
    """All pools of one currency together."""

    currency: str
    net: int
    carried_in: int
    distributable: int
    platform: int
    carried_out: int
    suspended: int
    released: int
    commons: int
    held: int
    set_aside: int  # of what was split: for the commons or held

    @property
    def to_contributors(self) -> SafeString:
        return amount(self.distributable - self.suspended - self.set_aside, self.currency)

    @property
    def shown(self) -> list[tuple[str, SafeString]]:
        rare = [(_("Commons fund"), self.commons), (_("Held"), self.held)]
        return [
            (_("Net sales"), amount(self.net, self.currency)),
            (_("Carried in"), amount(self.carried_in, self.currency)),
            *([(_("Released from suspense"), amount(self.released, self.currency))] if self.released else []),
            (_("To contributors"), self.to_contributors),
            (_("In suspense"), amount(self.suspended, self.currency)),
            *((name, amount(micros, self.currency)) for name, micros in rare if micros),
            (_("Platform"), amount(self.platform, self.currency)),
            (_("Carried to the next cycle"), amount(self.carried_out, self.currency)),
        ]


def balance_text(trial_balance: Mapping[str, int]) -> str:
    """`trial_balance`: debits less credits by currency."""
    return _("OUT OF BALANCE") if any(trial_balance.values()) else _("balanced")


@dataclass(frozen=True)
class Facts:
    pools: list[dict[str, Any]]
    conversions: list[dict[str, Any]]
    totals: list[Total]
    largest: list[dict[str, Any]]
    journal: Journal | None
    trial_balance: list[tuple[str, int, SafeString]]
    statements: int
    late_sales: str
    sales_outside: str
    unlinked_refunds: tuple[str, SafeString] | None
    opted_out: list[dict[str, Any]]

    @property
    def statements_text(self) -> str:
        return whole(self.statements)

    @property
    def legs_text(self) -> str:
        return whole(self.journal.legs_count) if self.journal else ""

    @property
    def carried_in(self) -> bool:
        return any(total.carried_in for total in self.totals)

    @property
    def carries(self) -> bool:
        return any(pool["carries"] for pool in self.pools)

    @property
    def balance(self) -> str:
        return balance_text({currency: total for currency, total, _shown in self.trial_balance})

    @property
    def suspended(self) -> list[str]:
        sums = [readable(total.suspended, total.currency) for total in self.totals if total.suspended]
        return [_("%(amount)s in suspense") % {"amount": each} for each in sums]


@dataclass(frozen=True)
class Brief:
    """What the first page says of it."""

    pools: int
    totals: list[Total]


def facts_of(cycle: Cycle) -> Facts | None:
    """None before the cycle is calculated."""
    return _kept(cycle, "facts", lambda: _facts(summarise(cycle)))


def brief_of(cycle: Cycle) -> Brief | None:
    """None before the cycle is calculated."""

    def brief() -> Brief:
        pools = pools_of(cycle)
        return Brief(len(pools), _totals(pools))

    return _kept(cycle, "brief", brief)


def statements_of(cycle: Cycle) -> int:
    return _kept(cycle, "statements", lambda: statements_count(cycle)) or 0


def balance_of(cycle: Cycle) -> str:
    return balance_text(_kept(cycle, "balance", trial_balance) or {})


def _kept(cycle: Cycle, what: str, make: Callable[[], T]) -> T | None:
    """Made once in a while for everybody; None before the cycle is calculated."""
    if not reached(state=cycle.state, goal="calculated"):
        return None
    key = f"console:cycle:{what}:{cycle.pk}:{cycle.result_digest}:{language()}"
    found: T | None = cache.get(key)
    if found is None:
        found = make()
        cache.set(key, found, KEPT_SECONDS)
    return found


def _facts(summary: Summary) -> Facts:
    numbers = summary.numbers
    unlinked, unlinked_sum = numbers.unlinked_refunds
    return Facts(
        pools=[_pool(item.pool, item.contributors, item.residue_micros) for item in summary.pools],
        conversions=[_conversion(item) for item in summary.conversions],
        totals=_totals(summary.pools),
        largest=[
            {"id": payout.contributor_id, "name": payout.name, "amount": amount(payout.amount_micros, payout.currency)}
            for payout in summary.largest
        ],
        journal=summary.journal,
        trial_balance=[(currency, total, amount(total, currency)) for currency, total in numbers.trial_balance.items()],
        statements=numbers.statements,
        late_sales=whole(numbers.late_sales),
        sales_outside=whole(numbers.sales_outside),
        unlinked_refunds=(whole(unlinked), amount(unlinked_sum)) if unlinked else None,
        opted_out=[
            {
                "version": out.dataset_version,
                "records": whole(out.records),
                "assets": assets(out.ticks),
                "words": _(out.words),
            }
            for out in summary.opted_out
        ],
    )


def _suspended(pool: Pool) -> int:
    """A pool without anybody to share it is set aside whole."""
    return pool.distributable_micros if pool.denominator_ticks == 0 else 0


def _pool(pool: Pool, contributors: int, residue: int) -> dict[str, Any]:
    def shown(micros: int) -> SafeString:
        return amount(micros, pool.currency)

    return {
        "pk": pool.pk, "name": pool.name, "rule": pool.rule, "share": pool.share, "sales": whole(pool.sales_count),
        "net": shown(pool.net_micros), "carried_in": shown(pool.carried_in_micros),
        "distributable": shown(pool.distributable_micros), "platform": shown(pool.platform_micros),
        "carried_out": shown(pool.carried_out_micros),
        "assets": units(pool.measure, pool.denominator_ticks, pool.currency), "ticks": whole(pool.denominator_ticks),
        "of_assets": pool.measure == ASSETS,
        "deducted": shown(pool.deducted_micros), "commons": shown(pool.commons_micros),
        "contributors": whole(contributors),
        "carries": bool(pool.carried_out_micros), "residue": whole(residue),
        "suspense": in_english(pool.suspense_reason),
    }  # fmt: skip


def _conversion(item: Conversion) -> dict[str, Any]:
    return {
        "day": item.day.isoformat(), "base": item.base, "quote": item.quote, "rate": rate_text(item.rate),
        "rate_on": item.rate_on.isoformat(), "source": item.source, "way": in_english(item.way),
        "amount_in": amount(item.amount_in_micros, item.base), "amount_out": amount(item.amount_out_micros, item.quote),
    }  # fmt: skip


def _totals(pools: list[PoolSummary]) -> list[Total]:
    by_currency: dict[str, list[Pool]] = defaultdict(list)
    aside: dict[str, Counter[str]] = defaultdict(Counter)
    for item in pools:
        by_currency[item.pool.currency].append(item.pool)
        aside[item.pool.currency].update(item.set_aside)
    return [
        Total(
            currency=currency,
            net=sum(pool.net_micros for pool in group),
            carried_in=sum(pool.carried_in_micros for pool in group),
            distributable=sum(pool.distributable_micros for pool in group),
            platform=sum(pool.platform_micros for pool in group),
            carried_out=sum(pool.carried_out_micros for pool in group),
            suspended=sum(map(_suspended, group)),
            released=sum(pool.released_micros for pool in group),
            commons=sum(pool.commons_micros for pool in group) + aside[currency]["commons"],
            held=aside[currency]["held"],
            set_aside=aside[currency].total(),
        )
        for currency, group in sorted(by_currency.items())
    ]
