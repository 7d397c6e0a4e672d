"""Reads: which decision counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from revshare.consents.models import Consent


@dataclass(frozen=True)
class Decision:
    """What counts for an asset of a contributor, or for all that say nothing of their own (`asset_id` blank)."""

    contributor_id: str
    asset_id: str
    decision: str


def decisions(*, dataset_version: str, at: datetime, upto_arrival: int) -> Iterator[Decision]:
    """The decisions that count in a dataset version at an instant, of those that had arrived, by contributor and asset.

    Of those effective by then the one about this version comes before one about all, then the latest. One about an
    asset comes before one about all of a contributor's: that is for the reader, who knows the assets.
    """
    found = Consent.objects.raw(
        "SELECT DISTINCT ON (contributor_id, asset_id) id, contributor_id, asset_id, decision FROM consents_consent "
        "WHERE scope IN ('', %s) AND effective_at <= %s AND arrival <= %s "
        "ORDER BY contributor_id, asset_id, scope = '', effective_at DESC",
        [dataset_version, at, upto_arrival],
    )
    return (Decision(one.contributor_id, one.asset_id, one.decision) for one in found.iterator())
