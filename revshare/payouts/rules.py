"""What is payable and why not yet; the moves of a batch; its canonical lines. Pure."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from revshare.money import MICRO_DIGITS, format_micros, minor_digits
from revshare.policies.payout_rules import PayoutTerms
from revshare.rates.rules import Board, Found, found_in

BATCH_STATES = ("preparing", "draft", "approved", "exported", "cancelled")
PAYMENT_STATES = ("live", "paid", "returned", "cancelled")
RESULTS = ("paid", "returned")
LIVE = "live"
CYCLES_AVERAGED = 3
COOL_OFF = timedelta(days=7)
"""How long a new destination waits before money goes there: who did not ask for it has time to say so."""
MIN_DESTINATION_CHARACTERS, MAX_DESTINATION_CHARACTERS = 12, 200
SHOWN_CHARACTERS = 4
LINE_DIGITS = 6
"""Of a payment's key, at least."""
RATE_SCALE = 10**12
MOST_CYCLES = 1200
"""Further ahead than so many cycles no date is projected."""


@dataclass(frozen=True)
class Move:
    """One allowed move of a batch."""

    sources: tuple[str, ...]
    target: str


MOVES = {
    "approve": Move(("draft",), "approved"),
    "export": Move(("approved",), "exported"),
    "cancel": Move(("draft", "approved"), "cancelled"),
}


@dataclass(frozen=True)
class Account:
    """What is known of one contributor's account in one currency. `closing_micros`: what the last published statement
    closed with; `left_micros`: what has left it since (zero or less); `earned_micros`: of the last cycles, latest
    first; `known_since`: the day on which the contributor was first told of. `pays_in`: the currency it is paid in;
    '' for its own. `reserved_micros`, `owed_micros`: what is held in reserve of it, and what its owner owes;
    `kept_micros`: what the last cycles kept back for these. `destination_from`: of somebody without a payee, from when
    the destination is used that they named last."""

    contributor_id: str
    name: str
    payee_id: str
    currency: str
    closing_micros: int
    left_micros: int = 0
    unclaimed: bool = False
    hold: str = ""
    live_payment: str = ""
    known_since: date | None = None
    earned_micros: Sequence[int] = ()
    pays_in: str = ""
    reserved_micros: int = 0
    owed_micros: int = 0
    kept_micros: int = 0
    destination_from: date | None = None

    @property
    def available_micros(self) -> int:
        return self.closing_micros + self.left_micros


@dataclass(frozen=True)
class Why:
    """A reason why an account is not paid yet: a code, and words for people."""

    code: str
    words: str


@dataclass(frozen=True)
class Standing:
    """What of an account can be paid now, or why nothing can. `payable_minor` is in `pays_in`, and takes
    `takes_micros` from the account. `projected_on`: when it reaches the minimum if the last cycles are anything to go
    by. `notes`: what else there is to know, of debts and reserves."""

    account: Account
    payable_minor: int
    reasons: tuple[Why, ...]
    shortfall_micros: int = 0
    projected_on: date | None = None
    takes_micros: int = 0
    rate: Found | None = None
    notes: tuple[Why, ...] = ()

    @property
    def pays_in(self) -> str:
        return self.account.pays_in or self.account.currency


@dataclass(frozen=True)
class Period:
    """The days of the last published cycle, the end exclusive."""

    starts_on: date
    ends_on: date


def minor_unit_micros(currency: str) -> int:
    """A currency's minor unit: 10,000 micros for USD, 1,000,000 for JPY, 1,000 for BHD."""
    return 10 ** (MICRO_DIGITS - minor_digits(currency))


def payable_minor(micros: int, currency: str) -> int:
    """Whole minor units of a balance; nothing of one below zero. The rest stays in the balance."""
    return max(micros, 0) // minor_unit_micros(currency)


def major_text(minor: int, currency: str) -> str:
    """An amount in minor units as a number with its decimals: 1250 of USD is `12.50`, of JPY `1250`."""
    return format_micros(minor * minor_unit_micros(currency), currency)


