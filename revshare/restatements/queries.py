"""Reads: restatements and where they stand, their lines, their canonical bytes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from revshare.bulk import copied_out
from revshare.cycles.models import Cycle
from revshare.errors import NotFound
from revshare.restatements.models import Restatement, RestatementLine, RestatementStep
from revshare.restatements.rules import state_of

RESTATEMENT_JOURNAL = "restatement"
LINES = """
    SELECT bucket, "table", model, dataset_version, part, currency, reason, coalesce(contributor_id, ''), old_micros,
           new_micros
    FROM restatements_line WHERE restatement_id = %s
    ORDER BY bucket, contributor_id COLLATE "C" NULLS FIRST, currency, "table", model, dataset_version, part, reason
"""


def posted(cycle: Cycle, *, before: Restatement | None = None) -> list[Restatement]:
    """The posted restatements of a cycle, in the order of their journals; `before`: those that one goes by."""
    steps = RestatementStep.objects.filter(action="post", restatement__cycle=cycle).order_by("journal_id")
    found = [step.restatement for step in steps.select_related("restatement__policy", "restatement__cycle__policy")]
    if before is None:
        return found
    last = [number for number, item in enumerate(found, 1) if item.pk == before.base_id]
    return found[: last[0]] if last else []


def find(key: str) -> Restatement:
    """By CYCLE/NUMBER. Raises NotFound."""
    cycle, _, number = key.rpartition("/")
    found = None
    if number.isascii() and number.isdigit() and len(number) < 10:
        restatements = Restatement.objects.select_related("cycle__policy", "policy", "base")
        found = restatements.filter(cycle__key=cycle, number=int(number)).first()
    if found is None:
        raise NotFound(f"There is no restatement {key!r}: `restatements list` shows those there are.")
    return found


def steps_of(restatement: Restatement) -> dict[str, RestatementStep]:
    return {step.action: step for step in RestatementStep.objects.filter(restatement=restatement)}


def state(restatement: Restatement) -> str:
    """draft, approved, posted; or superseded, if another one of the cycle was posted since it was drafted."""
    steps = steps_of(restatement)
    known = posted(restatement.cycle)
    return state_of(
        approved="approve" in steps, posted="post" in steps, base=restatement.base_id,
        last_posted=known[-1].pk if known else None,
    )  # fmt: skip


def lines_of_journal(key: str, contributor_id: str, currency: str) -> QuerySet[RestatementLine]:
    """What a posted restatement changed for a contributor; `key` is its journal's, which a statement shows."""
    return RestatementLine.objects.filter(
        restatement__in=RestatementStep.objects.filter(
            journal__kind=RESTATEMENT_JOURNAL, journal__key=key
        ).values("restatement"),
        bucket__in=("contributor", "split"), contributor_id=contributor_id, currency=currency,
    ).order_by("pk")  # fmt: skip


def digest(
    *, restatement_id: int, cycle: str, base: str, policy: str, options: Mapping[str, Any], pinned: Mapping[str, Any],
    late: tuple[int | None, int | None], totals: Mapping[str, Any],
) -> str:  # fmt: skip
    """SHA-256 over a JSON object of these (`base`: the digest of the one it goes by, or ''), and its lines as CSV,
    every value quoted, in code-point order."""
    head = {
        "cycle": cycle, "base": base, "policy": policy, "options": options, "pinned": pinned, "late": late,
        "totals": totals,
    }  # fmt: skip
    hashed = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    for rows in copied_out(LINES, [restatement_id], options=", FORCE_QUOTE *"):
        hashed.update(rows.data)
    return hashed.hexdigest()


def digest_of(restatement: Restatement) -> str:
    """Of what is stored."""
    return digest(
        restatement_id=restatement.pk, cycle=restatement.cycle.key,
        base=restatement.base.digest if restatement.base else "", policy=restatement.policy.sha256,
        options=restatement.options, pinned=restatement.pinned, late=(restatement.after_seq, restatement.upto_seq),
        totals=restatement.totals,
    )  # fmt: skip
