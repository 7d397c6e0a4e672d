"""Who may do what, as one table. Pages, API, admin, downloads and commands all ask `may`."""

from collections.abc import Iterable
from datetime import datetime, timedelta

ROLES = ("operator", "approver", "finance", "contributor")
STAFF = frozenset({"operator", "approver", "finance"})

MAY: dict[str, frozenset[str]] = {
    "browse": STAFF,  # every stage's records, read only
    "ingest": frozenset({"operator"}),
    "quarantine": frozenset({"operator"}),
    "void_file": frozenset({"operator"}),
    "register_policy": frozenset({"operator"}),
    "open_cycle": frozenset({"operator"}),
    "lock": frozenset({"operator"}),
    "calculate": frozenset({"operator"}),
    "submit": frozenset({"operator"}),
    "match": frozenset({"operator"}),  # say what an unknown name of sales stands for
    "share_suspense": frozenset({"operator"}),  # have the next cycle share what no match lets out of suspense
    "settle_suspense": frozenset({"approver"}),  # give it to the platform or the commons fund
    "approve": frozenset({"approver"}),
    "publish": frozenset({"approver"}),
    "decide_finding": frozenset({"approver"}),  # let what a review found pass, or stop the cycle for it
    "reconcile": frozenset({"approver"}),  # say what was published last, after a restore
    "file_claim": frozenset({"operator"}),
    "decide_claim": frozenset({"approver"}),
    "release_held": frozenset({"operator"}),
    "restate": frozenset({"operator"}),  # compute a closed cycle again, as a draft
    "approve_restatement": frozenset({"approver"}),
    "post_restatement": frozenset({"operator", "finance"}),
    "verify": frozenset({"operator", "approver"}),  # have everything computed again; nothing changes by it
    "lab": STAFF,  # what a cycle would pay under other policies
    "export": frozenset({"finance", "operator", "approver"}),
    "prepare_payouts": frozenset({"finance"}),
    "hold_payouts": frozenset({"finance"}),
    "set_payout_currency": frozenset({"finance"}),
    "ask_for_advance": frozenset({"finance"}),
    "decide_advance": frozenset({"approver"}),
    "book_debt": frozenset({"finance"}),
    "write_off_debt": frozenset({"approver"}),
    "approve_payouts": frozenset({"approver"}),
    "export_payouts": frozenset({"finance"}),
    "book_payments": frozenset({"finance"}),
    "read_statements": STAFF,
    "read_own_statements": frozenset({"contributor"}),
    "read_assets": STAFF,  # where whose works stand, and what they decided about them
    "read_own_assets": frozenset({"contributor"}),
    "set_destination": frozenset({"contributor"}),  # where one's own money goes
    "read_destination": frozenset({"contributor"}),  # one's own, masked
    "read_destinations": frozenset({"finance"}),  # everybody's, masked
    "manage_tokens": STAFF | {"contributor"},  # make one's own
    "end_tokens": STAFF | {"contributor"},  # one's own; safe to do at any time
    "grant_roles": frozenset(),  # superusers alone
    "claim_own": frozenset({"contributor"}),  # say that a work is one's own, and prove it
    "own_data": frozenset({"contributor"}),  # take it along, ask that it be deleted, say which letters to get
    "invite": frozenset({"operator"}),  # a contributor to an account of their own
    "decide_deletion": frozenset({"approver"}),
    "read_letters": STAFF,  # what letters look like; which could not be sent
    "consent": frozenset({"contributor"}),  # opt out, or in again: one's own works only
}


SUPERUSERS_READ = frozenset({"browse", "read_statements", "read_assets", "read_destinations"})
"""What superusers do without a role: look. For everything else they pass the same checks as others."""
LOGGED = frozenset({"operator"})
"""Roles whose reading of somebody's statement leaves a trace: they prepare what people are paid."""
STEP_UP = frozenset({
    "approve", "publish", "approve_restatement", "post_restatement", "approve_payouts", "export_payouts",
    "settle_suspense", "decide_advance", "write_off_debt", "set_payout_currency", "set_destination", "grant_roles",
    "manage_tokens",
})  # fmt: skip
"""What releases money or rights: only for somebody who has shown a moment ago who they are."""
STEP_UP_MINUTES = 10


def may(*, roles: Iterable[str], action: str, superuser: bool = False) -> bool:
    """Whether somebody with these roles may do this. An action that the table does not name is a programmer's error."""
    return not MAY[action].isdisjoint(roles) or (superuser and action in SUPERUSERS_READ)


def leaves_trace(*, roles: Iterable[str], superuser: bool) -> bool:
    """Whether this person's reading of another's statement is recorded."""
    return superuser or not LOGGED.isdisjoint(roles)


def is_staff(*, roles: Iterable[str], superuser: bool) -> bool:
    """Whose account opens more than their own statements: it takes a second factor."""
    return superuser or not STAFF.isdisjoint(roles)


def is_fresh(*, shown_at: datetime | None, at: datetime) -> bool:
    """Whether somebody who showed then who they are may do now what needs `STEP_UP`."""
    return shown_at is not None and timedelta(0) <= at - shown_at <= timedelta(minutes=STEP_UP_MINUTES)
