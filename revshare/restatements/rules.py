"""What a restatement may be asked for, what its lines are of, and its states. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from revshare.errors import Refused

ACTIONS = ("approve", "post")
DRAFT, APPROVED, POSTED, SUPERSEDED = "draft", "approved", "posted", "superseded"
# `split`: what contributors pass on to each other. `sales` and `fx`: where the money comes from.
BUCKETS = ("contributor", "split", "platform", "suspense", "commons", "held", "carried", "sales", "fx")

MOST_NAMED = 3  # sales that stand on statements by their ids; of more, how many
MOST_SALES = 1000


@dataclass(frozen=True)
class Options:
    """`late`: with all that has come since the cycle was closed, and without the files that are void by now; or with
    these `files` and `sales` of it only. `void`: without these files. `manifests`: dataset versions in the place of
    others. `policy`: the hash of another one."""

    late: bool = False
    void: tuple[int, ...] = ()
    manifests: Mapping[str, str] = field(default_factory=dict)
    policy: str = ""
    files: tuple[int, ...] = ()
    sales: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        lists = {"void": sorted(self.void), "files": sorted(self.files), "sales": sorted(self.sales)}
        return asdict(self) | lists | {"manifests": dict(sorted(self.manifests.items()))}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Options":
        lists = {name: tuple(stored.get(name, ())) for name in ("void", "files", "sales")}
        return cls(**{**stored, **lists})

    def words(self, policy: str) -> str:
        """What makes the difference, as it stands on statements. `policy`: what people call it."""
        reasons = ["late sales and refunds"] if self.late else []
        reasons += [f"late file {number}" for number in sorted(self.files)]
        named = [f"late sale {sale}" for sale in sorted(self.sales)]
        reasons += named if len(named) <= MOST_NAMED else [f"{len(named)} late sales"]
        reasons += [f"file {number} void" for number in sorted(self.void)]
        reasons += [f"manifest {old} replaced by {new}" for old, new in sorted(self.manifests.items())]
        reasons += [f"policy {policy}"] if self.policy else []
        return ", ".join(reasons)


def replacement(text: str) -> tuple[str, str]:
    """OLD=NEW. Raises Refused."""
    old, _, new = text.partition("=")
    if not old or not new or old == new:
        raise Refused(f"{text!r} does not say which manifest is replaced: OLD=NEW names two dataset versions.")
    return old, new


def state_of(*, approved: bool, posted: bool, base: int | None, last_posted: int | None) -> str:
    """`base`: what it was compared with, of the cycle's posted restatements the last one then; `last_posted`: now."""
    if posted:
        return POSTED
    if base != last_posted:
        return SUPERSEDED
    return APPROVED if approved else DRAFT
