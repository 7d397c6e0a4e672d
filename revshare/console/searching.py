"""One field for everything that has a name or a number; and the audit trail, by who, what, which and when."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from revshare.audit_trail.models import Event
from revshare.console.base import site
from revshare.console.lists import NEWEST_FIRST, Listing, Seen, answer
from revshare.console.shown import in_english, moment, words
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle
from revshare.files.models import IngestedFile, Upload
from revshare.ledger.models import Journal
from revshare.payouts.models import Payment
from revshare.policies.models import Policy
from revshare.restatements.models import Restatement
from revshare.runs.models import Run
from revshare.statements.queries import by_number

MOST = 8
LONGEST = 200
HASH = re.compile(r"[0-9a-f]{6,64}")
PAYMENT = re.compile(r"pay-[0-9]{6,}-[0-9]{6,}")
NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Hit:
    kind: str
    title: str
    about: str
    url: str


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    hits = [hit for find in FINDERS for hit in find(text)] if text else []
    return site.page(request, "search.html", title=_("Search"), text=text, hits=hits)


def _contributors(text: str) -> Iterator[Hit]:
    # A name is looked for in all of them; whoever gave an id has found whom they meant.
    known = Contributor.objects.filter(pk=text).first()
    rows = [known] if known else Contributor.objects.filter(name__icontains=text).order_by("pk")[:MOST]
    for row in rows:
        yield Hit(
            _("Contributor"), row.name or row.pk, row.pk, reverse("admin:revshare_contributor_change", args=[row.pk])
        )


def _statements(text: str) -> Iterator[Hit]:
    for row in by_number(text).select_related("contributor"):
        about = row.contributor.name or row.contributor_id
        yield Hit(_("Statement"), row.number, about, reverse("admin:revshare_statement_change", args=[row.pk]))


def _cycles(text: str) -> Iterator[Hit]:
    for row in Cycle.objects.filter(key__icontains=text)[:MOST]:
        yield Hit(_("Cycle"), row.key, words(row.state), reverse("admin:cycle", args=[row.key]))
    key = text.rpartition("/")
    if key[1] and NUMBER.fullmatch(key[2]):
        for found in Restatement.objects.filter(cycle__key=key[0], number=int(key[2])).select_related("cycle"):
            yield Hit(_("Restatement"), found.key, found.words, reverse("admin:restatement", args=[found.pk]))


def _files(text: str) -> Iterator[Hit]:
    which = Q(name__icontains=text)
    if HASH.fullmatch(text):
        which |= Q(sha256__startswith=text)
    for row in IngestedFile.objects.filter(which)[:MOST]:
        yield Hit(_("File"), row.name, f"{row.kind}, {row.sha256[:16]}…", reverse("admin:file", args=[row.pk]))
    for item in Upload.objects.filter(which, file__isnull=True)[:MOST]:
        yield Hit(_("Upload"), item.name, _("not taken in"), reverse("admin:upload-detail", args=[item.pk]))


def _journals(text: str) -> Iterator[Hit]:
    which = Q(key=text)
    if NUMBER.fullmatch(text):
        which |= Q(pk=int(text))
    if HASH.fullmatch(text):
        which |= Q(hash__startswith=text)
    for row in Journal.objects.filter(which)[:MOST]:
        yield Hit(
            _("Journal"),
            _("No. %(number)s") % {"number": row.seq},
            f"{row.kind} {row.key}",
            reverse("admin:revshare_journal_change", args=[row.pk]),
        )


def _policies(text: str) -> Iterator[Hit]:
    for row in Policy.objects.filter(name__icontains=text).order_by("-pk")[:MOST]:
        yield Hit(_("Policy"), str(row), f"{row.sha256[:16]}…", reverse("admin:revshare_policy_change", args=[row.pk]))


def _payments(text: str) -> Iterator[Hit]:
    if PAYMENT.fullmatch(text):
        for row in Payment.objects.filter(payment_key=text):
            about = f"{row.name or row.contributor_id}, {words(row.state)}"
            yield Hit(_("Payment"), row.payment_key, about, reverse("admin:revshare_payment_change", args=[row.pk]))


def _runs(text: str) -> Iterator[Hit]:
    if NUMBER.fullmatch(text):
        for row in Run.objects.filter(pk=int(text)):
            yield Hit(
                _("Job"),
                _("Job %(number)s") % {"number": row.pk},
                in_english(str(row)),
                reverse("admin:revshare_run_change", args=[row.pk]),
            )


FINDERS: tuple[Callable[[str], Iterator[Hit]], ...] = (
    _contributors, _statements, _cycles, _files, _journals, _policies, _payments, _runs,
)  # fmt: skip


EVENTS = Listing(
    name="audit-trail", search=gettext_lazy("Object, deed, person or reason"), orders=NEWEST_FIRST, keyed=True,
    shown=50,
    columns={
        "seq": lambda row: row.seq, "at": lambda row: f"{row.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "actor": lambda row: row.actor, "action": lambda row: row.action, "object": lambda row: row.object,
        "reason": lambda row: row.detail.get("why", ""), "hash": lambda row: row.hash,
    },
)  # fmt: skip


@require_GET
def audit(request: HttpRequest) -> HttpResponseBase:
    """`?q=` (in object, action, actor or reason), `?actor=`, `?action=`, `?since=`, `?until=` (days, UTC), and what
    lists take."""
    given = {name: request.GET.get(name, "").replace("\x00", "").strip()[:LONGEST] for name in
             ("q", "actor", "action", "since", "until")}  # fmt: skip
    seen = answer(request, EVENTS, _events(given), kept=given)
    if not isinstance(seen, Seen):
        return seen
    shown = [
        {"seq": row.seq, "at": moment(row.at), "actor": row.actor, "action": row.action.replace("_", " "),
         "object": row.object,
         "why": row.detail.get("why", ""), "url": reverse("admin:revshare_event_change", args=[row.seq])}
        for row in seen.rows
    ]  # fmt: skip
    return site.page(
        request, "audit.html", title=_("Audit trail"), rows=shown, given=given, list=seen, asked=any(given.values())
    )


def _events(given: dict[str, str]) -> Any:
    rows = Event.objects.all()
    if text := given["q"]:
        rows = rows.filter(
            Q(object__icontains=text) | Q(action__icontains=text) | Q(actor=text) | Q(detail__why__icontains=text)
        )
    if given["actor"]:
        rows = rows.filter(actor=given["actor"])
    if given["action"]:
        rows = rows.filter(action__startswith=given["action"])
    if since := _day(given["since"]):
        rows = rows.filter(at__gte=since)
    if until := _day(given["until"]):
        rows = rows.filter(at__lt=until + timedelta(days=1))
    return rows


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
