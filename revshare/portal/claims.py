"""A contributor's claims on works: file one, see where it stands, give the proof."""

from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from revshare.access.models import User
from revshare.audit_trail.operations import Act
from revshare.claims.operations import USUAL_DAYS, file_claim, prove
from revshare.claims.queries import with_state
from revshare.claims.rules import FILED, OPEN
from revshare.clock import now
from revshare.errors import Conflict, NotFound, Refused
from revshare.portal.access import require_own
from revshare.portal.guard import member_form, member_page

PAGE_SIZE = 50
MOST_OPEN = 50
MOST_TEXT = 2000
MAX_NUMBER = 2**63 - 1


@member_page
def claims(request: HttpRequest) -> HttpResponse:
    """One's own claims, latest first."""
    rows = _own(request, "claim_own").order_by("-pk")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and int(before[:20]) <= MAX_NUMBER:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: PAGE_SIZE + 1])
    shown = {
        "rows": [(claim, state_words(claim.state)) for claim in found[:PAGE_SIZE]],
        "older": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
    }  # fmt: skip
    return render(request, "portal/claims.html", shown)


@member_form
def new_claim(request: HttpRequest) -> HttpResponse:
    """Files a claim; what that does is said before."""
    contributor_id = require_own(cast(User, request.user), "claim_own")
    given = request.POST if request.method == "POST" else request.GET
    asked = {name: given.get(name, "").strip()[:MOST_TEXT] for name in ("dataset_version", "asset_id", "proof")}
    error = ""
    if request.method == "POST":
        try:
            _check(request, asked)
            claim = file_claim(
                claimant_id=contributor_id, dataset_version=asked["dataset_version"], asset_id=asked["asset_id"],
                proof=asked["proof"], act=_act(request),
            )  # fmt: skip
            return redirect("claim", number=claim.pk)
        except NotFound:
            error = _("There is no such work in that dataset version. Compare both names with your list of works.")
        except Conflict:
            error = _("A claim on this work is open already. When it is decided, you can file yours.")
        except Refused as refused:
            error = str(refused)
    shown = asked | {"error": error, "days": USUAL_DAYS}
    return render(request, "portal/new_claim.html", shown, status=422 if error else 200)


@member_form
def claim(request: HttpRequest, number: int) -> HttpResponse:
    """One claim with its steps; while its proof is not there, where to give it."""
    own = _own(request, "claim_own").filter(pk=min(number, MAX_NUMBER)).first()
    if own is None:
        raise Http404
    error = ""
    if request.method == "POST":
        evidence = request.POST.get("evidence", "").strip()
        try:
            if evidence and _is_text(evidence):
                prove(number=own.pk, evidence=evidence[:MOST_TEXT], act=_act(request))
                return redirect("claim", number=own.pk)
            error = _("Say in words what proves that the work is yours.")
        except Conflict:
            error = _("This claim takes no proof any more.")
        except Refused:
            error = _("The deadline has passed: the claim lapses.")
    shown = {
        "claim": own, "state": state_words(own.state), "error": error, "waits": own.state == FILED,
        "late": own.due_at < now(), "steps": [(step, state_words(step.target)) for step in own.steps.order_by("pk")],
    }  # fmt: skip
    return render(request, "portal/claim.html", shown, status=422 if error else 200)


def state_words(state: str) -> str:
    """Where a claim stands, in words."""
    return {
        "filed": _("filed, the full proof is awaited"),
        "proven": _("proof is there, a decision is awaited"),
        "upheld": _("upheld"),
        "rejected": _("rejected"),
        "lapsed": _("lapsed"),
    }[state]


def _own(request: HttpRequest, action: str) -> Any:
    return with_state().filter(claimant_id=require_own(cast(User, request.user), action))


def _check(request: HttpRequest, asked: dict[str, str]) -> None:
    if not (asked["dataset_version"] and asked["asset_id"] and asked["proof"]):
        raise Refused(_("Name the dataset version and the work, and say what speaks for your claim."))
    if not (asked["dataset_version"].isprintable() and asked["asset_id"].isprintable() and _is_text(asked["proof"])):
        raise Refused(_("There are characters in it that cannot be shown."))
    if _own(request, "claim_own").filter(state__in=OPEN).count() >= MOST_OPEN:
        raise Refused(_("Too many claims of yours are open. Wait until some are decided."))


def _is_text(text: str) -> bool:
    """Whether it can be shown, line ends aside."""
    return text.replace("\r", "").replace("\n", "").replace("\t", "").isprintable()


def _act(request: HttpRequest) -> Act:
    return Act(actor=request.user.get_username(), at=now())
