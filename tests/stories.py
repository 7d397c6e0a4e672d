"""A marketplace in a few lines: what a story about money is told with. Every step is a real operation."""

import csv
import io
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from revshare.allocation.models import Allocation
from revshare.audit_trail.operations import Act
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.review import decide_finding
from revshare.files.operations import Report
from revshare.ingest.operations import ingest
from revshare.ledger.models import Journal, Leg
from revshare.ledger.operations import LegData, post_legs
from revshare.periods import parse_period
from revshare.policies.models import Policy
from revshare.policies.operations import register
from revshare.pools.models import Pool
from revshare.reviews.queries import findings_of
from revshare.statements.models import Statement

SALES = ("sale_id", "sold_at", "stream", "model", "dataset_version", "currency", "gross_amount", "refund_of")


@dataclass
class Story:
    """`folder` holds the files; `at` is when everything happens; each file has a name of its own."""

    folder: Path
    at: datetime
    files: int = 0
    policies: dict[str, Policy] = field(default_factory=dict)

    def act(self, actor: str = "olivia", why: str = "") -> Act:
        return Act(actor=actor, at=self.at, why=why)

    def take(self, kind: str, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Report:
        """Writes rows as CSV and takes them in."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        self.files += 1
        path = self.folder / f"{kind}-{self.files}.csv"
        path.write_text(text.getvalue(), encoding="utf-8")
        return ingest(kind=kind, path=path, act=self.act())

    def attributions(self, *rows: tuple[Any, ...]) -> Report:
        """(dataset version, asset, contributor)"""
        return self.take("attributions", ("dataset_version", "asset_id", "contributor_id"), list(rows))

    def models(self, *rows: tuple[str, str]) -> Report:
        return self.take("models", ("model", "dataset_version"), list(rows))

    def sales(self, *rows: tuple[Any, ...]) -> Report:
        """(id, time, model, currency, amount[, refund of]) of the stream `generation`."""
        return self.take(
            "sales", SALES, [(r[0], r[1], "generation", r[2], "", *r[3:], *[""] * (6 - len(r))) for r in rows]
        )

    def deals(self, *rows: tuple[Any, ...]) -> Report:
        """(id, time, dataset version, currency, amount[, refund of]) of the stream `data_deal`."""
        return self.take(
            "sales", SALES, [(r[0], r[1], "data_deal", "", r[2], *r[3:], *[""] * (6 - len(r))) for r in rows]
        )

    def policy(
        self, *, name: str = "p", pooling: str = "per_model", share: str = "20%", streams: str = "default",
        payout: str = "",
    ) -> Policy:  # fmt: skip
        text = f'name = "{name}"\nversion = "1"\n'
        if payout:
            text += f"[payout]\n{payout}\n"
        for stream in streams.split():
            text += f'[streams.{stream}]\ncontributor_share = "{share}"\npooling = "{pooling}"\nallocation = "asset_count"\n'
        self.policies[name], _ = register(content=text.encode(), act=self.act())
        return self.policies[name]

    def move(self, kind: str, key: str, *legs: tuple[str, str, str, int]) -> Journal:
        """A journal beside cycles: (account, currency, side, micros)."""
        journal = post_legs(kind=kind, key=key, legs=[LegData(*leg) for leg in legs], act=self.act("fiona"))
        assert journal is not None
        return journal

    def open(self, key: str, start: str, end: str, *, zone: str = "UTC", policy: str = "p") -> Cycle:
        period = parse_period(start, end, zone)
        return cycles.open_cycle(key=key, period=period, policy=self.policies[policy], act=self.act())[0]

    def calculate(self, key: str, start: str = "", end: str = "", **options: str) -> Cycle:
        """Opens (given dates), locks and calculates."""
        if start:
            self.open(key, start, end, **options)
        cycles.lock(key=key, act=self.act())
        return cycles.calculate(key=key, act=self.act())

    def pass_findings(self, key: str) -> None:
        """Overrides whatever a review found: a story may be as unusual as it likes."""
        for found in findings_of(Cycle.objects.get(key=key).pk).filter(blocks=True):
            act = self.act("adam", "it is a story")
            decide_finding(key=key, number=found.number, action="override", act=act)

    def publish(self, key: str, start: str = "", end: str = "", **options: str) -> Cycle:
        self.calculate(key, start, end, **options)
        cycles.submit(key=key, act=self.act())
        self.pass_findings(key)
        cycles.approve(key=key, act=self.act("adam"))
        return cycles.publish(key=key, act=self.act("adam"))


def pools(cycle: Cycle) -> dict[str, tuple[int, int, int, int, int]]:
    """Pool name: (net, carried in, distributable, platform, carried out)."""
    return {
        pool.name: (
            pool.net_micros, pool.carried_in_micros, pool.distributable_micros, pool.platform_micros,
            pool.carried_out_micros,
        )
        for pool in Pool.objects.filter(cycle=cycle)
    }  # fmt: skip


def payouts(cycle: Cycle) -> dict[str, int]:
    """Contributor (or bucket in <angle brackets>): micros over all pools and currencies."""
    found: dict[str, int] = {}
    for row in Allocation.objects.filter(cycle=cycle):
        name = row.contributor_id or f"<{row.bucket}>"
        found[name] = found.get(name, 0) + row.amount_micros
    return found


COLUMNS = ("opening", "earned", "adjusted", "withheld", "held", "paid", "closing")


def statements(cycle: Cycle) -> dict[str, tuple[int, ...]]:
    """Contributor and currency: micros of COLUMNS, in order of the statements' numbers."""
    rows = Statement.objects.filter(cycle=cycle).order_by("ordinal")
    return {
        f"{row.contributor_id} {row.currency}": tuple(getattr(row, f"{name}_micros") for name in COLUMNS)
        for row in rows
    }  # fmt: skip


def legs(cycle: Cycle) -> set[tuple[str, str, str, int]]:
    """(account, currency, side, micros) of the cycle's allocation journal."""
    rows = Leg.objects.filter(journal__cycle=cycle)
    return set(rows.values_list("account", "currency", "side", "amount_micros"))
