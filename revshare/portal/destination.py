"""Where one's own money goes: masked, and changed by whoever has just shown who they are."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.errors import Conflict, Refused
from revshare.payouts.destinations import set_destination
from revshare.payouts.models import Destination
from revshare.payouts.rules import COOL_OFF, MAX_DESTINATION_CHARACTERS, MIN_DESTINATION_CHARACTERS, masked
from revshare.portal.consents import own_contributor
from revshare.portal.guard import member_form
from revshare.signin.step_up import check_step_up
from revshare.wording import day


@member_form
def destination(request: HttpRequest) -> HttpResponse:
    contributor_id = own_contributor(request, "read_destination")
    shown: dict[str, Any] = {"cool_off_days": COOL_OFF.days}
    if request.method == "POST":
        check_step_up(request, "set_destination")
        act = Act(actor=request.user.get_username(), at=now())
        try:
            made = set_destination(contributor_id=contributor_id, text=request.POST.get("text", ""), act=act)
            said = _("It is known from now on, and used from %(day)s on.") % {"day": day(made.usable_from.date())}
            messages.success(request, said)
            return redirect("destination")
        except Conflict:
            shown["error"] = _("This is the destination that is known already.")
        except Refused:
            shown["error"] = _(
                "Write %(least)d to %(most)d characters: a bank account with its bank, as the bank writes it."
            ) % {"least": MIN_DESTINATION_CHARACTERS, "most": MAX_DESTINATION_CHARACTERS}
    last = list(Destination.objects.filter(contributor_id=contributor_id)[:2])
    at = now()
    shown["rows"] = [
        {"masked": masked(row.text), "from": row.usable_from, "used": row.usable_from <= at} for row in last
    ]  # fmt: skip
    return render(request, "portal/destination.html", shown, status=422 if "error" in shown else 200)
