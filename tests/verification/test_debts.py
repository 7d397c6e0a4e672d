"""Debts and reserves broken by hand, as somebody with the database owner's password could: `verify` names it."""

import pytest

from tests.recoupments.stories import CAP, RESERVE, M, advance, month, shop
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db
OF = "(SELECT seq FROM ledger_journal WHERE kind = '{kind}' ORDER BY seq LIMIT 1)"
MORE = "UPDATE ledger_leg SET amount_micros = amount_micros + 7 WHERE journal_id = " + OF
# What is done, and the invariants that must be named.
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "more is taken": ("UPDATE recoupments_recouped SET amount_micros = amount_micros + 1", {"I1", "I5", "I22"}),
    "less is taken": ("UPDATE recoupments_recouped SET amount_micros = amount_micros - 1", {"I1", "I5", "I22"}),
    "nothing says what was taken": ("DELETE FROM recoupments_recouped", {"I1", "I5", "I22"}),
    "more is taken than is owed": (
        "UPDATE recoupments_debt SET amount_micros = 1 WHERE kind = 'advance'", {"I5", "I8", "I22"},
    ),
    "it is taken of another's debt": (
        "UPDATE recoupments_debt SET contributor_id = 'ben' WHERE contributor_id = 'ann'", {"I5", "I22"},
    ),
    "it is taken before its day": ("UPDATE recoupments_debt SET starts_on = '2027-01-01'", {"I8", "I22"}),
    "a debt was never granted": ("DELETE FROM recoupments_step WHERE action = 'book'", {"I1", "I8"}),
    "a debt was granted without being asked": (
        "ALTER TABLE recoupments_step DROP CONSTRAINT recoupments_step_allowed; "
        "UPDATE recoupments_step SET source = 'declined' WHERE action = 'book'", {"I20"},
    ),
    "whoever asked for it granted it": ("UPDATE recoupments_step SET by = 'fiona'", {"I29"}),
    "a debt is booked on another account": (
        "UPDATE ledger_leg SET account = 'payable:ben' WHERE account = 'payable:ann' AND journal_id = "
        + OF.format(kind="advance"), {"I5", "I24"},
    ),
    "an advance is booked as more": (MORE.format(kind="advance"), {"I1", "I5", "I24"}),
    "the journal takes more": (MORE.format(kind="recoupment"), {"I1", "I5", "I24"}),
    "more is kept in reserve": (MORE.format(kind="reserve"), {"I22", "I24"}),
    "a reserve came back for less": (
        "UPDATE ledger_leg SET amount_micros = amount_micros - 1 WHERE journal_id = "
        + OF.format(kind="reserve_release"), {"I24"},
    ),
    "a reserve did not come back": (
        "UPDATE ledger_journal SET reverses_id = NULL, kind = 'gift' WHERE kind = 'reserve_release'", {"I22", "I24"},
    ),
    "the lock knew of no debt": (
        "UPDATE cycles_cycle SET pinned = jsonb_set(pinned, '{upto_debt_step}', '0')", {"I22"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def owing(told: Story) -> Story:
    """Ann has an advance, Ben was overpaid; March takes back of both, and releases January's reserve in April."""
    shop(told, CAP, RESERVE)
    month(told, 1)
    advance(told, "ann", 9 * M)
    told.move("correction", "c1", ("payable:ben", "USD", "D", 6 * M), ("platform", "USD", "C", 6 * M))
    for number in (2, 3, 4):
        month(told, number)
    return told


def test_sound_debts_are_clean(owing: Story) -> None:
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(owing: Story, what: str) -> None:
    statements, invariants = DEFECTS[what]
    without_triggers(statements)
    assert invariants <= found()
