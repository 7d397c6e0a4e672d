"""What a check says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be: which invariant, where, and what it is against what it should be."""

    invariant: str
    where: str
    what: str
