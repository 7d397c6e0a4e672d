"""What stands in the sidebar: the work first, then the records in the order of the stages."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _

from revshare.access.rules import may
from revshare.console.shown import words
from revshare.console.waiting import in_quarantine
from revshare.cycles.models import Cycle

WORK = (
    (_("Work"), (
        (_("Home"), "home", "admin:index", None),
        (_("Take in a file"), "upload_file", "admin:upload", "ingest"),
        (_("Open a cycle"), "event_available", "admin:open-cycle", "open_cycle"),
        (_("Register a policy"), "gavel", "admin:register-policy", "register_policy"),
        (_("Payouts"), "payments", "admin:payouts", None),
        (_("Jobs"), "bolt", "admin:jobs", None),
    )),
    (_("To decide"), (
        (_("Quarantine"), "warning", "admin:quarantine", None),
        (_("Suspense"), "hourglass_empty", "admin:suspense", None),
        (_("Claims"), "front_hand", "admin:work-claims", None),
        (_("Consents"), "thumbs_up_down", "admin:work-consents", None),
        (_("Advances and debts"), "request_quote", "admin:work-debts", None),
        (_("Restatements"), "history_edu", "admin:restatements", None),
    )),
    (_("Contributors’ accounts"), (
        (_("Invitations"), "mail", "staff-invitations", "invite"),
        (_("Deletion requests"), "person_remove", "staff-deletions", "decide_deletion"),
        (_("Letters"), "drafts", "staff-letters", "read_letters"),
    )),
    (_("To look up"), (
        (_("Audit trail"), "history", "admin:audit", None),
        (_("Verification"), "verified", "admin:verification", None),
        (_("Deficits"), "trending_down", "admin:deficits", None),
        (_("Downloads"), "download", "admin:downloads", "export"),
    )),
)  # fmt: skip
RECORDS = (
    (_("1 · Files"), (
        (_("Files"), "ingestedfile"), (_("Quarantined rows"), "quarantinedrow"), (_("Uploads"), "upload"),
    )),
    (_("2 · People and assets"), (
        (_("Contributors"), "contributor"), (_("Manifests"), "manifest"), (_("Parts"), "part"),
        (_("Parts of manifests"), "partversion"), (_("Weights"), "weight"), (_("Trainings"), "training"),
        (_("Consents"), "consent"), (_("Splits"), "split"), (_("Claims"), "claim"),
        (_("Steps of claims"), "claimstep"),
    )),
    (_("3 · Sales and policies"), (
        (_("Sales"), "sale"), (_("Measures"), "measure"), (_("Outputs"), "output"), (_("Usage"), "usage"),
        (_("Rates"), "rate"), (_("Policies"), "policy"),
    )),
    (_("4 · Cycles"), (
        (_("Cycles"), "cycle"), (_("Windows"), "window"), (_("Pools"), "pool"), (_("Allocations"), "allocation"),
        (_("Matches"), "match"), (_("Decisions on suspense"), "suspensedecision"),
    )),
    (_("5 · Ledger"), ((_("Journals"), "journal"), (_("Legs"), "leg"))),
    (_("6 · Statements"), ((_("Statements"), "statement"),)),
    (_("7 · Payments"), (
        (_("Batches"), "paymentbatch"), (_("Payments"), "payment"), (_("Results"), "paymentresult"),
        (_("Holds"), "hold"), (_("Payout currencies"), "payoutcurrency"), (_("Debts"), "debt"),
        (_("Steps of debts"), "debtstep"), (_("Taken back"), "recouped"),
    )),
    (_("On record"), ((_("Runs"), "run"), (_("Audit trail"), "event"), (_("Users"), "user"))),
)  # fmt: skip
ICONS = {
    "ingestedfile": "description", "quarantinedrow": "rule", "upload": "cloud_upload", "contributor": "group",
    "manifest": "dataset", "part": "widgets", "partversion": "account_tree", "weight": "scale", "training": "school",
    "sale": "shopping_cart", "policy": "policy", "cycle": "autorenew", "window": "date_range", "pool": "water_drop",
    "allocation": "pie_chart", "journal": "menu_book", "leg": "balance", "statement": "receipt_long",
    "paymentbatch": "payments", "payment": "send_money", "paymentresult": "account_balance", "hold": "pan_tool",
    "run": "play_arrow", "event": "history", "user": "badge", "consent": "thumbs_up_down", "split": "call_split",
    "claim": "front_hand", "claimstep": "rule_folder",
    "measure": "straighten", "output": "image", "usage": "query_stats", "rate": "currency_exchange",
    "match": "join_inner", "suspensedecision": "alt_route", "payoutcurrency": "price_change", "debt": "request_quote",
    "debtstep": "checklist", "recouped": "undo",
}  # fmt: skip
SHOWN_CYCLES = 4


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """UNFOLD["SIDEBAR"]["navigation"]."""
    roles = request.user.roles  # type: ignore[union-attr]
    work: list[dict[str, Any]] = [
        {"title": group, "separator": bool(number), "items": [
            _item(title, icon, reverse(view))
            for title, icon, view, action in items
            if action is None or may(roles=roles, action=action)
        ]}
        for number, (group, items) in enumerate(WORK)
    ]  # fmt: skip
    if waiting := in_quarantine(request):
        page = reverse("admin:quarantine")
        decided = next(item for group in work for item in group["items"] if item["link"] == page)
        decided.update(badge=str(waiting), badge_variant="warning")
    cycles = [
        _item(cycle.key, "autorenew", reverse("admin:cycle", args=[cycle.key])) | {"badge": words(cycle.state),
              "badge_variant": "info"}
        for cycle in Cycle.objects.only("key", "state")[:SHOWN_CYCLES]
    ]  # fmt: skip
    records = [
        {"title": title, "separator": True,
         "items": [_item(name, ICONS[model], reverse(f"admin:revshare_{model}_changelist")) for name, model in models]}
        for title, models in RECORDS
    ]  # fmt: skip
    latest = [{"title": _("Latest cycles"), "separator": True, "items": cycles}] if cycles else []
    return [work[0], *latest, *(group for group in work[1:] if group["items"]), *records]


def _item(title: Any, icon: str, link: str) -> dict[str, Any]:
    """`title`: a cycle's key, or words."""
    # It is put into the page as it is: a cycle's key is somebody's text.
    return {"title": escape(title), "icon": icon, "link": link}


def favicon(request: HttpRequest) -> str:
    """UNFOLD["SITE_FAVICONS"]."""
    return static("console/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    """UNFOLD["STYLES"]."""
    return static("console/console.css")
