"""Pages about a contributor's works: where they stand, and opting them out or in again."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from revshare.access.models import User
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.consents.assets import held, held_and_standings
from revshare.consents.models import DECISIONS, Consent
from revshare.errors import Refused
from revshare.ingest.decisions import decide
from revshare.portal.access import require_own
from revshare.portal.guard import member_form, member_page

PAGE_SIZE = 50
MAX_NUMBER = 2**63 - 1


def own_contributor(request: HttpRequest, action: str) -> str:
    return require_own(cast(User, request.user), action)


def _text(request: HttpRequest, name: str) -> str:
    """An id from the address; no id has characters that cannot be shown."""
    text = request.GET.get(name, "").strip()
    return text if text.isprintable() else ""


@member_page
def works(request: HttpRequest) -> HttpResponse:
    """Which of one's assets stand in which dataset versions and models."""
    contributor_id = own_contributor(request, "read_own_assets")
    search = _text(request, "search")
    versions, page = held_and_standings(
        contributor_id=contributor_id, at=now(), size=PAGE_SIZE, search=search,
        after=(_text(request, "after"), _text(request, "version")),
    )  # fmt: skip
    following = ""
    if page.more:
        asset, version = page.rows[-1].place
        following = urlencode({"search": search, "after": asset, "version": version})
    shown = {
        "versions": versions, "rows": page.rows, "search": search, "following": following,
        "is_first": "after" not in request.GET,
    }  # fmt: skip
    return render(request, "portal/works.html", shown)


@member_page
def decisions(request: HttpRequest) -> HttpResponse:
    """One's own decisions, latest first, and where to make another."""
    contributor_id = own_contributor(request, "read_own_assets")
    before = request.GET.get("before", "")
    rows = Consent.objects.filter(contributor_id=contributor_id).order_by("-pk")
    if before.isascii() and before.isdigit() and int(before[:20]) <= MAX_NUMBER:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: PAGE_SIZE + 1])
    shown = {"rows": found[:PAGE_SIZE], "older": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None}
    return render(request, "portal/decisions.html", shown)


@member_form
def new_decision(request: HttpRequest) -> HttpResponse:
    """What a decision would do, before it is made; then it is made."""
    contributor_id = own_contributor(request, "consent")
    given = request.POST if request.method == "POST" else request.GET
    asked = {name: given.get(name, "").strip() for name in ("decision", "asset_id", "scope")}
    error = ""
    if request.method == "POST":
        act = Act(actor=request.user.get_username(), at=now())
        try:
            decide(contributor_id=contributor_id, through="portal", act=act, **asked)
            return redirect("decisions")
        except Refused:
            error = _("The asset or the dataset version cannot be an id. Compare both with your list of works.")
    if asked["decision"] not in DECISIONS:
        asked["decision"] = "opt_out"
    for name in ("asset_id", "scope"):
        if not asked[name].isprintable():
            asked[name] = ""
    rows = held(contributor_id=contributor_id, asset_id=asked["asset_id"], scope=asked["scope"])
    shown = {
        **asked, "stay": [row for row in rows if row.frozen_at], "bound": [row for row in rows if not row.frozen_at],
        "error": error,
    }  # fmt: skip
    return render(request, "portal/new_decision.html", shown, status=422 if error else 200)
