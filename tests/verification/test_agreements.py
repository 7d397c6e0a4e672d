"""What contributors pass on by splits, broken by hand: `verify` names it."""

import pytest

from revshare.ledger.models import Journal
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db
OF_ANN = "WHERE contributor_id = 'ann' AND payee_id = 'agnes'"
# What is done, and the invariants that must be named.
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "less is passed on": (f"UPDATE allocation_passed_on SET amount_micros = amount_micros - 1 {OF_ANN}", {"I5", "I22"}),
    "it is passed on of something else": (
        f"UPDATE allocation_passed_on SET earned_micros = earned_micros + 1 {OF_ANN}", {"I22"},
    ),
    "it is passed on to another": (f"UPDATE allocation_passed_on SET payee_id = 'edna' {OF_ANN}", {"I5", "I22"}),
    "what was passed on is gone": (f"DELETE FROM allocation_passed_on {OF_ANN}", {"I5", "I22"}),
    "nothing says why the journal moved it": ("DELETE FROM allocation_passed_on", {"I5", "I22"}),
    "its journal moves it elsewhere": (
        "UPDATE ledger_leg SET account = 'payable:edna' WHERE account = 'payable:agnes'", {"I5", "I24"},
    ),
    "its journal is not the cycle's": ("UPDATE ledger_journal SET cycle_id = NULL WHERE kind = 'split'", {"I5"}),
    "its journal has another key": ("UPDATE ledger_journal SET key = 'july' WHERE kind = 'split'", {"I5", "I24"}),
    "a split is another by now": ("UPDATE splits_split SET share_millionths = share_millionths - 1", {"I21"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def june(told: Story) -> Story:
    """Ann passes on a quarter to Agnes, and Ben half to Ann."""
    told.take("contributors", ("contributor_id", "contributor_name"), [("agnes", "Agnes"), ("edna", "Edna")])
    told.models(("m", "ds@1"))
    told.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    told.take("splits", ("contributor_id", "payee_id", "share", "start"), [
        ("ann", "agnes", "0.25", "2026-01-01"), ("ben", "ann", "0.5", "2026-01-01"),
    ])  # fmt: skip
    told.policy()
    told.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "100"))
    told.publish("june", "2026-06-01", "2026-07-01")
    return told


def test_sound_splits_are_clean(june: Story) -> None:
    assert Journal.objects.filter(kind="split").count() == 1
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(june: Story, what: str) -> None:
    statements, invariants = DEFECTS[what]
    without_triggers(statements)
    assert invariants <= found()
