"""How values look, in the language of the page: amounts readable and exact, times in UTC, digests cut short."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from revshare.apportion import TICKS_PER_ASSET
from revshare.console.state_words import ROLES, STATES
from revshare.exports.statement_words import counted
from revshare.files.reasons import sentence
from revshare.money import format_micros
from revshare.policies.terms import ASSETS
from revshare.wording import decimals, language, percent, whole

NOTHING = "–"
STAGES = {
    "inspect": gettext_lazy("Looking at the file"),
    "read": gettext_lazy("Reading the file"),
    "check": gettext_lazy("Checking every row"),
    "store": gettext_lazy("Storing what was accepted"),
    "release": gettext_lazy("Releasing refunds that waited for their sale"),
    "weigh": gettext_lazy("Weighing the manifests"),
    "digest": gettext_lazy("Taking the digest of all inputs"),
    "inputs": gettext_lazy("Collecting what counts"),
    "lines": gettext_lazy("Computing the cycle again"),
    "pools": gettext_lazy("Gathering sales into pools"),
    "splits": gettext_lazy("Passing on by splits"),
    "allocation": gettext_lazy("Splitting the pools"),
    "ledger": gettext_lazy("Posting the journal"),
    "statements": gettext_lazy("Writing the statements"),
    "finish": gettext_lazy("Taking the digest of the result"),
    "done": gettext_lazy("Finishing"),
    "payable": gettext_lazy("Working out what is payable"),
    "payments": gettext_lazy("Writing the payments"),
    "batch": gettext_lazy("Taking the digest of the batch"),
}


def readable(micros: int | Decimal, currency: str = "") -> str:
    """Exact, with thousands grouped: `295,960.05 GBP`. Without a currency no minor digits are added."""
    micros = int(micros)
    number = decimals(format_micros(abs(micros), currency or None))
    return f"{'-' if micros < 0 else ''}{number}{' ' if currency else ''}{currency}"


def amount(micros: int | Decimal | None, currency: str = "") -> SafeString:
    """An amount for a page; its micros show on hovering."""
    if micros is None:
        return SafeString(NOTHING)
    title = _("%(count)s micros") % {"count": whole(int(micros))}
    return format_html('<span class="rs-amount" title="{}">{}</span>', title, readable(micros, currency))


def change(after: int, before: int, currency: str = "") -> SafeString:
    """By how much a number changed: with its sign, and in percent where there is something to be a part of."""
    more = after - before
    sign = "+" if more > 0 else "−" if more < 0 else "±"
    text = readable(abs(more), currency) if currency else whole(abs(more))
    part = ""
    if before > 0 and more:
        tenths = (abs(more) * 2000 + before) // (2 * before)
        part = f" ({sign}{percent(f'{tenths // 10}.{tenths % 10}')})"
    word = "up" if more > 0 else "down" if more < 0 else "same"
    return format_html('<span class="rs-change rs-change-{}">{}{}{}</span>', word, sign, text, part)


def assets(ticks: int | Decimal) -> SafeString:
    """Ticks as assets; the ticks show on hovering."""
    full, rest = divmod(int(ticks), TICKS_PER_ASSET)
    part = f"{rest / TICKS_PER_ASSET:.4f}"[1:].rstrip("0").rstrip(".") if rest else ""
    title = _("%(count)s ticks") % {"count": whole(int(ticks))}
    return format_html('<span class="rs-amount" title="{}">{}</span>', title, decimals(f"{full}{part}"))


def units(measure: str, number: int | Decimal, currency: str) -> SafeString:
    """Units of a pool's measure: assets, or what else it is divided by."""
    if measure == ASSETS:
        return assets(number)
    text = f"{counted(measure, int(number), currency)} {measure}"
    return format_html('<span class="rs-amount" title="{}">{}</span>', whole(int(number)), text)


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
            return _ago(unit, seconds // length) if ago else _long(unit, seconds // length)
    return _("just now") if ago else _("less than a minute")


def _ago(unit: str, count: int) -> str:
    said = {
        "day": ngettext("%(count)s day ago", "%(count)s days ago", count),
        "hour": ngettext("%(count)s hour ago", "%(count)s hours ago", count),
        "minute": ngettext("%(count)s minute ago", "%(count)s minutes ago", count),
    }
    return said[unit] % {"count": whole(count)}


def _long(unit: str, count: int) -> str:
    said = {
        "day": ngettext("%(count)s day", "%(count)s days", count),
        "hour": ngettext("%(count)s hour", "%(count)s hours", count),
        "minute": ngettext("%(count)s minute", "%(count)s minutes", count),
    }
    return said[unit] % {"count": whole(count)}


def size(count: int) -> str:
    """Bytes for people."""
    return str(filesizeformat(count))


def words(state: str) -> str:
    """A state in words; what is no state of ours stays as it is."""
    return str(STATES.get(state) or state.replace("_", " "))


def badge(state: str) -> SafeString:
    """A state as a coloured label; the word carries the meaning, the colour only helps."""
    return format_html('<span class="rs-badge rs-badge-{}">{}</span>', state, words(state))


def role(name: str) -> str:
    return str(ROLES.get(name, name))


def in_english(text: Any) -> Any:
    """Words that are English in every language: what was stored, and what the domain refuses with."""
    return text if language() == "en" or not text else format_html('<span lang="en">{}</span>', text)


def why(reason: str) -> str:
    """Why a row waits in quarantine."""
    return _(sentence(reason.partition("@")[0]))


def stage(name: str, *, waiting: bool = False) -> str:
    """What is being done, in words; before the first word of a run, whether anybody is at it yet."""
    if not name:
        return _("Waiting for a worker") if waiting else _("Beginning")
    return str(STAGES.get(name, name.capitalize()))


def link(text: Any, view: str, *args: Any, query: str = "") -> SafeString:
    return format_html('<a class="rs-link" href="{}{}">{}</a>', reverse(f"admin:{view}", args=args), query, text)


def masked_email(address: str) -> str:
    """Its domain and first letter: enough to recognise, too little to write to."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if at else ("…" if address else NOTHING)
