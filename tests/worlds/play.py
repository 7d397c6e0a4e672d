"""A world that is being played: what there is, what the twin and the book say of it, and the product beside them."""

import random
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from revshare.files.operations import Report
from revshare.money import format_micros_exact
from revshare.policies.operations import register
from tests.cycles.slow_methods import Twin
from tests.cycles.slow_rules import Record, Sold, World
from tests.stories import Story
from tests.worlds.book import Account, Book, Debt
from tests.worlds.closed import Closed
from tests.worlds.making import LATER, PEOPLE, Beginning, beginning

YEAR = 2026
FIRST = datetime(YEAR - 1, 12, 31, 20, tzinfo=UTC)
SALES = (
    "sale_id", "sold_at", "stream", "model", "dataset_version", "currency", "gross_amount", "fees", "tax", "customer_id", "plan",
    "refund_of",
)  # fmt: skip
RECORDS = ("dataset_version", "asset_id", "contributor_id", "weight", "licence", "ai_generated", "media_type")
MONTHS = [(date(YEAR, month, 1), date(YEAR + month // 12, month % 12 + 1, 1)) for month in range(1, 13)]


def amount(micros: int | None) -> str:
    return "" if micros is None else format_micros_exact(micros)


@dataclass
class Split:
    giver: str
    payee: str
    millionths: int
    start: str
    end: str = ""

    def is_in_force(self, *, before: date) -> bool:
        """On the day before this one."""
        last = str(before - timedelta(days=1))
        return self.start <= last and (not self.end or self.end > last)


@dataclass
class Play:
    """`locked` and `calculated`: how many cycles are. `sold`: by sale, what refunds have left of it."""

    seed: int
    story: Story
    rng: random.Random
    begun: Beginning
    facts: World
    twin: Twin
    book: Book = field(default_factory=Book)
    locked: int = 0
    calculated: int = 0
    sold: dict[str, int] = field(default_factory=dict)
    scored: set[tuple[str, str]] = field(default_factory=set)
    said: set[tuple[Any, ...]] = field(default_factory=set)  # keys of rows that can come only once
    splits: list[Split] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)  # by cycle
    files: dict[int, list[str]] = field(default_factory=dict)  # of sales, with their ids
    void: dict[int, list[str]] = field(default_factory=dict)  # of these
    corrected: dict[str, str] = field(default_factory=dict)  # dataset versions, and their last correction
    first: list[Twin] = field(default_factory=list)  # of each cycle, before it was restated
    usage: list[tuple[int, str, str, int]] = field(default_factory=list)  # all, by month
    measures: list[tuple[int, str, str, int]] = field(default_factory=list)  # all, by month
    due: dict[int, datetime] = field(default_factory=dict)  # of claims whose full proof has not come
    restated: int = 0  # how often anything was posted again
    due_at_lock: list[Debt] = field(default_factory=list)  # of the cycle that is locked: what it found booked
    number: int = 0
    told: list[str] = field(default_factory=list)  # the steps so far

    @property
    def month(self) -> int:
        """The one that is going on: the next to be closed."""
        return min(self.locked, 11)

    @property
    def today(self) -> date:
        return self.story.at.date()

    def month_begins(self, month: int) -> None:
        """Most happens on its last days, when all of it can be told of."""
        self.story.at = datetime.combine(MONTHS[month][1], time(3), UTC) - timedelta(days=3)

    def month_ends(self, month: int) -> None:
        self.story.at = datetime.combine(MONTHS[month][1], time(12), UTC) + timedelta(days=self.rng.randint(1, 9))

    @property
    def payout(self) -> dict[str, Any]:
        """Of the policy of the last published cycle."""
        policy = self.begun.policies[self.begun.policy_of[self.book.published - 1]]
        return dict(tomllib.loads(policy)["payout"])

    @property
    def minimum(self) -> int:
        return int(Fraction(self.payout["default_minimum"]) * 10**6)

    @property
    def must_wait(self) -> bool:
        """All were told of on the same evening: the policy may say that new ones wait."""
        return self.today < FIRST.date() + timedelta(days=self.payout.get("hold_new_payee_days", 0))

    def is_on_hold(self, about: Account) -> bool:
        return about in self.book.holds or (about[0], "") in self.book.holds

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def later(self, *, hours: int = 1) -> None:
        self.story.at += timedelta(hours=hours)

    def take(self, kind: str, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Report:
        """Takes in a file of rows with which nothing is wrong."""
        report = self.story.take(kind, header, rows)
        assert report.file.rows_accepted == len(rows), (kind, rows, report.facts)
        if kind == "sales":
            self.files[report.file.pk] = [row[0] for row in rows]
        return report

    def agreed(self, cycle: int) -> list[tuple[str, str, int]]:
        """The splits in force on its last day."""
        return [(s.giver, s.payee, s.millionths) for s in self.splits if s.is_in_force(before=MONTHS[cycle][1])]

    def day(self, month: int) -> str:
        start, end = MONTHS[month]
        return str(start + timedelta(days=self.rng.randrange((end - start).days)))

    def cycle_of(self, day: str) -> int:
        """The cycle that closes over a sale of this day that comes now."""
        return max(date.fromisoformat(day).month - 1, self.locked)

    def row_of(self, sold: Sold) -> tuple[Any, ...]:
        """At some instant of its day in the world's zone: `Sold.day` goes on with the hour."""
        at = datetime.fromisoformat(sold.day).replace(tzinfo=ZoneInfo(self.begun.zone))
        return (
            sold.sale_id, at.isoformat(), sold.stream, *sold.target, sold.currency, amount(sold.micros), amount(sold.fees),
            amount(sold.tax), sold.customer, sold.plan, sold.refund_of,
        )  # fmt: skip

    def records(self, records: list[Record]) -> None:
        rows = [
            (r.version, r.asset, r.person, amount(int(r.weight * 10**6)), r.licence, "yes" if r.ai_generated else "", r.media_type)
            for r in records
        ]  # fmt: skip
        self.take("attributions", RECORDS, rows)
        self.facts.records += records

    def models(self, rows: list[tuple[str, str, str]]) -> None:
        self.take("models", ("model", "dataset_version", "mix"), list(rows))
        self.facts.models += rows


def begin(seed: int, story: Story) -> Play:
    """A new world on the evening before its year."""
    rng = random.Random(seed)
    begun = beginning(rng)
    story.at = FIRST
    facts = World(policy=begun.policies[0], days=[(str(start), str(end)) for start, end in MONTHS])
    play = Play(seed=seed, story=story, rng=rng, begun=begun, facts=facts, twin=Twin(facts, 0))
    for text in begun.policies:
        policy, _ = register(content=text.encode(), act=story.act())
        story.policies[policy.name] = policy
    on_file = [who for who in PEOPLE if who in begun.payees or who not in {record.person for record in begun.records}]
    play.take(
        "contributors", ("contributor_id", "contributor_name", "payee_id"),
        [(who, who.title(), begun.payees.get(who, "")) for who in on_file],
    )  # fmt: skip
    play.records(begun.records)
    play.models(begun.models)
    return play


def later_becomes_known(play: Play) -> None:
    play.records(play.begun.later)
    play.models([(LATER, "d8", "")])
