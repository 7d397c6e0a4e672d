"""Pages for staff about contributors' accounts: invite one, decide a deletion, see what letters look like."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import override, pgettext_lazy

from revshare.access.models import User
from revshare.access.rules import may
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.errors import Refused
from revshare.invitations.models import Invitation
from revshare.invitations.operations import invite, link_of
from revshare.mail.letters import SAMPLES, rendered, unsubscribe_path
from revshare.mail.models import Message
from revshare.mail.rules import LOST, OPTIONAL
from revshare.personal.operations import decide_deletion
from revshare.personal.queries import open_requests
from revshare.portal.guard import member_form, member_page
from revshare.wording import LANGUAGES

SHOWN = 100
KIND_WORDS = {
    "statement_published": pgettext_lazy("letter", "Statement published"),
    "action_needed": pgettext_lazy("letter", "Deadline near"),
    "claim_decided": pgettext_lazy("letter", "Claim decided"),
    "security": pgettext_lazy("letter", "Security notice"),
    "destination": pgettext_lazy("letter", "Destination of payments changed"),
    "overpaid": pgettext_lazy("letter", "Overpayment"),
    "invitation": pgettext_lazy("letter", "Invitation"),
}
LOST_WORDS = {"failed": pgettext_lazy("state", "failed"), "unsure": pgettext_lazy("state", "unsure")}


def _for(action: str) -> Callable[[Any], Any]:
    """Only for whoever may do this."""

    def decorate(view: Any) -> Any:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not may(roles=cast(User, request.user).roles, action=action):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return answer

    return decorate


def _act(request: HttpRequest) -> Act:
    return Act(actor=request.user.get_username(), at=now())


class _Unreadable(Refused):
    """What the form itself refuses, in the reader's language."""


def _said(refused: Refused) -> str | SafeString:
    """What else refuses, does so in English."""
    return str(refused) if isinstance(refused, _Unreadable) else format_html('<span lang="en">{}</span>', str(refused))


@member_form
@_for("invite")
def invitations(request: HttpRequest) -> HttpResponse:
    """Invites a contributor; the link goes by letter, and is shown once to whoever made it."""
    shown: dict[str, Any] = {"error": "", "link": ""}
    status = 200
    if request.method == "POST":
        asked = {name: request.POST.get(name, "").strip()[:200] for name in ("contributor_id", "email")}
        shown |= asked
        try:
            if not all(text.isprintable() for text in asked.values()):
                raise _Unreadable(_("There are characters in it that cannot be shown."))
            made = invite(contributor_id=asked["contributor_id"], email=asked["email"], act=_act(request))
            shown |= {"link": settings.REVSHARE_SITE_URL + link_of(made), "made": made}
        except Refused as refused:
            shown["error"], status = _said(refused), 422
    shown["rows"] = Invitation.objects.select_related("contributor")[:SHOWN]
    return render(request, "portal/staff_invitations.html", shown, status=status)


@member_form
@_for("decide_deletion")
def deletions(request: HttpRequest) -> HttpResponse:
    """Requests to be forgotten that wait for a decision."""
    error: str = ""
    if request.method == "POST":
        number = request.POST.get("number", "")
        try:
            if not (number.isascii() and number.isdigit() and len(number) < 19):
                raise _Unreadable(_("There is no such request."))
            decide_deletion(
                number=int(number), outcome=request.POST.get("outcome", ""),
                reason=request.POST.get("reason", "").strip()[:2000], act=_act(request),
            )  # fmt: skip
            return redirect("staff-deletions")
        except Refused as refused:
            error = _said(refused)
    shown = {"rows": open_requests()[:SHOWN], "error": error}
    return render(request, "portal/staff_deletions.html", shown, status=422 if error else 200)


@member_page
@_for("read_letters")
def letters(request: HttpRequest) -> HttpResponse:
    """Each kind of letter in each language, and those that could not be sent."""
    rows = Message.objects.filter(state__in=LOST)[:SHOWN]
    shown = {
        "kinds": [(kind, KIND_WORDS[kind]) for kind in SAMPLES], "all_languages": list(LANGUAGES.items()),
        "lost": [(row, KIND_WORDS[row.kind], LOST_WORDS[row.state]) for row in rows],
    }  # fmt: skip
    return render(request, "portal/staff_letters.html", shown)


# Mail programs know no stylesheets; only here may an element have a style of its own, and nothing else.
@csp_replace({"style-src": [UNSAFE_INLINE], "script-src": None})
@member_page
@_for("read_letters")
def letter(request: HttpRequest, kind: str, language: str, form: str) -> HttpResponse:
    """A sample of a letter, as it is sent."""
    if kind not in SAMPLES or language not in LANGUAGES:
        raise Http404
    with override(language):
        leave = unsubscribe_path("sample", kind) if kind in OPTIONAL else ""
        text, html = rendered(SAMPLES[kind](), name="Ann Arbor", leave=leave)
    if form == "txt":
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
    return HttpResponse(html)
