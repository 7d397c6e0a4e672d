"""The page behind an invitation's link: a contributor without an account makes one."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from revshare.clock import now
from revshare.errors import Conflict, NotFound, Refused
from revshare.invitations.operations import claim_account, find_open
from revshare.portal.guard import contained


@contained
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """A user name and a password; then the person is signed in."""
    try:
        found = find_open(token, at=now())
    except NotFound as gone:
        return render(request, "portal/invitation_gone.html", {"reason": str(gone)}, status=404)
    name = request.POST.get("name", "").strip()[:200]
    error = ""
    if request.method == "POST":
        password = request.POST.get("password", "")
        try:
            if password != request.POST.get("again", ""):
                raise Refused(_("The two passwords are not the same."))
            user = claim_account(token=token, name=name, password=password, at=now())
            login(request, user)
            return redirect("home")
        except NotFound as gone:
            return render(request, "portal/invitation_gone.html", {"reason": str(gone)}, status=404)
        except Conflict:
            error = _("There is a user of this name already. Choose another.")
        except Refused as refused:
            error = str(refused)
    shown = {"invitation": found, "contributor": found.contributor, "name": name, "error": error}
    return render(request, "portal/invitation.html", shown, status=422 if error else 200)
