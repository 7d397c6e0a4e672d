"""A published cycle commits to its statements, once."""

import hashlib
import secrets
from pathlib import Path

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.cycles.models import Cycle
from revshare.cycles.queries import find
from revshare.errors import Conflict
from revshare.lake import keep, spool
from revshare.locks import Lock, hold
from revshare.progress import Progress, no_progress
from revshare.proofs.models import Commitment
from revshare.proofs.queries import TREES, facts_of, statements_of
from revshare.proofs.rules import TreeFacts, commitment_text
from revshare.proofs.signing import private_key, public_hex
from revshare.proofs.tree import plant
from revshare.statements.queries import PUBLISHED

SECRET_BYTES = 32


@transaction.atomic
def commit(*, key: str, act: Act, progress: Progress = no_progress) -> Commitment:
    """Makes the trees over a published cycle's statements, and signs their roots. Done once: a second call returns the
    first one's. Raises NotFound; Conflict if the cycle is not published."""
    cycle = find(key)
    hold(Lock.CYCLE, cycle.pk)
    if known := Commitment.objects.filter(cycle=cycle).first():
        return known
    check_published(cycle)
    secret = secrets.token_bytes(SECRET_BYTES)
    with spool() as scratch:
        trees = grow(cycle, secret=secret, scratch=scratch, progress=progress)
        text = commitment_text(facts_of(cycle, tuple(facts for facts, _ in trees)))
        signer = private_key()
        commitment = Commitment.objects.create(
            cycle=cycle, text=text, sha256=hashlib.sha256(text.encode()).hexdigest(), public_key=public_hex(signer),
            signature=signer.sign(text.encode()).hex(), secret=secret, made_at=act.at, made_by=act.actor,
            trees={facts.currency: keep(file, TREES) for facts, file in trees},
        )  # fmt: skip
    record(act=act, action="cycle.committed", object=f"cycle:{key}", detail={"commitment_sha256": commitment.sha256})
    return commitment


def check_published(cycle: Cycle) -> None:
    """Raises Conflict unless the cycle is published."""
    if cycle.state not in PUBLISHED:
        raise Conflict(f"Cycle {cycle.key} is {cycle.state}: it commits to its statements once they are published.")


def grow(
    cycle: Cycle, *, secret: bytes, scratch: Path, progress: Progress = no_progress
) -> list[tuple[TreeFacts, Path]]:
    """The trees over a cycle's statements, by currency, as files in `scratch`. Inside a transaction."""
    trees = []
    for currency, statements in statements_of(cycle):
        file = scratch / f"{currency}.tree"
        root = plant(statements, secret=secret, label=f"{cycle.key} {currency}", target=file, progress=progress)
        trees.append((TreeFacts(currency, len(statements.ordinals), root), file))
    return trees
