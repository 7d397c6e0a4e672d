"""Entries that fit are taken in any form they may have, and only by a locked cycle, whoever attaches them."""

import pytest
from django.db import IntegrityError, connection, transaction

from revshare.allocation.models import Rest
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from tests.folios import Line, a_folio, a_roll, insert
from tests.ledger.batches import Batch, stored
from tests.ledger.spoiling import Spoil, a_pool_each, apart, names
from tests.stories import Story


def test_what_fits_is_taken(batch: Batch) -> None:
    assert batch.enter() == stored() == 4


@pytest.mark.parametrize(("make", "entries"), [(apart, 4), (a_pool_each, 2)])
def test_what_fits_is_taken_in_other_forms(batch: Batch, make: Spoil, entries: int) -> None:
    make(batch)
    assert batch.enter() == stored() == entries


def test_the_same_person_may_stand_in_for_another_only_by_name(batch: Batch) -> None:
    """The database knows names and sums: that Cyd holds nothing, only `verify` finds out."""
    names("ann", "cyd")(batch)
    assert batch.enter() == 4


def attach(cycle_id: int, *lines: Line) -> None:
    """By hand: partitions, lines of Ann, and the function that attaches them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_entries(%s)", [cycle_id])
        if lines:
            insert(a_roll(cycle_id, "ann"), a_folio(cycle_id, {1: lines}))
        cursor.execute("SELECT revshare_attach_entries(%s)", [cycle_id])


def test_a_partition_that_was_begun_and_left_is_made_anew(batch: Batch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_entries(%s)", [batch.cycle_id])
    insert(*batch.rolls, *batch.folios)
    assert batch.enter() == 4


def test_an_open_cycle_and_a_calculated_one_take_no_entries(batch: Batch, told: Story) -> None:
    opened = told.open("july", "2026-07-01", "2026-08-01")
    with pytest.raises(IntegrityError, match="it is not locked"):
        attach(opened.pk)
    done = cycles.calculate(key="june", act=told.act())
    with pytest.raises(IntegrityError, match="it is not locked"):
        attach(done.pk)
    assert stored() == 4


def test_attaching_by_hand_is_judged_as_well(batch: Batch) -> None:
    """A locked cycle, forged partitions, and no controls that would fit them."""
    with pytest.raises(IntegrityError, match="not what their controls say"):
        attach(batch.cycle_id, *batch.lines(4))
    assert stored() == 0


def test_what_goes_to_nobody_is_of_a_locked_cycle_too(batch: Batch, told: Story) -> None:
    cycle = Cycle.objects.get(pk=told.open("july", "2026-07-01", "2026-08-01").pk)
    with pytest.raises(IntegrityError, match="is closed"), transaction.atomic():
        Rest.objects.create(cycle=cycle, pool=batch.of[0], bucket="suspense", amount_micros=1)
