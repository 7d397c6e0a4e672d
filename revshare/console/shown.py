"""How values look: amounts readable and exact, times in UTC, digests cut short."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from revshare.apportion import TICKS_PER_ASSET
from revshare.exports.statement_words import counted
from revshare.money import format_micros, group_digits
from revshare.policies.terms import ASSETS

NOTHING = "–"
STAGES = {
    "inspect": "Looking at the file",
    "read": "Reading the file",
    "check": "Checking every row",
    "store": "Storing what was accepted",
    "release": "Releasing refunds that waited for their sale",
    "weigh": "Weighing the manifests",
    "digest": "Taking the digest of all inputs",
    "inputs": "Collecting what counts",
    "lines": "Computing the cycle again",
    "pools": "Gathering sales into pools",
    "splits": "Passing on by splits",
    "allocation": "Splitting the pools",
    "ledger": "Posting the journal",
    "statements": "Writing the statements",
    "finish": "Taking the digest of the result",
    "done": "Finishing",
    "payable": "Working out what is payable",
    "payments": "Writing the payments",
    "batch": "Taking the digest of the batch",
}


def readable(micros: int | Decimal, currency: str = "") -> str:
    """Exact, with thousands grouped: `295,960.05 GBP`. Without a currency no minor digits are added."""
    micros = int(micros)
    units, _, decimals = format_micros(abs(micros), currency or None).partition(".")
    number = group_digits(int(units)) + (f".{decimals}" if decimals else "")
    return f"{'-' if micros < 0 else ''}{number}{' ' if currency else ''}{currency}"


def amount(micros: int | Decimal | None, currency: str = "") -> SafeString:
    """An amount for a page; its micros show on hovering."""
    if micros is None:
        return SafeString(NOTHING)
    return format_html(
        '<span class="rs-amount" title="{} micros">{}</span>', group_digits(int(micros)), readable(micros, currency)
    )


def change(after: int, before: int, currency: str = "") -> SafeString:
    """By how much a number changed: with its sign, and in percent where there is something to be a part of."""
    more = after - before
    sign = "+" if more > 0 else "−" if more < 0 else "±"
    text = readable(abs(more), currency) if currency else group_digits(abs(more))
    part = ""
    if before > 0 and more:
        tenths = (abs(more) * 2000 + before) // (2 * before)
        part = f" ({sign}{group_digits(tenths // 10)}.{tenths % 10}%)"
    word = "up" if more > 0 else "down" if more < 0 else "same"
    return format_html('<span class="rs-change rs-change-{}">{}{}{}</span>', word, sign, text, part)


def assets(ticks: int | Decimal) -> SafeString:
    """Ticks as assets; the ticks show on hovering."""
    whole, rest = divmod(int(ticks), TICKS_PER_ASSET)
    part = f"{rest / TICKS_PER_ASSET:.4f}"[1:].rstrip("0").rstrip(".") if rest else ""
    return format_html(
        '<span class="rs-amount" title="{} ticks">{}</span>', group_digits(int(ticks)), group_digits(whole) + part
    )


def units(measure: str, number: int | Decimal, currency: str) -> SafeString:
    """Units of a pool's measure: assets, or what else it is divided by."""
    if measure == ASSETS:
        return assets(number)
    text = f"{counted(measure, int(number), currency)} {measure}"
    return format_html('<span class="rs-amount" title="{}">{}</span>', group_digits(int(number)), text)


def digest(text: str) -> SafeString:
    """The first 16 digits; all of them on hovering."""
    if not text:
        return SafeString(NOTHING)
    return format_html('<code class="rs-digest" title="{}">{}…</code>', text, text[:16])


def moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else NOTHING


def since(then: datetime | None, now: datetime, *, ago: bool = True) -> str:
    """How long ago, in the largest unit that it fills."""
    if then is None:
        return ""
    seconds = int((now - then).total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count:,} {unit}{'' if count == 1 else 's'}{' ago' if ago else ''}"
    return "just now" if ago else "less than a minute"


def size(count: int) -> str:
    """Bytes for people."""
    return str(filesizeformat(count))


def words(state: str) -> str:
    return state.replace("_", " ")


def badge(state: str) -> SafeString:
    """A state as a coloured label; the word carries the meaning, the colour only helps."""
    return format_html('<span class="rs-badge rs-badge-{}">{}</span>', state, words(state))


def stage(name: str, *, waiting: bool = False) -> str:
    """What is being done, in words; before the first word of a run, whether anybody is at it yet."""
    if not name:
        return "Waiting for a worker" if waiting else "Beginning"
    return STAGES.get(name, name.capitalize())


def link(text: Any, view: str, *args: Any, query: str = "") -> SafeString:
    return format_html('<a class="rs-link" href="{}{}">{}</a>', reverse(f"admin:{view}", args=args), query, text)


def masked_email(address: str) -> str:
    """Its domain and first letter: enough to recognise, too little to write to."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if at else ("…" if address else NOTHING)
