"""A calculated cycle's numbers as its page and the first page show them. They do not change, so they are kept,
in each language."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from revshare.console.shown import amount, assets, in_english, readable, units
from revshare.cycles.models import Cycle
from revshare.cycles.rules import reached
from revshare.cycles.summary import PoolSummary, Summary, summarise
from revshare.ledger.models import AccountControl, Journal
from revshare.policies.terms import ASSETS
from revshare.pools.exchange import rate_text
from revshare.pools.models import Conversion, Pool
from revshare.wording import language, whole

KEPT_SECONDS = 60


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
    def carried_in(self) -> bool:
        return any(total.carried_in for total in self.totals)

    @property
    def carries(self) -> bool:
        return any(pool["carries"] for pool in self.pools)

    @property
    def balance(self) -> str:
        return _("balanced") if all(row[1] == 0 for row in self.trial_balance) else _("OUT OF BALANCE")

    @property
    def suspended(self) -> list[str]:
        sums = [readable(total.suspended, total.currency) for total in self.totals if total.suspended]
        return [_("%(amount)s in suspense") % {"amount": each} for each in sums]


def facts_of(cycle: Cycle) -> Facts | None:
    """None before the cycle is calculated."""
    if not reached(state=cycle.state, goal="calculated"):
        return None
    key = f"console:cycle:{cycle.pk}:{cycle.result_digest}:{language()}"
    facts: Facts | None = cache.get(key)
    if facts is None:
        facts = _facts(summarise(cycle))
        cache.set(key, facts, KEPT_SECONDS)
    return facts


def _facts(summary: Summary) -> Facts:
    unlinked, unlinked_sum = summary.unlinked_refunds
    return Facts(
        pools=[_pool(item.pool, item.contributors, item.residue_micros) for item in summary.pools],
        conversions=[_conversion(item) for item in summary.conversions],
        totals=_totals(summary.pools),
        largest=[
            {"id": payout.contributor_id, "name": payout.name, "amount": amount(payout.amount_micros, payout.currency)}
            for payout in summary.largest
        ],
        journal=summary.journal,
        trial_balance=[(currency, total, amount(total, currency)) for currency, total in summary.trial_balance.items()],
        statements=sum(AccountControl.objects.filter(cycle=summary.cycle).values_list("accounts", flat=True)),
        late_sales=whole(summary.late_sales),
        sales_outside=whole(summary.sales_outside),
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
