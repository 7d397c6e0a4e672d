"""After a restore: closed until it is known what was published and paid since the backup."""

import fcntl
import logging
import os

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.continuity.models import Restoration
from revshare.continuity.queries import closed_because, head_here, head_outside, head_path, open_restoration, stands
from revshare.continuity.rules import Head, head_text, missing
from revshare.errors import Refused

log = logging.getLogger(__name__)
CYCLES, BATCHES = "cycles", "batches"


class NotReconciled(Refused):
    """This instance came out of a backup, and nobody has said yet what was published after that."""

    code = "not_reconciled"


def check_open(*, kind: str, key: str, digest: str) -> None:
    """Raises NotReconciled while this instance may not publish or pay, unless this very result (`kind` CYCLES) or batch
    (BATCHES) is known to have been out before it was restored. The database refuses the same."""
    restored = open_restoration()
    if restored and restored.expected.get(kind, {}).get(key) == digest:
        return
    if why := closed_because():
        raise NotReconciled(why)


def check_head_known() -> None:
    """Raises NotReconciled while nobody has said what was published and paid after the backup: what is prepared before
    that takes the numbers of what the bank has got."""
    restored = open_restoration()
    if not (restored and restored.expected) and (why := closed_because()):
        raise NotReconciled(why)


def note_head() -> None:
    """Writes down outside of the database what was published and paid, after the deed was committed. Never over a head
    that this database does not know."""
    path = head_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name("published_head.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who writes last has read last
            if closed_because():
                return
            draft = path.with_name("published_head.part")
            with draft.open("w", encoding="utf-8") as file:
                file.write(head_text(head_here()))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
    except (OSError, Refused) as error:  # the deed stands; the next one writes both down
        log.error("the published head could not be written to %s: %s", path, error)


@transaction.atomic
def reconcile(*, head: Head | None, act: Act) -> list[str]:
    """Holds the restored instance against what was published and paid last (`head`; None: the one in its folder).

    Opens it if all of that stands here, and returns []. Else it stays closed but for doing that very thing again, and
    what is missing is returned, in sentences. Raises Refused if there is nothing to reconcile, or no head.
    """
    if not closed_because():
        raise Refused("This instance is open: there is nothing to reconcile.", code="nothing_to_reconcile")
    wanted = head or head_outside()
    if wanted is None:
        raise Refused(
            "Say what was published last: `--head FILE` with the lost instance's published_head, or `--proof FILE` and "
            "`--batch ID=DIGEST` (`--no-batch`).",
            code="head_missing",
        )
    restored = open_restoration() or _found(act)
    here = head_here()
    left = missing(wanted=wanted, here=here)
    in_chains = stands(wanted)
    detail = {"expected": wanted.expected, "in_chains": in_chains, "missing": left}
    if left:
        restored.expected = wanted.expected
        restored.save(update_fields=["expected"])
        record(act=act, action="instance.not_reconciled", object=f"restoration:{restored.pk}", detail=detail)
        return left
    restored.reconciled_at, restored.reconciled_by = act.at, act.actor
    restored.save(update_fields=["reconciled_at", "reconciled_by"])
    # Done again, a deed has another time and so another place in the chains: what was known of them then is kept here.
    lost = {"event": wanted.event, "journal": wanted.journal}
    record(act=act, action="instance.reconciled", object=f"restoration:{restored.pk}", detail=detail | {"head": lost})
    transaction.on_commit(_write_anew)
    return []


def _found(act: Act) -> Restoration:
    """A database that somebody restored by other means, and that the head in the folder gave away."""
    return Restoration.objects.create(restored_at=act.at, restored_by=act.actor)


def _write_anew() -> None:
    """What the old head named stands or was done again: it makes room."""
    head_path().unlink(missing_ok=True)
    note_head()
