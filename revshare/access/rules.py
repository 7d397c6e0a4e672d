"""Who may do what, as one table. Pages, API, admin and commands all ask `may`."""

from collections.abc import Iterable

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
    "file_claim": frozenset({"operator"}),
    "decide_claim": frozenset({"approver"}),
    "release_held": frozenset({"operator"}),
    "restate": frozenset({"operator"}),  # compute a closed cycle again, as a draft
    "approve_restatement": frozenset({"approver"}),
    "post_restatement": frozenset({"operator", "finance"}),
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
    "claim_own": frozenset({"contributor"}),  # say that a work is one's own, and prove it
    "own_data": frozenset({"contributor"}),  # take it along, ask that it be deleted, say which letters to get
    "invite": frozenset({"operator"}),  # a contributor to an account of their own
    "decide_deletion": frozenset({"approver"}),
    "read_letters": STAFF,  # what letters look like; which could not be sent
    "consent": frozenset({"contributor"}),  # opt out, or in again: one's own works only
}


def may(*, roles: Iterable[str], action: str) -> bool:
    """Whether somebody with these roles may do this. An action that the table does not name is a programmer's error."""
    return not MAY[action].isdisjoint(roles)
