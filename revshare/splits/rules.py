"""What each side of a contributor's splits gets. Pure."""

from collections.abc import Mapping

from revshare.apportion import apportion
from revshare.money import MICROS_PER_UNIT


def divide(*, earned_micros: int, contributor_id: str, shares: Mapping[str, int]) -> dict[str, int]:
    """What a contributor earned, by whom it goes to: the payees by their shares (millionths, at most all of it in sum),
    the contributor by the rest. By largest remainder, ties by ascending id."""
    weights = {**shares, contributor_id: MICROS_PER_UNIT - sum(shares.values())}
    people = sorted(weights)
    amounts = apportion(total=earned_micros, weights=[weights[person] for person in people])
    return dict(zip(people, amounts, strict=True))
