"""Rows in quarantine: why they wait, and the two ways out."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from revshare.console.base import site
from revshare.console.doors import Told, acting, allowed, attempt, only
from revshare.console.lists import Listing, Order, Seen, answer
from revshare.console.record_words import choice
from revshare.console.shown import amount, why
from revshare.files import quarantine as files_quarantine
from revshare.files.queries import open_quarantine
from revshare.ingest.operations import retry_quarantine
from revshare.wording import whole


@dataclass
class Waiting:
    """A file with rows in quarantine, by reason."""

    pk: int
    name: str
    kind: str
    rows: int = 0
    reasons: list[dict[str, Any]] = field(default_factory=list)


def _waiting() -> list[Waiting]:
    groups = (
        open_quarantine()
        .values("file_id", "file__name", "file__kind", "reason")
        .annotate(rows=Count("pk"), micros=Sum("amount_micros"))
        .order_by("file_id", "reason")
    )
    files: dict[int, Waiting] = {}
    for group in groups:
        pk = group["file_id"]
        file = files.setdefault(pk, Waiting(pk, group["file__name"], group["file__kind"]))
        code, _at, column = group["reason"].partition("@")
        file.rows += group["rows"]
        file.reasons.append(
            {"code": code, "column": column, "meaning": why(code), "rows": group["rows"],
             "amount": amount(group["micros"]),
             "query": urlencode({"file": str(pk), "reason": group["reason"]})}
        )  # fmt: skip
    return list(files.values())


LISTING = Listing(
    name="quarantine", search=gettext_lazy("File, kind or reason"),
    texts=lambda file: (file.name, file.kind, choice(file.kind), *(reason["meaning"] for reason in file.reasons)),
    shown=10,
    orders={
        "oldest": Order(gettext_lazy("Oldest file first"), lambda file: file.pk),
        "newest": Order(gettext_lazy("Latest file first"), lambda file: file.pk, descending=True),
        "rows": Order(gettext_lazy("Most rows first"), lambda file: file.rows, descending=True),
    },
    columns={
        "file": lambda file: file.pk, "name": lambda file: file.name, "kind": lambda file: file.kind,
        "rows": lambda file: file.rows,
        "reasons": lambda file: "; ".join(f"{reason['rows']} {reason['code']}" for reason in file.reasons),
    },
)  # fmt: skip


@require_GET
def page(request: HttpRequest) -> HttpResponseBase:
    seen = answer(request, LISTING, _waiting())
    if not isinstance(seen, Seen):
        return seen
    return site.page(
        request, "quarantine.html", title=_("Quarantine"), files=seen.rows, list=seen,
        may_decide=allowed(request, "quarantine"),
    )  # fmt: skip


@require_POST
@only("quarantine")
def retry(request: HttpRequest) -> HttpResponse:
    """Judges a file's rows again, or all rows."""

    def deed() -> str:
        counts = retry_quarantine(file_id=_file_id(request, required=False), act=acting(request))
        refunds, unknown = counts["released_refunds"], counts["released_unknown"]
        said = [judged(counts)]
        if refunds:
            said.append(_("%(count)s waiting refunds were taken in with them.") % {"count": whole(refunds)})
        if unknown:
            rows = _("%(count)s rows of contributors not known before were taken in with them.")
            said.append(rows % {"count": whole(unknown)})
        return " ".join(said)

    attempt(request, deed)
    return redirect("admin:quarantine")


@require_POST
@only("quarantine")
def dismiss(request: HttpRequest) -> HttpResponse:
    """Closes a file's open rows for good, for a reason."""

    def deed() -> str:
        file_id = _file_id(request, required=True)
        assert file_id is not None
        why = request.POST.get("reason", "").strip()
        count = files_quarantine.dismiss(file_id=file_id, act=acting(request, why=why))
        return dismissed(count)

    attempt(request, deed)
    return redirect("admin:quarantine")


def judged(counts: dict[str, int]) -> str:
    """What came of judging rows again."""
    said = _("Judged again: %(accepted)s accepted, %(duplicate)s duplicate, %(quarantined)s still in quarantine.")
    return said % {name: whole(counts[name]) for name in ("accepted", "duplicate", "quarantined")}


def dismissed(count: int) -> str:
    said = ngettext(
        "%(count)s row dismissed; they stay on record with your reason.",
        "%(count)s rows dismissed; they stay on record with your reason.", count,
    )  # fmt: skip
    return said % {"count": whole(count)}


def _file_id(request: HttpRequest, *, required: bool) -> int | None:
    text = request.POST.get("file", "")
    if not text and not required:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise Told(_("Say which file."))
    return int(text)
