"""What the owner of the tables can do all the same: switch triggers off, take partitions away, edit and switch them on
again, hand out rights. `verify` names each, with the first row that is wrong and what it should be."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from revshare.cycles.models import Cycle
from revshare.ledger.models import NamedLeg
from revshare.verification.findings import Finding
from revshare.verification.operations import verify
from tests.attacks.world import inside
from tests.conftest import World
from tests.ownership import acting_as_application, owner
from tests.verification.test_operations import without_triggers

# The deed, and where `verify` then points: (invariant, where, what it says).
DEEDS: dict[str, tuple[str, tuple[str, str, str]]] = {
    "entries are detached": ("ALTER TABLE ledger_folio DETACH PARTITION ledger_folio_1", ("I23", "ledger_folio_1", "it should be 4")),
    "rolls are detached": ("ALTER TABLE ledger_roll DETACH PARTITION ledger_roll_1", ("I23", "ledger_roll_1", "it should be 4")),
    "weights are detached": (
        "ALTER TABLE manifests_weight_page DETACH PARTITION manifests_weight_page_1", ("I23", "manifests_weight_page_1", "it should be 4"),
    ),
    "whose weights they are is detached": (
        "ALTER TABLE manifests_roll DETACH PARTITION manifests_roll_1", ("I23", "manifests_roll_1", "it should be 4"),
    ),
    "rolls are attached for weights that there are none of": (
        "CREATE TABLE manifests_roll_99 (LIKE manifests_roll INCLUDING CONSTRAINTS); "
        "ALTER TABLE manifests_roll ATTACH PARTITION manifests_roll_99 FOR VALUES IN (99)", ("I23", "manifests_roll_99", "it is 0"),
    ),
    "sales are detached": ("ALTER TABLE sales_sale DETACH PARTITION sales_sale_6", ("I23", "sales_sale_6", "it should be 4")),
    "entries are attached for a cycle that has none": (
        "CREATE TABLE ledger_folio_99 (LIKE ledger_folio INCLUDING CONSTRAINTS); "
        "ALTER TABLE ledger_folio ATTACH PARTITION ledger_folio_99 FOR VALUES IN (99)", ("I23", "ledger_folio_99", "it is 0"),
    ),
    "rolls are attached for a cycle that has none": (
        "CREATE TABLE ledger_roll_99 (LIKE ledger_roll INCLUDING CONSTRAINTS); "
        "ALTER TABLE ledger_roll ATTACH PARTITION ledger_roll_99 FOR VALUES IN (99)", ("I23", "ledger_roll_99", "it is 0"),
    ),
    "sales are made a partition by hand": (
        "CREATE TABLE sales_sale_99 (LIKE sales_sale INCLUDING ALL); "
        "ALTER TABLE sales_sale ATTACH PARTITION sales_sale_99 FOR VALUES IN (99)", ("I23", "sales_sale_99", "it is 0"),
    ),
    "triggers of entries are off": ("ALTER TABLE ledger_folio_1 DISABLE TRIGGER ALL", ("I23", "ledger_folio_1", "it is 0")),
    "triggers of rolls are off": ("ALTER TABLE ledger_roll_1 DISABLE TRIGGER ALL", ("I23", "ledger_roll_1", "it is 0")),
    "a trigger of legs is off": (
        "ALTER TABLE ledger_leg DISABLE TRIGGER ledger_leg_no_change", ("I23", "ledger_leg_no_change on ledger_leg", "it is D"),
    ),
    "a trigger sleeps on a replica": (
        "ALTER TABLE ledger_leg ENABLE TRIGGER ledger_leg_no_change", ("I23", "ledger_leg_no_change on ledger_leg", "it is O"),
    ),
    "a trigger of events is dropped": ("DROP TRIGGER audit_event_no_change ON audit_event", ("I23", "DELETE on audit_event", "it is open")),
    "tables may be emptied": ("DROP TRIGGER ledger_leg_no_truncate ON ledger_leg", ("I23", "TRUNCATE on ledger_leg", "it is open")),
    "journals move as they like": (
        "DROP TRIGGER ledger_journal_moves ON ledger_journal; DROP TRIGGER ledger_journal_movements ON ledger_journal",
        ("I23", "UPDATE on ledger_journal", "it is open"),
    ),
    "the application may edit legs": ("GRANT UPDATE ON ledger_leg TO revshare", ("I23", "ledger_leg.account", "may UPDATE")),
    "everybody may empty a table": ("GRANT TRUNCATE ON files_file TO PUBLIC", ("I23", "files_file", "may TRUNCATE")),
    "the application may move a cycle's month": (
        "GRANT UPDATE (ends_at) ON cycles_cycle TO revshare", ("I23", "cycles_cycle.ends_at", "may UPDATE"),
    ),
    "the application may make tables": ("GRANT CREATE ON SCHEMA public TO revshare", ("I23", "its role", "may make tables")),
    "the application may guard what it likes": (
        "GRANT EXECUTE ON FUNCTION revshare_guard(text) TO revshare", ("I23", "revshare_guard(text)", "may call it"),
    ),
}  # fmt: skip
# Triggers off, the deed, the same triggers on again: nothing of that is to be seen, only what was done.
EDITS: dict[str, tuple[str, tuple[str, str, str]]] = {
    "a leg is changed": (
        "UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE journal_id = 1 AND account = 'platform'",
        ("I24", "journal 1", "the chain breaks"),
    ),
    "two legs are changed alike": (
        "UPDATE ledger_leg SET amount_micros = amount_micros + 1 WHERE journal_id = 1 AND account IN ('platform', 'sales')",
        ("I24", "journal 1", "the chain breaks"),
    ),
    "an event is changed": ("UPDATE audit_event SET actor = 'nobody' WHERE seq = 5", ("I24", "event 5", "expected event 5, hash")),
    "the last events are gone": (
        "DELETE FROM audit_event WHERE seq = 7", ("I24", "event 8", "expected event 7"),
    ),
    "an entry is changed": (
        "UPDATE ledger_folio_1 SET amounts[1] = amounts[1] + 1", ("I16", "pool", "should be"),
    ),
    "a roll is gone": ("DELETE FROM ledger_roll_1", ("I16", "pool", "should be")),
    "legs are emptied": ("TRUNCATE ledger_leg", ("I2", "journal", "each journal balances")),
    "a sale is changed": ("UPDATE sales_sale_0 SET gross_micros = gross_micros + 1 WHERE sale_id = 's1'", ("I12", "file 4", "should be")),
    "a weight is changed": (
        "UPDATE manifests_weight_page_1 SET ticks[1] = ticks[1] + 1", ("I14", "ds@1", "should be"),
    ),
    "a roll of weights is gone": ("DELETE FROM manifests_roll_1", ("I14", "ds@1", "in the database have the hash")),
    "somebody else is on a roll of weights": (
        "UPDATE manifests_roll_1 SET contributors[2] = 'nobody'", ("I25", "contributor nobody", "a contributor"),
    ),
}  # fmt: skip


@pytest.fixture
def here(published: World, django_db_blocker: Any) -> Iterator[None]:
    """In the world, as the application's role by the owner's login, in a transaction that is rolled back."""
    with (
        django_db_blocker.unblock(),
        inside(published, acting_as_application(published.owner_url)),
        transaction.atomic(),
    ):
        yield
        transaction.set_rollback(True)


def _named(wanted: tuple[str, str, str], findings: list[Finding]) -> bool:
    invariant, where, what = wanted
    return any(item.invariant == invariant and where in item.where and what in item.what for item in findings)


def test_the_world_is_clean(here: None) -> None:
    """After all attacks of this process, whichever came first."""
    verdict = verify(cycles=list(Cycle.objects.all()))
    assert (verdict.findings, verdict.notes) == ([], [])
    assert NamedLeg.objects.exists()


@pytest.mark.parametrize("what", DEEDS)
def test_what_an_owner_does_to_the_guards_is_named(here: None, what: str) -> None:
    deed, wanted = DEEDS[what]
    with owner(), connection.cursor() as cursor:
        cursor.execute(deed)
    findings = verify(cycles=[]).findings
    assert _named(wanted, findings), findings


@pytest.mark.parametrize("what", EDITS)
def test_what_an_owner_edits_unseen_is_named(here: None, what: str) -> None:
    deed, wanted = EDITS[what]
    without_triggers(deed)
    findings = verify(cycles=[]).findings
    assert _named(wanted, findings), findings


def test_an_application_that_owns_its_tables_is_told_so(here: None) -> None:
    with owner():
        verdict = verify(cycles=[])
    assert verdict.findings == []
    assert "owns its tables" in verdict.notes[0]
