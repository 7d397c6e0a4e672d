"""A statement as a document: what the page, the PDF and the CSV all say, put together once, in the language that is
active. It asks no database."""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from django.utils.translation import gettext as _

from revshare.exports.statement_words import TICKS_PER_ASSET, counted, money, money_exact, quotient, sentence
from revshare.money import BadShare, parse_share
from revshare.periods import zone
from revshare.policies.rules import DEFAULT
from revshare.policies.terms import ASSETS
from revshare.statements.rules import WORDS, Content, Line, Movement, content_sha256
from revshare.wording import day, period, whole

SUMMED = 4
"""Up to so many amounts are written out as a sum."""


@dataclass(frozen=True)
class Amount:
    """An amount as it is shown: `short` in whole minor units, `exact` to the micro."""

    micros: int
    currency: str

    @property
    def short(self) -> str:
        return money(self.micros, self.currency)

    @property
    def exact(self) -> str:
        return money_exact(self.micros, self.currency)

    @property
    def is_cut(self) -> bool:
        """Whether `short` says less than `exact`."""
        return self.short != self.exact


class DocumentLine(NamedTuple):
    """One line with the words that explain it. A tuple: there may be ten thousand."""

    line: Line
    currency: str
    share: str
    rule: str
    net_micros: int
    carried_in_micros: int
    deducted_micros: int = 0
    commons_micros: int = 0
    released_micros: int = 0

    @property
    def scope(self) -> str:
        """Which sales the pool is of."""
        line = self.line
        return scope_words(model=line.model, dataset_version=line.dataset_version, part=line.part, table=line.table)

    @property
    def sentence(self) -> str:
        """How the amount came about, without the scope."""
        return sentence(
            self.line, currency=self.currency, share=self.share, share_fraction=self._share_fraction,
            net_micros=self.net_micros, carried_micros=self.carried_in_micros, deducted_micros=self.deducted_micros,
            commons_micros=self.commons_micros, released_micros=self.released_micros,
        )  # fmt: skip

    @property
    def working(self) -> str:
        """The division in micros and ticks, as anybody can redo it."""
        line = self.line
        return (
            f"{whole(line.pool_micros)} × {whole(line.numerator_ticks)} ÷ "
            f"{whole(line.denominator_ticks)} = {quotient(line)} → {whole(line.amount_micros)}"
        )

    @property
    def pool(self) -> Amount:
        return Amount(self.line.pool_micros, self.currency)

    @property
    def amount(self) -> Amount:
        return Amount(self.line.amount_micros, self.currency)

    @property
    def your_assets(self) -> str:
        return counted(self.line.measure, self.line.numerator_ticks, self.currency)

    @property
    def all_assets(self) -> str:
        return counted(self.line.measure, self.line.denominator_ticks, self.currency)

    @property
    def per_asset(self) -> Amount | None:
        """What one asset brought, cut to a micro; None where the pool is not divided by assets, or nothing is held."""
        line = self.line
        if line.measure != ASSETS or line.numerator_ticks == 0:
            return None
        return Amount(line.amount_micros * TICKS_PER_ASSET // line.numerator_ticks, self.currency)

    @property
    def _share_fraction(self) -> Fraction | None:
        """None where the share goes by volume, and no single percentage says it."""
        try:
            return parse_share(self.share)
        except BadShare:
            return None


@dataclass(frozen=True)
class DocumentCycle:
    """What all statements of a cycle have in common. `published_at`: None while contributors may not see them."""

    key: str
    starts_on: date
    ends_on: date
    starts_at: datetime
    ends_at: datetime
    timezone: str
    policy: str
    published_at: datetime | None

    @property
    def period(self) -> str:
        return period(self.starts_on, self.ends_on)

    @property
    def bounds(self) -> tuple[str, str]:
        """First instant of the period and first instant after it, in its time zone, ISO 8601."""
        return self._local(self.starts_at).isoformat(), self._local(self.ends_at).isoformat()

    @property
    def published(self) -> str:
        """The day it was published, in the time zone of its period; blank for a draft."""
        return "" if self.published_at is None else day(self._local(self.published_at).date())

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(zone(self.timezone))


@dataclass(frozen=True)
class Document:
    """One statement, ready to be shown. `recorded_sha256` is the hash of what was read: entries that do
    not change, which `verify` holds against the controls of their cycle."""

    content: Content
    cycle: DocumentCycle
    name: str
    recorded_sha256: str
    lines: tuple[DocumentLine, ...]

    @property
    def all_heading(self) -> str:
        """Over what each pool is divided by: not always assets."""
        return _("All assets") if self._of_assets else _("All units")

    @property
    def your_heading(self) -> str:
        return _("Your assets") if self._of_assets else _("Your units")

    @property
    def formula(self) -> str:
        """How the arithmetic goes."""
        if self._of_assets:
            return _("pool × your ticks ÷ all ticks, by largest remainder")
        return _("pool × your units ÷ all units, by largest remainder")

    @property
    def units_told(self) -> str:
        said = {"ticks": whole(TICKS_PER_ASSET)}
        if self._of_assets:
            return _("Amounts in micros (millionths), assets in ticks (%(ticks)s to an asset)") % said
        return (
            _(
                "Amounts in micros (millionths), assets in ticks (%(ticks)s to an asset), other measures in units of "
                "their own"
            )
            % said
        )

    @cached_property
    def _of_assets(self) -> bool:
        return all(item.line.measure == ASSETS for item in self.lines)

    @property
    def number(self) -> str:
        return self.content.number

    @property
    def currency(self) -> str:
        return self.content.currency

    @property
    def is_draft(self) -> bool:
        """Whether the contributor may not see it yet."""
        return self.cycle.published_at is None

    @property
    def file_name(self) -> str:
        """Name of a download, without its ending."""
        return f"{self.number}-DRAFT" if self.is_draft else self.number

    @property
    def opening(self) -> Amount:
        return Amount(self.content.opening_micros, self.currency)

    @property
    def earned(self) -> Amount:
        return Amount(self.content.earned_micros, self.currency)

    @property
    def closing(self) -> Amount:
        return Amount(self.content.closing_micros, self.currency)

    @property
    def movements(self) -> tuple[tuple[Movement, Amount], ...]:
        """What else moved the balance, one by one, signed as it moves it."""
        return tuple((moved, Amount(moved.amount_micros, self.currency)) for moved in self.content.movements)

    @property
    def answer(self) -> str:
        """The answer to "how was this computed?" in one sentence: the whole of it for one line, else its sum."""
        if len(self.lines) == 1:
            return _capital(f"{self.lines[0].sentence}.")
        if not self.lines:
            return _("You earned nothing in this cycle; what moved your account stands below.")
        parts = " + ".join(line.amount.exact for line in self.lines[:SUMMED]) if len(self.lines) <= SUMMED else ""
        total = f"{parts} = {self.earned.exact}" if parts else self.earned.exact
        return _("You earned %(total)s: your parts of %(pools)s pools.") % {
            "total": total, "pools": whole(len(self.lines)),
        }  # fmt: skip

    @property
    def dated_at(self) -> datetime:
        """When it was published; for a draft, the end of its period. Never the clock: files repeat byte for byte."""
        return self.cycle.published_at or self.cycle.ends_at

    @property
    def is_intact(self) -> bool:
        """Whether it says what was read."""
        return content_sha256(self.content) == self.recorded_sha256


def scope_words(*, model: str, dataset_version: str, part: str, table: str) -> str:
    """Which sales a pool is of."""
    what = _("All models")
    if model:
        what = _("Model %(name)s") % {"name": model}
    elif dataset_version:
        what = _("Dataset %(name)s") % {"name": dataset_version}
    if part:
        what += f", {part}"
    return what if table == DEFAULT else _("%(what)s, stream %(stream)s") % {"what": what, "stream": table}


def movement_words(moved: Movement) -> str:
    """What moved the balance beside the pools, and what else there is to say of it."""
    said = _(WORDS[moved.kind]) if moved.kind in WORDS else moved.kind.capitalize()
    return f"{said}: {moved.note}" if moved.note else said


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
