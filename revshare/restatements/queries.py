"""Reads: restatements and where they stand, their lines, their canonical bytes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Abs

from revshare.audit_trail.operations import Act
from revshare.bulk import copied_out
from revshare.cycles.models import Cycle
from revshare.errors import NotFound
from revshare.restatements.models import Restatement, RestatementLine, RestatementStep
from revshare.restatements.rules import Options, state_of

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


def drafted(cycle: Cycle, options: Options, act: Act) -> Restatement | None:
    """What an act has drafted of a cycle."""
    own = Restatement.objects.filter(cycle=cycle, drafted_at=act.at, drafted_by=act.actor, options=options.as_json())
    return own.order_by("pk").first()


def with_steps() -> Any:
    """Restatements with their steps, each with `last_posted`, the number of the cycle's last posted one."""
    steps = RestatementStep.objects.filter(action="post", restatement__cycle=OuterRef("cycle"))
    last = Subquery(steps.order_by("-journal_id").values("restatement_id")[:1])
    restatements = Restatement.objects.select_related("cycle__policy", "policy", "base").prefetch_related("steps")
    return restatements.annotate(last_posted=last)


def find(key: str) -> Any:
    """By CYCLE/NUMBER, as `with_steps` has it. Raises NotFound."""
    cycle, _, number = key.rpartition("/")
    found = None
    if number.isascii() and number.isdigit() and len(number) < 10:
        found = with_steps().filter(cycle__key=cycle, number=int(number)).first()
    if found is None:
        raise NotFound(f"There is no restatement {key!r}: `restatements list` shows those there are.")
    return found


def steps_of(restatement: Restatement) -> dict[str, RestatementStep]:
    """By action."""
    return {step.action: step for step in restatement.steps.all()}


def state(restatement: Any) -> str:
    """Of one by `with_steps`: draft, approved, posted; or superseded, if another one of the cycle was posted since."""
    steps = steps_of(restatement)
    return state_of(
        approved="approve" in steps, posted="post" in steps, base=restatement.base_id,
        last_posted=restatement.last_posted,
    )  # fmt: skip


def largest(restatement: Restatement, number: int) -> list[RestatementLine]:
    """The lines of contributors that differ most."""
    lines = restatement.lines.filter(contributor__isnull=False)
    return list(lines.order_by(Abs(F("new_micros") - F("old_micros")).desc(), "pk")[:number])


def lines_of_journals(keys: Sequence[str], contributor_id: str, currency: str) -> dict[str, list[RestatementLine]]:
    """What posted restatements changed for a contributor, by the keys of their journals, which statements show."""
    if not keys:
        return {}
    posts = RestatementStep.objects.filter(journal__kind=RESTATEMENT_JOURNAL, journal__key__in=keys)
    of = dict(posts.values_list("restatement", "journal__key"))
    lines = RestatementLine.objects.filter(
        restatement__in=of, bucket__in=("contributor", "split"), contributor_id=contributor_id, currency=currency
    )
    found: dict[str, list[RestatementLine]] = {key: [] for key in keys}
    for line in lines.order_by("pk"):
        found[of[line.restatement_id]].append(line)
    return found


def digest(
    *, restatement_id: int, cycle: str, base: str, policy: str, options: Mapping[str, Any], pinned: Mapping[str, Any],
    late: Sequence[tuple[int, int]], totals: Mapping[str, Any],
) -> str:  # fmt: skip
    """SHA-256 over a JSON object of these (`base`: the digest of the one it goes by, or ''; `late`: two numbers, or a
    list of such pairs if there are several), and its lines as CSV, every value quoted, in code-point order."""
    said: Any = late if len(late) > 1 else late[0] if late else (None, None)
    head = {
        "cycle": cycle, "base": base, "policy": policy, "options": options, "pinned": pinned,
        "late": said, "totals": totals,
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
        options=restatement.options, pinned=restatement.pinned, late=restatement.late_spans,
        totals=restatement.totals,
    )  # fmt: skip
