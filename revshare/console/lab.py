"""The policy lab: a cycle under other policies, side by side with its own. Nothing is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET

from revshare import wording
from revshare.clock import now
from revshare.console.base import site
from revshare.console.cycles import find_or_404
from revshare.console.doors import Told, only, refusal
from revshare.console.shown import NOTHING, amount, readable
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.lab.candidates import MOST, registered
from revshare.lab.csv_file import csv_blocks
from revshare.lab.operations import Comparison, compare
from revshare.lab.report import Column, Mover, Rules, Table, decimals, report
from revshare.policies.models import Policy
from revshare.signin.links import PARAMETER, check_link, link_of
from revshare.wording import percent, whole

SHOWN_POLICIES = 50
BUCKETS = {
    "platform": gettext_noop("Platform"), "commons": gettext_noop("Commons fund"),
    "suspense": gettext_noop("In suspense"), "held": gettext_noop("Held"),
    "carried": gettext_noop("Carried to the next cycle"),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A figure under every policy: (policy, value)."""

    title: str
    cells: list[tuple[str, Any]]


@require_GET
@only("lab")
def page(request: HttpRequest, key: str) -> HttpResponse:
    cycle = find_or_404(key)
    chosen = request.GET.getlist("policy")
    told = None
    if chosen:
        try:
            told = report(_compared(cycle, chosen))
        except Refused as error:
            messages.error(request, refusal(error))
    return site.page(
        request, "lab.html", title=_("Other policies for cycle %(key)s") % {"key": cycle.key}, cycle=cycle,
        most=MOST - 1,        choices=_choices(cycle, chosen),
        tables=[_table(table) for table in told.tables] if told else [],
        rules=[_rules(rules) for rules in told.rules] if told else [],
        csv_url=_csv_url(request, key) if told else "",
    )  # fmt: skip


def _csv_url(request: HttpRequest, key: str) -> str:
    path, asked = reverse("admin:lab-csv", args=[key]), request.GET.copy()
    asked[PARAMETER] = link_of(request, path)
    return f"{path}?{asked.urlencode()}"


@require_GET
@only("lab")
def download(request: HttpRequest, key: str) -> HttpResponseBase:
    cycle = find_or_404(key)
    check_link(request)
    try:
        comparison = _compared(cycle, request.GET.getlist("policy"))
    except Refused as error:
        messages.error(request, refusal(error))
        return redirect("admin:lab", key)
    return StreamingHttpResponse(
        csv_blocks(comparison), content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, f"lab-{key}.csv") or "attachment"},
    )  # fmt: skip


def _compared(cycle: Cycle, chosen: list[str]) -> Comparison:
    """`chosen`: ids of registered policies, as they stand in the address. Raises Refused."""
    ids = {int(text) for text in chosen if text.isascii() and text.isdigit() and len(text) < 10}
    policies = Policy.objects.filter(pk__in=ids).order_by("pk")
    if len(policies) < len(chosen):
        raise Told(_("One of these policies is not registered, or is chosen twice: choose again."))
    return compare(cycle=cycle, others=[registered(policy) for policy in policies], at=now())


def _choices(cycle: Cycle, chosen: list[str]) -> list[dict[str, Any]]:
    policies = Policy.objects.exclude(pk=cycle.policy_id).order_by("-pk")[:SHOWN_POLICIES]
    return [{"pk": policy.pk, "name": str(policy), "chosen": str(policy.pk) in chosen} for policy in policies]


def _table(table: Table) -> dict[str, Any]:
    columns, currency = table.columns, table.currency

    def row(title: str, values: list[Any]) -> Row:
        return Row(title, list(zip((column.name for column in columns), values, strict=True)))

    def money(title: str, micros: list[int]) -> Row:
        return row(title, [amount(value, currency) for value in micros])

    rows = [
        row(_("Contributors paid"), [whole(column.spread.contributors) for column in columns]),
        money(_("Net sales"), [column.net_micros for column in columns]),
        money(_("Carried in"), [column.carried_in_micros for column in columns]),
        money(_("To contributors"), [column.spread.total_micros for column in columns]),
        *(money(_(title), [column.rest[bucket] for column in columns]) for bucket, title in BUCKETS.items()),
        row(_("Gini coefficient"), [part_text(column.spread.gini, 4) for column in columns]),
        row(_("Share of the top 1%"), [percent(decimals(column.spread.top * 100, 2)) for column in columns]),
        money(_("Median"), [column.spread.median_micros for column in columns]),
        *_after_splits(columns, currency, row),
        *_shifts(columns, currency, row),
    ]
    return {
        "currency": currency, "names": [column.name for column in columns], "rows": rows,
        "movers": [_movers(column, currency) for column in columns if column.shift],
    }  # fmt: skip


def _after_splits(columns: Sequence[Column], currency: str, row: Callable[[str, list[Any]], Row]) -> list[Row]:
    """What is paid once it was passed on; nothing where nobody has splits."""
    kept = [column.after for column in columns if column.after]
    if not kept:
        return []
    return [
        row(_("Passed on by splits"), [amount(column.passed_on_micros, currency) for column in columns]),
        row(_("Paid after splits"), [whole(after.contributors) for after in kept]),
        row(_("Gini coefficient after splits"), [part_text(after.gini, 4) for after in kept]),
    ]


def _shifts(columns: Sequence[Column], currency: str, row: Callable[[str, list[Any]], Row]) -> list[Row]:
    """Against the first policy, which has nothing to be compared with."""
    shifts = [column.shift for column in columns]
    counts = ((_("Winners"), "winners"), (_("Losers"), "losers"), (_("Unchanged"), "unchanged"))
    sums = ((_("Gained"), "gained_micros"), (_("Lost"), "lost_micros"))
    return [
        *(row(title, [whole(getattr(s, name)) if s else NOTHING for s in shifts]) for title, name in counts),
        *(row(title, [amount(getattr(s, name), currency) if s else NOTHING for s in shifts]) for title, name in sums),
    ]


def part_text(part: Fraction, places: int) -> str:
    """A part as the report's `decimals` has it, as readers write it."""
    return wording.decimals(decimals(part, places))


def _movers(column: Column, currency: str) -> dict[str, Any]:
    return {
        "policy": column.name,
        "lists": [
            (_("Largest gains"), [_mover(mover, currency) for mover in column.gains]),
            (_("Largest losses"), [_mover(mover, currency) for mover in column.losses]),
        ],
    }


def _mover(mover: Mover, currency: str) -> dict[str, Any]:
    return {
        "id": mover.contributor_id, "name": mover.name or mover.contributor_id,
        "before": amount(mover.before_micros, currency), "after": amount(mover.after_micros, currency),
        "difference": f"{'+' if mover.difference_micros > 0 else ''}{readable(mover.difference_micros, currency)}",
    }  # fmt: skip


def _rules(rules: Rules) -> dict[str, Any]:
    return {
        "name": rules.name, "sha256": rules.sha256, "sentences": rules.sentences,
        "pools": [
            {
                "name": " · ".join(filter(None, vars(line.pool.key).values())), "rule": line.pool.words,
                "shared": amount(line.pool.distributable_micros, line.pool.key.currency),
                "suspense": line.suspense_reason,
            }
            for line in rules.pools
        ],
    }  # fmt: skip
