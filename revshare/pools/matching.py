"""An operator says what an unknown name of sales stands for."""

from django.db import transaction

from revshare.audit_trail.operations import Act, record
from revshare.errors import Refused
from revshare.locks import Lock, hold
from revshare.manifests.models import Manifest
from revshare.manifests.queries import models_trained
from revshare.pools.models import Match
from revshare.pools.queries import matches


@transaction.atomic
def match(*, kind: str, name: str, stands_for: str, act: Act) -> tuple[Match, bool]:
    """From the next lock on, sales of `name` count for `stands_for`, and what they left in suspense is shared. Returns
    the match and whether it is new; the same again does nothing, another one takes its place for what comes.

    A name that has become known itself is matched with itself. Raises Refused.
    """
    if kind not in Match.KINDS:
        raise Refused(f"There is no kind {kind!r} of name; there are {' and '.join(Match.KINDS)}.", code="match_kind")
    if not act.why.strip():
        raise Refused("Give the reason for the match: it goes into the audit trail.", code="reason_missing")
    hold(Lock.INTAKE)
    if not name or not is_known(kind, stands_for):
        what = kind.replace("_", " ")
        raise Refused(
            f"The {what} {stands_for!r} is not known, or a dataset of it has no records: name one that is.",
            code="match_unknown",
        )
    if name != stands_for and is_known(kind, name):
        raise Refused(f"{name!r} is known itself: its sales are not of {stands_for!r}.", code="match_known")
    if matches().get(kind, {}).get(name) == stands_for:
        return Match.objects.filter(kind=kind, name=name).latest("pk"), False
    made = Match.objects.create(
        kind=kind, name=name, stands_for=stands_for, reason=act.why, matched_at=act.at, matched_by=act.actor
    )
    record(act=act, action="suspense.matched", object=f"{kind}:{name}", detail={"stands_for": stands_for})
    return made, True


def is_known(kind: str, name: str) -> bool:
    """Whether money can be shared over it: a registered model, or a dataset version, with records."""
    versions = models_trained().get(name, []) if kind == "model" else [name]
    there = set(
        Manifest.objects.filter(dataset_version__in=versions, part_versions__isnull=False).values_list(
            "dataset_version", flat=True
        )
    )
    return bool(versions) and there.issuperset(versions)
