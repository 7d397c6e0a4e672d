"""Where money goes, and what staff may do, is what the chain of events says; who adds or moves a row alone is named."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from revshare.access.operations import create_user
from revshare.payouts.destinations import set_destination
from tests.stories import Story
from tests.verification.test_operations import found, without_triggers

pytestmark = pytest.mark.django_db
ROW = "INSERT INTO payouts_destination (contributor_id, text, set_at, set_by, usable_from) "
DEFECTS: dict[str, tuple[str, set[str]]] = {
    "a destination is another": ("UPDATE payouts_destination SET text = 'IBAN of mallory'", {"I25"}),
    "a destination is used sooner": (
        "UPDATE payouts_destination SET set_at = set_at - interval '9 days', usable_from = usable_from - interval '9 days'",
        {"I25"},
    ),
    "a destination that nobody named": (
        ROW + "SELECT contributor_id, 'IBAN of mallory', set_at, set_by, usable_from FROM payouts_destination", {"I25"},
    ),
    "an operator approves": ("UPDATE access_user SET roles = '{approver,operator}' WHERE username = 'olivia'", {"I29"}),
    "somebody nobody made": (
        "INSERT INTO access_user (username, password, roles, is_superuser, is_staff, is_active, first_name, last_name, email, "
        "date_joined) VALUES ('mallory', '', '{approver}', false, true, true, '', '', '', now())", {"I29"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def people(told: Story) -> Any:
    """Ann changed her mind once; her payee changed since, which changes nothing about what she named."""
    for payee in ("P-1", "P-2"):
        told.take("contributors", ("contributor_id", "contributor_name", "payee_id"), [("ann", "Ann", payee)])
        for text, days in ((f"IBAN DE89 of {payee}", 30), (f"IBAN ES91 of {payee}", 20)):
            act = replace(told.act("ann"), at=told.at - timedelta(days=days))
            set_destination(contributor_id="ann", text=text, act=act)
    for name, roles in (("olivia", ["operator"]), ("adam", ["approver"])):
        create_user(name=name, roles=roles, contributor_id=None, password="x", act=told.act())


def test_what_was_done_rightly_is_clean(people: Any) -> None:
    assert found() == set()


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(people: Any, what: str) -> None:
    statements, invariants = DEFECTS[what]
    without_triggers(statements)
    assert found() == invariants
