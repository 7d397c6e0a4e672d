"""Restatements and void files, broken by hand: `verify` names it."""

import pytest

from revshare.files.models import IngestedFile
from revshare.files.voiding import void
from tests.restatements.test_stories import march, restate
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db

LINE = "UPDATE restatements_line SET {} WHERE bucket = 'contributor' AND contributor_id = 'ann'"
POSTED = "SELECT journal_id FROM restatements_step WHERE action = 'post'"
# What is done, and the invariants that must be named.
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "a line says more": (LINE.format("new_micros = new_micros + 1"), {"I1", "I4", "I22", "I23"}),
    "a line says that it was another": (
        LINE.format("old_micros = old_micros + 1, new_micros = new_micros + 1"), {"I22", "I23"},
    ),
    "a line is gone": ("DELETE FROM restatements_line WHERE contributor_id = 'ben'", {"I1", "I4", "I22", "I23"}),
    "the journal goes to another": (
        f"UPDATE ledger_leg SET account = 'payable:cy' WHERE account = 'payable:ben' AND journal_id IN ({POSTED})",
        {"I4", "I24"},
    ),
    "it takes other late sales": (
        "UPDATE cycles_window SET upto_seq = upto_seq + 1 WHERE restatement_id IS NOT NULL", {"I10"},
    ),
    "it forgets its late sales": ("DELETE FROM cycles_window WHERE restatement_id IS NOT NULL", {"I10"}),
    "what is carried is forgotten": ("DELETE FROM pools_carry_correction", {"I15", "I22"}),
    "what waits is forgotten": ("DELETE FROM allocation_correction", {"I15"}),
    "nobody approved it": ("DELETE FROM restatements_step WHERE action = 'approve'", {"I20"}),
    "whoever drafted it approved it": ("UPDATE restatements_step SET by = 'olivia' WHERE action = 'approve'", {"I29"}),
    "it was computed from something else": (
        "UPDATE restatements_restatement SET pinned = jsonb_set(pinned, '{voided}', '[]')", {"I22", "I23"},
    ),
    "the file is not void any more": ("DELETE FROM files_void", {"I13"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def restated(told: Story) -> None:
    """March has a sale of a model that nobody knows; its file is void. It comes again with a deficit and a late sale."""
    told.take("contributors", ("contributor_id", "contributor_name"), [("cy", "Cy")])
    march(
        told, ("s1", "2026-03-03T10:00:00Z", "m", "USD", "100.00"), ("u1", "2026-03-04T10:00:00Z", "n", "USD", "10.00"),
        ("d1", "2026-03-04T10:00:00Z", "o", "EUR", "10.00"),
    )  # fmt: skip
    told.sales(("r1", "2026-03-05T10:00:00Z", "o", "EUR", "-4.00", "d1"))
    void(file_id=IngestedFile.objects.filter(kind="sales").earliest("pk").pk, reason="no", act=told.act())
    told.sales(
        ("s1", "2026-03-03T10:00:00Z", "m", "USD", "30.00"), ("u1", "2026-03-04T10:00:00Z", "n", "USD", "5.00"),
    )  # fmt: skip
    restate(told, late=True)
    told.publish("april", "2026-04-01", "2026-05-01")


def test_sound_restatements_are_clean(restated: None) -> None:
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(restated: None, what: str) -> None:
    statements, invariants = DEFECTS[what]
    without_triggers(statements)
    assert invariants <= found()
