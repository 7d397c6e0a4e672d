"""The policies that a lab compares: registered ones, and drafts that nobody has registered yet."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from revshare.errors import Refused
from revshare.policies.models import Policy
from revshare.policies.rules import Rulebook, parse

MOST = 8


@dataclass(frozen=True)
class Candidate:
    """A policy to try. `name`: how it is called in a comparison. `sha256`: over the bytes of its file."""

    name: str
    sha256: str
    is_registered: bool
    rulebook: Rulebook


def registered(policy: Policy) -> Candidate:
    return Candidate(f"{policy.name}@{policy.version}", policy.sha256, True, parse(policy.text))


def drafted(content: bytes) -> Candidate:
    """A policy file that need not be registered. Raises BadPolicy, Refused."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"The policy is not UTF-8 (byte {error.start}).", code="file_encoding") from None
    rulebook = parse(text)
    digest = hashlib.sha256(content).hexdigest()
    known = Policy.objects.filter(sha256=digest).exists()
    return Candidate(f"{rulebook.name}@{rulebook.version}", digest, known, rulebook)


def told_apart(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Each under a name of its own: a draft may bear the name of a registered version that it is to replace.

    Raises Refused if there are too many, or one of them is there twice.
    """
    if len(candidates) > MOST:
        raise Refused(f"The lab compares at most {MOST} policies at once, the cycle's own among them.")
    found: list[Candidate] = []
    for item in candidates:
        if twice := next((other for other in found if other.sha256 == item.sha256), None):
            raise Refused(
                f"{item.name} is there twice (the cycle's own policy always comes first): leave one out."
                if twice.name == item.name
                else f"{item.name} is the same file as {twice.name}: leave one out."
            )
        names = {other.name for other in found}
        tries = (f"{item.name} #{number}" if number > 1 else item.name for number in range(1, MOST + 1))
        found.append(replace(item, name=next(name for name in tries if name not in names)))
    return found
