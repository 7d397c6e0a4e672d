"""Plays the year: each month in one transaction, so that an interrupted start goes on where it stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from revshare.audit_trail.operations import Act
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.cycles.review import decide_finding
from revshare.files.mapped import save as save_mapping
from revshare.ingest.operations import ingest
from revshare.management.showcase import beside, desk, people
from revshare.management.showcase.months import (
    MONTHS,
    POLICIES,
    TATE,
    YEAR,
    ZONE,
    after,
    day_after,
    first_day,
    split_sales,
    write_csv,
)
from revshare.periods import parse_period
from revshare.policies.models import Policy
from revshare.policies.operations import find as find_policy
from revshare.policies.operations import register
from revshare.proofs.operations import commit
from revshare.reviews.queries import findings_of

POLICY = b"""# Of what a model earns, a fifth goes to the contributors of its datasets, by number of works.
name = "contributor-fund"
version = "2011.2"

[streams.default]
contributor_share = "20%"
pooling = "per_model"
allocation = "asset_count"

[eligibility]
opted_out = "hold"

[payout]
minimum = {GBP = "35.00"}

[recoupment]
cap = "25%"
"""
SOURCES = {"shop-export": ("sales", {"Order No": "sale_id", "Date": "sold_at", "Channel": "stream", "Model": "model",
                                     "Cur": "currency", "Total": "gross_amount"})}  # fmt: skip
PAID_EVERY = 3  # months
Say = Callable[[str], None]


@dataclass(frozen=True)
class Year:
    """`months`: as many of the real ones as are played, the last two still being worked on. `folder`: for the files
    that come in. `now`: when the work lies on the desk."""

    months: tuple[str, ...]
    home: Path
    folder: Path
    now: datetime

    @property
    def closed(self) -> tuple[str, ...]:
        return self.months[:-2]


def play(year: Year, say: Say) -> None:
    """Everything that is not there yet."""
    begin = after(MONTHS[0], days=-31, hour=8)
    people.staff(folder=year.home, act=Act(actor="command-line", at=begin))
    sales = split_sales(year.folder, year.months)
    if not Policy.objects.filter(name="contributor-fund").exists():
        say("  the Tate's collection: 69,202 works of 3,393 artists …")
        with transaction.atomic():
            _take_in_collection(year.folder, begin)
    people.contributors(folder=year.home, act=Act(actor="command-line", at=begin))
    for month in year.closed:
        if not Cycle.objects.filter(key=month).exists():
            with transaction.atomic():
                _close(year, month, sales[month])
            say(f"  {month} is published")
    if not Cycle.objects.filter(key=year.months[-1]).exists():
        with transaction.atomic():
            desk.lay_out(year, sales, open_cycle)
        say(f"  {year.months[-2]} waits for approval, {year.months[-1]} is open")


def _take_in_collection(folder: Path, at: datetime) -> None:
    act = Act(actor="olivia", at=at)
    opted_out = write_csv(folder / "opt-outs.csv", ["contributor_id", "decision", "effective_at"], beside.OPTED_OUT)
    for kind, path in (
        ("contributors", beside.contributors_file(folder)), ("models", TATE / "models.csv"),
        ("consents", opted_out), ("attributions", TATE / "attributions.csv.gz"), ("measures", YEAR / "measures.csv.gz"),
    ):  # fmt: skip
        ingest(kind=kind, path=path, act=act)
    for name, (kind, columns) in SOURCES.items():
        save_mapping(name=name, kind=kind, columns=columns, act=act)
    for content in (POLICY, *(path.read_bytes() for path in sorted(POLICIES.glob("*.toml")))):
        register(content=content, act=act)


def _close(year: Year, month: str, sales: Path) -> None:
    """A month from its sales to its payments."""
    morning = Act(actor="olivia", at=after(month, days=1, hour=9))
    ingest(kind="sales", path=sales, act=morning)
    open_cycle(month, morning)
    if month == year.closed[-1]:
        beside.odd_sales(folder=year.folder, month=month, act=morning)
    cycles.lock(key=month, act=morning)
    cycles.calculate(key=month, act=morning)
    cycles.submit(key=month, act=Act(actor="olivia", at=morning.at + timedelta(hours=2)))
    _release(month, Act(actor="adam", at=after(month, days=3, hour=14)))
    if month == year.closed[0]:
        beside.first_month(month=month)
    if year.months.index(month) % PAID_EVERY == 0:
        beside.pay(folder=year.folder, at=after(month, days=5, hour=10))


def _release(month: str, act: Act) -> None:
    for found in findings_of(Cycle.objects.get(key=month).pk).filter(blocks=True):
        why = Act(actor=act.actor, at=act.at, why="The shop sells twice as much before Christmas; its books agree.")
        decide_finding(key=month, number=found.number, action="override", act=why)
    cycles.approve(key=month, act=act)
    cycles.publish(key=month, act=Act(actor=act.actor, at=act.at + timedelta(minutes=20)))
    commit(key=month, act=Act(actor=act.actor, at=act.at + timedelta(minutes=25)))


def open_cycle(month: str, act: Act) -> None:
    period = parse_period(str(first_day(month)), str(day_after(month)), ZONE)
    cycles.open_cycle(key=month, period=period, policy=find_policy("contributor-fund"), act=act)
