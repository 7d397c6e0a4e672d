"""Signing in and out; one's own factors, sessions and tokens."""

from typing import Any, cast

from allauth.account.views import LoginView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from revshare.access.models import ApiToken, User
from revshare.access.tokens import DAYS, MAX_DAYS, make_token, revoke_token
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.errors import NotFound, Refused
from revshare.signin.step_up import check_step_up

private = cache_control(private=True, no_store=True)
sign_in = private(LoginView.as_view())


@private
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """Ends the session, and has the browser forget what it kept of it."""
    response = LogoutView.as_view()(request)
    if not request.user.is_authenticated:
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@private
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens; a new one is shown once, on the answer that made it."""
    user = cast(User, request.user)
    shown: dict[str, Any] = {"days": DAYS, "most": MAX_DAYS}
    if request.method == "POST":
        check_step_up(request, "manage_tokens")
        try:
            days = request.POST.get("days", "")
            made, text = make_token(
                user=user, act=Act(actor=user.username, at=now()), purpose=request.POST.get("purpose", "")[:100],
                days=int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0,
            )  # fmt: skip
            shown |= {"made": made, "text": text}
        except Refused:
            shown["error"] = _("A token lives 1 to %(most)d days.") % {"most": MAX_DAYS}
    rows = ApiToken.objects.filter(user=user, revoked_at=None, expires_at__gt=now())
    return render(request, "signin/tokens.html", shown | {"rows": rows}, status=422 if "error" in shown else 200)


@private
@login_required
@require_POST
def end_token(request: HttpRequest, pk: int) -> HttpResponse:
    user = cast(User, request.user)
    try:
        revoke_token(user=user, token_id=pk, act=Act(actor=user.username, at=now()))
    except NotFound:
        raise Http404 from None
    messages.success(request, _("Token %(number)d opens nothing any more.") % {"number": pk})
    return redirect("tokens")
