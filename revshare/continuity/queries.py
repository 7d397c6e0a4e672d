"""Reads: what this instance has published and paid, by its events; what was written down of it outside; whether it is
closed."""

from pathlib import Path

from django.conf import settings

from revshare.audit_trail.models import Event
from revshare.continuity.models import Restoration
from revshare.continuity.rules import Head, HeadWrong, read_head
from revshare.ledger.models import Journal
from revshare.ledger.queries import chain_head

PUBLISHED, HANDED_OVER = "cycle.publish", "payouts.export"
WHAT_TO_DO = (
    "Nothing is published or paid until it is reconciled with what was published last: `manage.py reconcile --head "
    "FILE` (docs/operations.md)."
)


def head_path() -> Path:
    return Path(settings.REVSHARE_HOME) / "published_head"


def head_here() -> Head:
    """The head by this database."""
    done = Event.objects.filter(action__in=(PUBLISHED, HANDED_OVER)).order_by("seq")
    facts: dict[str, dict[str, str]] = {PUBLISHED: {}, HANDED_OVER: {}}
    for action, name, detail in done.values_list("action", "object", "detail"):
        facts[action][name.partition(":")[2]] = detail["result_digest" if action == PUBLISHED else "digest"]
    last = Event.objects.order_by("-seq").values_list("seq", "hash").first()
    return Head(last, chain_head(), facts[PUBLISHED], facts[HANDED_OVER])


def head_outside() -> Head | None:
    """The head in the instance's folder; None if none was written. Raises HeadWrong."""
    try:
        text = head_path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return read_head(text)
    except HeadWrong as error:
        raise HeadWrong(f"{head_path()}: {error}") from None


def stands(head: Head) -> bool:
    """Whether a head's links are in the chains of this database."""
    if head.event and not Event.objects.filter(seq=head.event[0], hash=head.event[1]).exists():
        return False
    if head.journal is None:
        return True
    number = {"seq": head.journal[0]} if head.journal[0] else {}
    return Journal.objects.filter(hash=head.journal[1], **number).exists()


def open_restoration() -> Restoration | None:
    """The restore that was not reconciled yet."""
    return Restoration.objects.filter(reconciled_at__isnull=True).first()


def closed_because() -> str:
    """Why this instance may neither publish nor pay, in sentences; blank if it may."""
    restored = open_restoration()
    if restored:
        return f"This instance was restored from a backup on {restored.restored_at:%Y-%m-%d %H:%M} UTC. {WHAT_TO_DO}"
    outside = head_outside()
    if outside and not stands(outside):
        return (
            f"{head_path()} names more than this database knows to have published or paid: the database is older than "
            f"it. {WHAT_TO_DO}"
        )
    return ""
