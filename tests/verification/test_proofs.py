"""What a cycle committed to, broken by hand: `verify` names it."""

import pytest

from revshare.lake import storage
from revshare.proofs.operations import commit
from revshare.proofs.queries import TREES
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db

# What is done, and the invariants that must be named.
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "the text is another": ("UPDATE proofs_commitment SET text = replace(text, 'tree', 'Tree')", {"I23", "I24"}),
    "text and hash are others": (
        "UPDATE proofs_commitment SET text = text || 'x', sha256 = encode(sha256(convert_to(text || 'x', 'UTF8')), 'hex')",
        {"I23", "I24"},
    ),
    "it is signed by nobody": ("UPDATE proofs_commitment SET signature = repeat('0', 128)", {"I24"}),
    "the key is another": ("UPDATE proofs_commitment SET public_key = repeat('0', 64)", {"I24"}),
    "the secret is another": ("UPDATE proofs_commitment SET secret = decode(repeat('00', 32), 'hex')", {"I23"}),
    "the tree is another file": (
        "UPDATE proofs_commitment SET trees = jsonb_build_object('USD', repeat('0', 64))", {"I23"},
    ),
    "no event tells of it": ("UPDATE audit_event SET action = 'cycle.else' WHERE action = 'cycle.committed'", {"I24"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def committed(told: Story) -> str:
    told.models(("m", "ds@1"))
    told.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    told.policy()
    told.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"))
    told.publish("jan", "2026-01-01", "2026-02-01")
    return commit(key="jan", act=told.act()).trees["USD"]


def test_a_sound_commitment_is_clean(committed: str) -> None:
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(committed: str, what: str) -> None:
    statements, invariants = DEFECTS[what]
    without_triggers(statements)
    assert found() == invariants


def test_a_changed_tree_in_the_lake_is_found(committed: str) -> None:
    path = storage().path(TREES, committed)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert found() == {"I23"}
