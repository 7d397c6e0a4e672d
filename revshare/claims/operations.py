"""Claims filed and moved. What a decision does to money is `allocation.releasing`'s."""

from datetime import timedelta
from typing import Any

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.claims.models import Claim, ClaimStep
from revshare.claims.queries import find, has_records, in_states
from revshare.claims.rules import FILED, OPEN, move_of
from revshare.contributors.models import Contributor
from revshare.errors import Conflict, NotAllowed, NotFound, Refused
from revshare.locks import Lock, hold

USUAL_DAYS = 30
MOST_DAYS = 3650


@transaction.atomic
def file_claim(
    *, claimant_id: str, dataset_version: str, asset_id: str, proof: str, act: Act, days: int = USUAL_DAYS
) -> Claim:
    """Files that an asset is the claimant's: from the next lock on its money is held until this is decided. The full
    proof is due within `days`.

    Raises NotFound, Refused, and Conflict while another claim on the asset is open.
    """
    if not Contributor.objects.filter(pk=claimant_id).exists():
        raise NotFound(f"There is no contributor {claimant_id!r}: take them in first, with a contributors file.")
    if not has_records(dataset_version=dataset_version, asset_id=asset_id):
        raise NotFound(f"Dataset version {dataset_version!r} has no asset {asset_id!r}.")
    if not proof.strip():
        raise Refused("Say what speaks for the claim: it needs a provisional proof.")
    if not 1 <= days <= MOST_DAYS:
        raise Refused(f"A claim's full proof is due within 1 to {MOST_DAYS} days, not {days}.")
    hold(Lock.INTAKE)  # no lock closes over half of it, and of two on one asset one is second
    if others := in_states(*OPEN, dataset_version=dataset_version, asset_id=asset_id):
        raise Conflict(f"Claim {others[0].pk} on this asset is open: decide it first.")
    claim = Claim.objects.create(
        claimant_id=claimant_id, dataset_version=dataset_version, asset_id=asset_id, proof=proof, filed_at=act.at,
        filed_by=act.actor, due_at=act.at + timedelta(days=days),
    )  # fmt: skip
    record(
        act=act, action="claim.file", object=f"claim:{claim.pk}",
        detail={"claimant": claimant_id, "dataset_version": dataset_version, "asset": asset_id},
    )  # fmt: skip
    return claim


@transaction.atomic
def prove(*, number: int, evidence: str, act: Act) -> ClaimStep:
    """The full proof is there, in time."""
    return step(number=number, action="prove", text=evidence, act=act)


def step(*, number: int, action: str, text: str, act: Act) -> ClaimStep:
    """Moves a claim by an allowed move, once. Raises NotFound, Refused, Conflict, and NotAllowed for whoever would
    decide what they filed."""
    hold(Lock.INTAKE)
    claim = find(number)
    _check(claim, action, text, act)
    move = move_of(action=action, state=claim.state)
    if move is None:
        raise Conflict(f"Claim {number} is {claim.state}: it is too late, or too early, to {action} it.")
    made = ClaimStep.objects.create(
        claim=claim, action=action, source=move.source, target=move.target, text=text, at=act.at, by=act.actor
    )
    record(act=act, action=f"claim.{action}", object=f"claim:{number}", detail={"text": text})
    return made


def _check(claim: Any, action: str, text: str, act: Act) -> None:
    if not text.strip():
        raise Refused(f"To {action} a claim takes a reason or a proof, in words.")
    if action in ("uphold", "reject") and act.actor == claim.filed_by:
        raise NotAllowed(f"{act.actor} filed claim {claim.pk}: another person has to {action} it.")
    if action == "prove" and act.at > claim.due_at:
        raise Refused(f"The proof of claim {claim.pk} was due by {claim.due_at:%Y-%m-%d %H:%M} UTC.")
    if action == "lapse" and act.at <= claim.due_at:
        raise Refused(f"The proof of claim {claim.pk} is due by {claim.due_at:%Y-%m-%d %H:%M} UTC: it has not lapsed.")


def check_not_claimant(*, number: int, contributor_id: str | None) -> None:
    """Raises NotAllowed if the claim is this contributor's: nobody decides on their own."""
    if contributor_id and find(number).claimant_id == contributor_id:
        raise NotAllowed(f"Claim {number} is {contributor_id}'s own: another person has to decide it.")


def overdue(act: Act) -> list[int]:
    """Claims whose proof did not come in time."""
    return [claim.pk for claim in in_states(FILED, due_at__lt=act.at)]
