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
    ("Home", "home", "index", None),
    ("Take in a file", "upload_file", "upload", "ingest"),
    ("Quarantine", "warning", "quarantine", None),
    ("Suspense", "hourglass_empty", "suspense", None),
    ("Claims", "front_hand", "work-claims", None),
    ("Consents", "thumbs_up_down", "work-consents", None),
    ("Advances and debts", "request_quote", "work-debts", None),
    ("Jobs", "bolt", "jobs", None),
    ("Audit trail", "history", "audit", None),
    ("Restatements", "history_edu", "restatements", None),
    ("Deficits", "trending_down", "deficits", None),
    ("Register a policy", "gavel", "register-policy", "register_policy"),
    ("Open a cycle", "event_available", "open-cycle", "open_cycle"),
    ("Payouts", "payments", "payouts", None),
    ("Downloads", "download", "downloads", "export"),
)
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
    work = [
        _item(title, icon, reverse(f"admin:{view}"))
        for title, icon, view, action in WORK
        if action is None or may(roles=roles, action=action)
    ]
    if waiting := in_quarantine():
        next(item for item in work if item["title"] == "Quarantine").update(badge=str(waiting), badge_variant="warning")
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
    return [{"title": "Work", "items": work}, *latest, *records]


def _item(title: str, icon: str, link: str) -> dict[str, Any]:
    # A title is put into the page as it is: a cycle's key is somebody's text.
    return {"title": escape(title), "icon": icon, "link": link}


def favicon(request: HttpRequest) -> str:
    """UNFOLD["SITE_FAVICONS"]."""
    return static("console/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    """UNFOLD["STYLES"]."""
    return static("console/console.css")
