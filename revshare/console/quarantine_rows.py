"""Rows in quarantine one by one: each with why it waits and what it says; judged again or dismissed, some or all."""

from collections import defaultdict
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from revshare.console.base import site
from revshare.console.doors import Told, acting, allowed, attempt, only
from revshare.console.lists import NEWEST_FIRST, Listing, Seen, answer
from revshare.console.quarantine import dismissed, judged
from revshare.console.shown import amount, masked_email, why
from revshare.console.stages_in import NO_PERSONAL
from revshare.files import quarantine
from revshare.files.models import QuarantinedRow
from revshare.files.queries import open_quarantine
from revshare.files.reasons import sentence
from revshare.ingest.operations import retry_quarantine
from revshare.wording import whole

LISTING = Listing(
    name="quarantined-rows", search=gettext_lazy("File’s name, or how the reason’s code begins"), keyed=True, shown=50,
    found=lambda text: Q(file__name__icontains=text) | Q(reason__startswith=text),
    orders=dict(reversed(NEWEST_FIRST.items())),
    columns={
        "row": lambda row: row.pk, "file": lambda row: row.file_id, "file_name": lambda row: row.file.name,
        "line": lambda row: row.line, "reason": lambda row: row.reason.partition("@")[0],
        "column": lambda row: row.reason.partition("@")[2],
        "meaning": lambda row: sentence(row.reason.partition("@")[0]),
        "amount_micros": lambda row: row.amount_micros, "content": lambda row: dict(_cells(row)),
    },
)  # fmt: skip
MOST = 10_000


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _chosen(request: HttpRequest) -> tuple[Any, dict[str, str]]:
    """The open rows that the address (or the form) is about, and that as parameters."""
    given = request.POST if request.method == "POST" else request.GET
    rows, said = open_quarantine(), {}
    if (file := _number(given.get("file", ""))) is not None:
        rows, said["file"] = rows.filter(file_id=file), str(file)
    if reason := given.get("reason", "").replace("\x00", ""):
        rows, said["reason"] = rows.filter(reason=reason), reason
    return rows, said


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    """`?file=`, `?reason=` and what lists take: their addresses can be shared."""
    rows, said = _chosen(request)
    seen = answer(request, LISTING, rows.select_related("file"), kept=said)
    if not isinstance(seen, Seen):
        return seen
    return site.page(
        request, "quarantine_rows.html", title=_("Rows in quarantine"), rows=[_shown(row) for row in seen.rows],
        said=said, list=seen, may_decide=allowed(request, "quarantine"),
        why=why(said["reason"]) if "reason" in said else "", filtered=bool(said) and not seen.text,
    )  # fmt: skip


def _shown(row: QuarantinedRow) -> dict[str, Any]:
    column = row.reason.partition("@")[2]
    return {
        "pk": row.pk, "file": row.file.name, "file_pk": row.file_id, "line": whole(row.line), "why": why(row.reason),
        "column": column, "amount": amount(row.amount_micros) if row.amount_micros is not None else "",
        "cells": [(name, text, name == column) for name, text in _cells(row) if text or name == column],
    }  # fmt: skip


def _cells(row: QuarantinedRow) -> list[tuple[str, str]]:
    return [(name, masked_email(text) if name in NO_PERSONAL else text) for name, text in row.row.items()]


@require_POST
@only("quarantine")
def decide(request: HttpRequest) -> HttpResponse:
    """`action`: retry or dismiss; `row`: some rows, or `all` that the address is about."""
    rows, said = _chosen(request)

    def deed() -> str:
        by_file = _by_file(request, rows, bool(said))
        action = request.POST.get("action")
        act = acting(request, why=request.POST.get("reason_given", "").strip())
        if action == "retry":
            counts = retry_quarantine(file_id=None, act=act, only=by_file)
            return judged(counts)
        if action != "dismiss":
            raise Told(_("Choose what to do with the rows."))
        count = sum(quarantine.dismiss(file_id=file, act=act, only=ids) for file, ids in by_file.items())
        return dismissed(count)

    attempt(request, deed)
    return redirect(f"{reverse('admin:quarantine-rows')}?{urlencode(said)}")


def _by_file(request: HttpRequest, rows: Any, filtered: bool) -> dict[int, list[int]]:
    if request.POST.get("all") == "yes":
        if not filtered:
            raise Told(_("Say of which file, or for which reason, all rows are meant."))
        chosen = rows
    else:
        ids = [number for text in request.POST.getlist("row") if (number := _number(text)) is not None]
        if not ids:
            raise Told(_("Tick the rows first."))
        chosen = rows.filter(pk__in=ids)
    found: dict[int, list[int]] = defaultdict(list)
    for pk, file in chosen.order_by("pk").values_list("pk", "file_id")[: MOST + 1]:
        found[file].append(pk)
    if sum(map(len, found.values())) > MOST:
        many = _("More than %(count)s rows at once: decide about the file as a whole, on the page Quarantine.")
        raise Told(many % {"count": whole(MOST)})
    if not found:
        raise Told(_("None of these rows waits any more: somebody has decided about them."))
    return dict(found)
