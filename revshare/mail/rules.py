"""Kinds and states of letters, and when one is tried again. Pure."""

from datetime import timedelta

KINDS = ("invitation", "statement_published", "action_needed", "claim_decided", "security", "destination", "overpaid")
OPTIONAL = ("statement_published", "action_needed")
"""Kinds that a contributor may leave; the others tell of decisions and of access to the account."""

STATES = ("queued", "sending", "sent", "failed", "skipped", "unsure")
LOST = ("failed", "unsure")
"""States that a person has to look at."""
MOST_ATTEMPTS = 8
FRESH_DAYS = 14
"""What happened longer ago is not written about: a server for mail that was set up late floods nobody."""

SECURITY = ("invitation.used", "consent.decided", "deletion.asked", "deletion.refused", "data.taken")
"""Events of the audit trail about a contributor (`contributor:ID`) that they are told of. Not of a deletion that was
granted: by then there is no address."""


def again_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1, 4, 16 … minutes, at most half a day."""
    return timedelta(minutes=min(4 ** (attempts - 1), 720))