def converted(*, micros: int, rate: Fraction, to: str) -> tuple[int, int]:
    """What of an account is paid in another currency, 1 of its own being `rate` of that: whole minor units, rounded
    down, and the micros of the account that they cost, rounded up: never more than there are."""
    minor = int(max(micros, 0) * rate // minor_unit_micros(to))
    return minor, int(-(-minor * minor_unit_micros(to) // rate))


def standing(
    account: Account, *, terms: PayoutTerms, period: Period, today: date, rates: Board | None = None
) -> Standing:
    """Every reason why an account is not paid yet; what is payable if there is none. `rates`: those of today."""
    minimum = terms.minimum_micros(account.currency)
    available = account.available_micros
    reasons, notes = list(_who(account, terms, today)), tuple(_notes(account))
    if available < 0:
        reasons.append(Why("negative", "The balance is below zero and is carried until earnings make up for it."))
        return Standing(account, 0, tuple(reasons), notes=notes)
    minor = payable_minor(available, account.currency)
    takes = minor * minor_unit_micros(account.currency)
    rate = None
    if account.pays_in and account.pays_in != account.currency:
        rate = found_in(rates or {}, base=account.currency, quote=account.pays_in)
        minor, takes = converted(micros=available, rate=rate.rate, to=account.pays_in) if rate else (0, 0)
        if rate is None:
            words = rate_missing_words(base=account.currency, quote=account.pays_in, day=today)
            reasons.append(Why("rate_missing", words))
        elif not minor:
            reasons.append(Why("below_minor_unit", f"It is less than the least amount of {account.pays_in}."))
    shortfall = max(max(minimum, minor_unit_micros(account.currency)) - available, 0)
    if shortfall:
        least = format_micros(available + shortfall, account.currency)
        short = format_micros(shortfall, account.currency)
        reasons.append(Why("below_minimum", f"{short} {account.currency} short of the minimum payout of {least}."))
    return Standing(
        account, 0 if reasons else minor, tuple(reasons), shortfall,
        _projected(account, period, shortfall) if shortfall else None,
        takes_micros=0 if reasons else takes, rate=rate, notes=notes,
    )  # fmt: skip


def rate_missing_words(*, base: str, quote: str, day: date) -> str:
    return f"No rate from {base} to {quote} on {day.isoformat()}: take in a file of rates."


def _notes(account: Account) -> Iterable[Why]:
    if account.reserved_micros:
        held = format_micros(account.reserved_micros, account.currency)
        yield Why("reserve", f"Besides, {held} {account.currency} is held in reserve, and comes back in later cycles.")
    if account.owed_micros:
        owed = format_micros(account.owed_micros, account.currency)
        yield Why("debt", f"{owed} {account.currency} is owed, and is taken back of what later cycles earn.")


def _who(account: Account, terms: PayoutTerms, today: date) -> Iterable[Why]:
    if account.live_payment:
        yield Why("in_payment", f"Payment {account.live_payment} is under way.")
    if account.hold:
        yield Why("on_hold", f"Held: {account.hold}")
    if account.unclaimed:
        yield Why("unclaimed", "Nobody has claimed this account yet: the money waits.")
    elif not account.payee_id and account.destination_from:
        named = f"Where to pay to is named, and used from {account.destination_from.isoformat()} on"
        yield Why("payee_to_come", f"{named}; a contributors file has yet to name the payee.")
    elif not account.payee_id:
        yield Why("no_payee", "No payee is known to pay to.")
    if account.known_since and terms.hold_new_payee_days:
        until = account.known_since + timedelta(days=terms.hold_new_payee_days)
        if today < until:
            yield Why("new_payee", f"New contributors are paid from {until.isoformat()} on.")


def _projected(account: Account, period: Period, shortfall_micros: int) -> date | None:
    return projected_on(
        period, shortfall_micros=shortfall_micros, earned_micros=account.earned_micros, kept_micros=account.kept_micros
    )


def projected_on(
    period: Period, *, shortfall_micros: int, earned_micros: Sequence[int], kept_micros: int = 0
) -> date | None:
    """The end of the cycle in which average earnings, less what was kept back of them, have made up for what is short;
    None if they never do."""
    earned = sum(earned_micros) - kept_micros
    if earned <= 0:
        return None
    cycles = -(-shortfall_micros * len(earned_micros) // earned)
    return _later(period, cycles) if cycles <= MOST_CYCLES else None


def _later(period: Period, cycles: int) -> date:
    """The end of the period that many cycles later: by months where it is of whole months, else by days."""
    start, end = period.starts_on, period.ends_on
    months = (end.year - start.year) * 12 + end.month - start.month
    if start.day == end.day == 1 and months > 0:
        year, month = divmod(end.year * 12 + end.month - 1 + cycles * months, 12)
        return date(year, month + 1, 1)
    return end + cycles * (end - start)


def payment_key(batch_id: int, line: int) -> str:
    return f"pay-{batch_id:06d}-{line:0{LINE_DIGITS}d}"


def destination_sha256(payee_id: str, destination: str = "") -> str:
    """What stands for the destination of a payment: changed, and the batch has another digest. Without a destination
    of their own, the payee's id is all that is known."""
    own = f"destination\t{destination}\n" if destination else ""
    return hashlib.sha256(f"payee\t{payee_id}\n{own}".encode()).hexdigest()


def masked(destination: str) -> str:
    """What people see of it: its end, if the rest is long enough to hide."""
    return f"…{destination[-SHOWN_CHARACTERS:]}"


def rate_text(upper: Decimal | None, lower: Decimal | None) -> str:
    """The rate upper ÷ lower to 12 decimals, cut; '' if there is none."""
    if upper is None or lower is None:
        return ""
    whole, decimals = divmod(int(upper) * RATE_SCALE // int(lower), RATE_SCALE)
    return f"{whole}.{decimals:012d}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class PaymentLine:
    """All of a payment that an approval is bound to."""

    payment_key: str
    contributor_id: str
    payee_id: str
    name: str
    currency: str
    amount_minor: int
    statement: str
    destination_sha256: str
    account_currency: str
    account_micros: int
    rate_upper: Decimal | None
    rate_lower: Decimal | None
    rate_on: date | None
    rate_source: str

    @property
    def is_converted(self) -> bool:
        return self.account_currency != self.currency

    @property
    def rate_text(self) -> str:
        """What 1 of the account's currency was in that of the payment, to 12 decimals; '' if they are the same."""
        return rate_text(self.rate_upper, self.rate_lower)


def digest(*, batch_id: int, currency: str, cycle: str, lines: Iterable[PaymentLine]) -> str:
    """SHA-256 over the batch and its payments: a fact a line, its parts separated by tabs, in order of their keys."""
    made = hashlib.sha256(f"batch\t{batch_id}\t{currency}\t{cycle}\n".encode())
    for line in sorted(lines, key=lambda item: item.payment_key):
        parts: tuple[object, ...] = (
            line.payment_key, line.contributor_id, line.payee_id, line.name, line.currency, line.amount_minor,
            line.statement, line.destination_sha256,
        )  # fmt: skip
        if line.is_converted:
            parts += (line.account_currency, line.account_micros, line.rate_upper, line.rate_lower, line.rate_on,
                      line.rate_source)  # fmt: skip
        made.update(("payment\t" + "\t".join(str(part).replace("\t", " ") for part in parts) + "\n").encode())
    return made.hexdigest()
