"""The one door for events: `record`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from revshare.audit_trail.models import Event
from revshare.audit_trail.rules import GENESIS, event_hash
from revshare.locks import Lock, hold


@dataclass(frozen=True, kw_only=True)
class Act:
    """Who acts, and when. The skin makes it: it knows the person and reads the clock; nobody further in does."""

    actor: str
    at: datetime
    why: str = ""


@transaction.atomic
def record(*, act: Act, action: str, object: str, detail: dict[str, Any] | None = None) -> Event:
    """Appends an event in the caller's transaction: the deed and its trace stand or fall together.

    It takes the chain's lock until that transaction ends, so call it last.
    """
    hold(Lock.EVENT_CHAIN)
    last = Event.objects.order_by("-seq").values_list("seq", "hash").first()
    seq, prev_hash = (last[0] + 1, last[1]) if last else (1, GENESIS)
    content: dict[str, Any] = dict(detail or {})
    if act.why:
        content["why"] = act.why
    return Event.objects.create(
        seq=seq, at=act.at, actor=act.actor, action=action, object=object, detail=content, prev_hash=prev_hash,
        hash=event_hash(
            prev_hash=prev_hash, seq=seq, at=act.at, actor=act.actor, action=action, object=object, detail=content
        ),
    )  # fmt: skip
