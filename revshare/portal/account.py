"""A contributor's account: language and letters, own data, a request to be forgotten; and the link to
unsubscribe."""

from typing import cast

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from revshare.access.models import User
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.errors import Conflict
from revshare.mail.letters import read_unsubscribe
from revshare.mail.operations import prefer, unsubscribe
from revshare.mail.queries import preference_of
from revshare.mail.rules import KINDS, OPTIONAL
from revshare.personal.operations import ask_deletion, take_data
from revshare.personal.queries import requests_of
from revshare.portal.access import require_own
from revshare.portal.guard import contained, member_form, member_page
from revshare.portal.language import COOKIE, remember
from revshare.signin.links import check_link
from revshare.wording import LANGUAGES

MOST_TEXT = 2000


def kind_words() -> dict[str, str]:
    """What each kind of letter is about."""
    return {
        "statement_published": _("A statement of yours is published"),
        "action_needed": _("A deadline of yours comes near"),
        "claim_decided": _("A claim of yours is decided"),
        "security": _("Something about your account changed"),
        "destination": _("Where your money goes changed"),
        "overpaid": _("What was paid to you too much is going to be taken back"),
        "invitation": _("You are invited to your account"),
    }


@member_form
def account(request: HttpRequest) -> HttpResponse:
    """What is set, and where to change it."""
    contributor_id = require_own(cast(User, request.user), "own_data")
    if request.method == "POST":
        language = request.POST.get("language", "")
        unwanted = [kind for kind in OPTIONAL if not request.POST.get(kind)]
        prefer(
            contributor_id=contributor_id,
            language=language if language in LANGUAGES else "",
            unwanted=unwanted,
            at=now(),
        )
        response = redirect("account")
        if language in LANGUAGES:
            remember(response, language)
        else:
            response.delete_cookie(COOKIE)
        return response
    wish = preference_of(contributor_id)
    words = kind_words()
    shown = {
        "contributor": cast(User, request.user).contributor, "language": wish.language if wish else "",
        "all_languages": list(LANGUAGES.items()), "saved": bool(wish),
        "optional": [(kind, words[kind], not (wish and kind in wish.unwanted)) for kind in OPTIONAL],
        "always": [words[kind] for kind in KINDS if kind not in (*OPTIONAL, "invitation")],
        "requests": requests_of(contributor_id),
    }  # fmt: skip
    return render(request, "portal/account.html", shown)


@member_page
def own_data(request: HttpRequest) -> HttpResponseBase:
    """All that is held about one, as a ZIP file."""
    contributor_id = require_own(cast(User, request.user), "own_data")
    check_link(request)
    act = Act(actor=request.user.get_username(), at=now())
    content = take_data(contributor_id=contributor_id, act=act)
    name = f"my-data-{act.at:%Y-%m-%d}.zip"
    response = HttpResponse(content, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@member_form
def delete_data(request: HttpRequest) -> HttpResponse:
    """What a deletion takes and what it leaves, before it is asked for."""
    user = cast(User, request.user)
    contributor_id = require_own(user, "own_data")
    error = ""
    if request.method == "POST":
        text = request.POST.get("text", "").strip()[:MOST_TEXT]
        try:
            ask_deletion(
                contributor_id=contributor_id, text="".join(c for c in text if c.isprintable() or c == "\n"),
                act=Act(actor=user.get_username(), at=now()),
            )  # fmt: skip
            return redirect("account")
        except Conflict:
            error = _("A request of yours is open already; a person will decide it.")
    return render(request, "portal/delete_data.html", {"error": error}, status=422 if error else 200)


@csrf_exempt  # mail programs send the one click by themselves (RFC 8058); the signed link is the right to it
@contained
@require_http_methods(["GET", "HEAD", "POST"])
def leave_letters(request: HttpRequest, token: str) -> HttpResponse:
    """Ends letters of one kind, without signing in."""
    try:
        contributor_id, kind = read_unsubscribe(token)
    except (signing.BadSignature, ValueError, TypeError):
        raise Http404 from None
    if kind not in OPTIONAL:
        raise Http404
    done = request.method == "POST"
    if done:
        unsubscribe(contributor_id=contributor_id, kind=kind, at=now())
    return render(request, "portal/leave_letters.html", {"kind": kind_words()[kind], "done": done})
