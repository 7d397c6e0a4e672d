"""The head of what an instance has published and paid, as a text that is kept outside of its database. Pure.

`batches` are those that the bank has got. A head is written after each of these deeds, so whoever has the last one
knows all that left the house."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from revshare.errors import Refused

FORMAT = "revshare published head 1"


class HeadWrong(Refused):
    """A file is no head, or has been changed."""

    code = "head_wrong"


@dataclass(frozen=True)
class Head:
    """`event`, `journal`: number and hash of the last of each chain; a number of 0 stands for one that is not known.
    `cycles`: published, by key, with the digest of the result. `batches`: by id, with their digest."""

    event: tuple[int, str] | None = None
    journal: tuple[int, str] | None = None
    cycles: Mapping[str, str] = field(default_factory=dict)
    batches: Mapping[str, str] = field(default_factory=dict)

    @property
    def expected(self) -> dict[str, dict[str, str]]:
        return {"cycles": dict(self.cycles), "batches": dict(self.batches)}


def head_text(head: Head) -> str:
    """One fact a line, its parts separated by tabs; last a hash over all lines before, against damage."""
    lines = [
        FORMAT,
        *(f"{name}\t{link[0]}\t{link[1]}" for name in ("event", "journal") if (link := getattr(head, name))),
        *(f"cycle\t{key}\t{digest}" for key, digest in head.cycles.items()),
        *(f"batch\t{number}\t{digest}" for number, digest in head.batches.items()),
    ]
    body = "".join(f"{line}\n" for line in lines)
    return f"{body}sha256\t{hashlib.sha256(body.encode()).hexdigest()}\n"


def read_head(text: str) -> Head:
    """The head that a text says. Raises HeadWrong."""
    body, _, hashed = text.rpartition("sha256\t")
    if not body.startswith(f"{FORMAT}\n") or hashlib.sha256(body.encode()).hexdigest() != hashed.strip():
        raise HeadWrong(
            "This is no published head, or it was cut off or changed: give the file `published_head` of the instance "
            "that was lost, or a copy of it."
        )
    links: dict[str, tuple[int, str]] = {}
    facts: dict[str, dict[str, str]] = {"cycle": {}, "batch": {}}
    for line in body.splitlines()[1:]:
        name, first, second = line.split("\t")
        if name in facts:
            facts[name][first] = second
        else:
            links[name] = (int(first), second)
    return Head(links.get("event"), links.get("journal"), facts["cycle"], facts["batch"])


def missing(*, wanted: Head, here: Head) -> list[str]:
    """What was published or paid and is not here, in sentences."""
    said = []
    for key, digest in wanted.cycles.items():
        if here.cycles.get(key) != digest:
            said.append(
                f"Cycle {key} was published with the result {digest[:16]}…, and is "
                + (f"{here.cycles[key][:16]}… here." if key in here.cycles else "not published here.")
            )
    for number, digest in wanted.batches.items():
        if here.batches.get(number) != digest:
            said.append(
                f"Batch {number} ({digest[:16]}…) went to the bank, and "
                + ("is another batch here." if number in here.batches else "was not handed over here.")
            )
    return said
