"""What stands in the sidebar: the work first, then the records in the order of the stages."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import escape

from revshare.access.rules import may
from revshare.console.shown import words
from revshare.console.waiting import in_quarantine
from revshare.cycles.models import Cycle

WORK = (
    ("Work", (
        ("Home", "home", "admin:index", None),
        ("Take in a file", "upload_file", "admin:upload", "ingest"),
        ("Open a cycle", "event_available", "admin:open-cycle", "open_cycle"),
        ("Register a policy", "gavel", "admin:register-policy", "register_policy"),
        ("Payouts", "payments", "admin:payouts", None),
        ("Jobs", "bolt", "admin:jobs", None),
    )),
    ("To decide", (
        ("Quarantine", "warning", "admin:quarantine", None),
        ("Suspense", "hourglass_empty", "admin:suspense", None),
        ("Claims", "front_hand", "admin:work-claims", None),
        ("Consents", "thumbs_up_down", "admin:work-consents", None),
        ("Advances and debts", "request_quote", "admin:work-debts", None),
        ("Restatements", "history_edu", "admin:restatements", None),
    )),
    ("Contributors’ accounts", (
        ("Invitations", "mail", "staff-invitations", "invite"),
        ("Deletion requests", "person_remove", "staff-deletions", "decide_deletion"),
        ("Letters", "drafts", "staff-letters", "read_letters"),
    )),
    ("To look up", (
        ("Audit trail", "history", "admin:audit", None),
        ("Verification", "verified", "admin:verification", None),
        ("Deficits", "trending_down", "admin:deficits", None),
        ("Downloads", "download", "admin:downloads", "export"),
    )),
)  # fmt: skip
RECORDS = (
    ("1 · Files", (("Files", "ingestedfile"), ("Quarantined rows", "quarantinedrow"), ("Uploads", "upload"))),
    ("2 · People and assets", (
        ("Contributors", "contributor"), ("Manifests", "manifest"), ("Parts", "part"),
        ("Parts of manifests", "partversion"), ("Weights", "weight"), ("Trainings", "training"),
        ("Consents", "consent"), ("Splits", "split"), ("Claims", "claim"), ("Steps of claims", "claimstep"),
    )),
    ("3 · Sales and policies", (
        ("Sales", "sale"), ("Measures", "measure"), ("Outputs", "output"), ("Usage", "usage"), ("Rates", "rate"),
        ("Policies", "policy"),
    )),
    ("4 · Cycles", (("Cycles", "cycle"), ("Windows", "window"), ("Pools", "pool"), ("Allocations", "allocation"),
        ("Matches", "match"), ("Decisions on suspense", "suspensedecision"))),
    ("5 · Ledger", (("Journals", "journal"), ("Legs", "leg"))),
    ("6 · Statements", (("Statements", "statement"),)),
    ("7 · Payments", (
        ("Batches", "paymentbatch"), ("Payments", "payment"), ("Results", "paymentresult"), ("Holds", "hold"),
        ("Payout currencies", "payoutcurrency"), ("Debts", "debt"), ("Steps of debts", "debtstep"),
        ("Taken back", "recouped"),
    )),
    ("On record", (("Runs", "run"), ("Audit trail", "event"), ("Users", "user"))),
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
        decided = next(group["items"] for group in work if group["title"] == "To decide")
        next(item for item in decided if item["title"] == "Quarantine").update(
            badge=str(waiting), badge_variant="warning"
        )
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
    latest = [{"title": "Latest cycles", "separator": True, "items": cycles}] if cycles else []
    return [work[0], *latest, *(group for group in work[1:] if group["items"]), *records]


def _item(title: str, icon: str, link: str) -> dict[str, Any]:
    # A title is put into the page as it is: a cycle's key is somebody's text.
    return {"title": escape(title), "icon": icon, "link": link}


def favicon(request: HttpRequest) -> str:
    """UNFOLD["SITE_FAVICONS"]."""
    return static("console/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    """UNFOLD["STYLES"]."""
    return static("console/console.css")
