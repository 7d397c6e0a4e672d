"""Rolls of a cycle that comes after another: those that both have are known, others are looked up."""

import psycopg
import pytest
from django.db import IntegrityError, transaction

from revshare.pools.models import Pool
from tests.ledger.batches import Batch, prepared
from tests.ledger.spoiling import names
from tests.stories import Story

KEY, ONCE = psycopg.errors.ForeignKeyViolation, psycopg.errors.UniqueViolation


@pytest.fixture(scope="module")
def pools(told: Story) -> tuple[Pool, Pool]:
    return prepared(told, after_may=True)


@pytest.mark.parametrize(("people", "kind"), [(("ann", "zoe"), KEY), (("ben", "ann"), ONCE), (("ann", "ben"), None)])
def test_a_roll_that_the_cycle_before_has_not_is_looked_up(
    batch: Batch, people: tuple[str, str], kind: type | None
) -> None:
    names(*people)(batch)
    if kind is None:
        assert batch.enter() == 4
        return
    with pytest.raises((IntegrityError, psycopg.IntegrityError)) as caught, transaction.atomic():
        batch.enter()
    assert isinstance(caught.value.__cause__ or caught.value, kind), caught.value
