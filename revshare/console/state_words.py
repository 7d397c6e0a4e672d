"""States and roles in words. A table: where a state is missing, add it here."""

from django.utils.translation import pgettext_lazy

STATES = {
    # of cycles
    "open": pgettext_lazy("state", "open"),
    "locked": pgettext_lazy("state", "locked"),
    "calculated": pgettext_lazy("state", "calculated"),
    "in_review": pgettext_lazy("state", "in review"),
    "approved": pgettext_lazy("state", "approved"),
    "published": pgettext_lazy("state", "published"),
    "settled": pgettext_lazy("state", "settled"),
    # of runs and of the stages of a cycle
    "queued": pgettext_lazy("state", "queued"),
    "running": pgettext_lazy("state", "running"),
    "done": pgettext_lazy("state", "done"),
    "failed": pgettext_lazy("state", "failed"),
    "now": pgettext_lazy("state", "now"),
    "ahead": pgettext_lazy("state", "ahead"),
    "blocked": pgettext_lazy("state", "blocked"),
    # of rows in quarantine
    "accepted": pgettext_lazy("state", "accepted"),
    "duplicate": pgettext_lazy("state", "duplicate"),
    "dismissed": pgettext_lazy("state", "dismissed"),
    # of batches and payments
    "preparing": pgettext_lazy("state", "preparing"),
    "draft": pgettext_lazy("state", "draft"),
    "exported": pgettext_lazy("state", "exported"),
    "cancelled": pgettext_lazy("state", "cancelled"),
    "live": pgettext_lazy("state", "live"),
    "paid": pgettext_lazy("state", "paid"),
    "returned": pgettext_lazy("state", "returned"),
    # of restatements
    "posted": pgettext_lazy("state", "posted"),
    "superseded": pgettext_lazy("state", "superseded"),
    # of claims
    "filed": pgettext_lazy("state", "filed"),
    "proven": pgettext_lazy("state", "proven"),
    "upheld": pgettext_lazy("state", "upheld"),
    "rejected": pgettext_lazy("state", "rejected"),
    "lapsed": pgettext_lazy("state", "lapsed"),
    # of debts
    "asked": pgettext_lazy("state", "asked"),
    "booked": pgettext_lazy("state", "booked"),
    "declined": pgettext_lazy("state", "declined"),
    "written_off": pgettext_lazy("state", "written off"),
    # of what a review found
    "undecided": pgettext_lazy("finding", "open"),
    "overridden": pgettext_lazy("state", "overridden"),
    "stopped": pgettext_lazy("state", "stopped"),
    "note": pgettext_lazy("state", "note"),
    # of consents
    "opt_out": pgettext_lazy("state", "opt out"),
    "opt_in": pgettext_lazy("state", "opt in"),
    # of letters
    "sending": pgettext_lazy("state", "sending"),
    "sent": pgettext_lazy("state", "sent"),
    "skipped": pgettext_lazy("state", "skipped"),
    "unsure": pgettext_lazy("state", "unsure"),
}
ROLES = {
    "operator": pgettext_lazy("role", "operator"),
    "approver": pgettext_lazy("role", "approver"),
    "finance": pgettext_lazy("role", "finance"),
    "contributor": pgettext_lazy("role", "contributor"),
}
