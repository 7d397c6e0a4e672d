"""Claims and held money, broken by hand: `verify` names it."""

import pytest

from revshare.allocation.models import HeldRelease
from revshare.allocation.releasing import decide
from revshare.claims.operations import file_claim, prove
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db
# What is done, and the invariants that must be named.
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "less is held": ("UPDATE allocation_rest SET amount_micros = amount_micros - 1 WHERE bucket = 'held'", {"I1", "I22"}),
    "it is held for another": (
        "UPDATE allocation_rest SET contributor_id = 'ben' WHERE reason = 'claim {first}'", {"I22"},
    ),
    "it is released to another": (
        "UPDATE allocation_held_release SET contributor_id = 'ben' WHERE contributor_id = 'cy'", {"I1"},
    ),
    "nothing says what was released": ("DELETE FROM allocation_held_release", {"I1"}),
    "what is open is released": (
        "INSERT INTO allocation_held_release (rest_id, journal_id, contributor_id) SELECT r.id, max(j.seq), r.contributor_id "
        "FROM allocation_rest r, ledger_journal j WHERE r.reason = 'claim {second}' GROUP BY r.id", {"I1"},
    ),
    "the release goes elsewhere": (
        "UPDATE ledger_leg SET account = 'payable:ben' WHERE account = 'payable:cy' AND journal_id = "
        "(SELECT seq FROM ledger_journal WHERE kind = 'claim')", {"I1", "I24"},
    ),
    "the decision is another": (
        "UPDATE claims_step SET action = 'reject', target = 'rejected' WHERE target = 'upheld'", {"I1"},
    ),
    "a step is gone": ("DELETE FROM claims_step WHERE target = 'proven'", {"I20"}),
    "whoever filed it decided it": ("UPDATE claims_step SET by = 'olivia'", {"I29"}),
    "the claimant is another": ("UPDATE claims_claim SET claimant_id = 'ben'", {"I1"}),
    "the lock says something else": (
        "UPDATE cycles_cycle SET pinned = jsonb_set(pinned, '{{claims,0,holders,0,ticks}}', '1')", {"I21"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def claimed(told: Story) -> dict[str, int]:
    """January holds money for two claims, of which the first is upheld, and is on February's statements."""
    told.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy")])
    told.models(("m", "ds@1"))
    told.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    told.policy()
    told.sales(*[(f"s{n}", f"2026-0{n}-10T00:00:00Z", "m", "USD", "100") for n in (1, 2)])
    claims = [
        file_claim(claimant_id="cy", dataset_version="ds@1", asset_id=asset, proof="the raw file", act=told.act()).pk
        for asset in ("a0", "a1")
    ]
    told.publish("jan", "2026-01-01", "2026-02-01")
    prove(number=claims[0], evidence="the negative", act=told.act())
    decide(number=claims[0], action="uphold", reason="yes", act=told.act("adam"))
    told.publish("feb", "2026-02-01", "2026-03-01")
    return {"first": claims[0], "second": claims[1]}


def test_sound_claims_are_clean(claimed: dict[str, int]) -> None:
    assert HeldRelease.objects.get().contributor_id == "cy"
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(claimed: dict[str, int], what: str) -> None:
    statements, invariants = DEFECTS[what]
    without_triggers(statements.format(**claimed))
    assert invariants <= found()
