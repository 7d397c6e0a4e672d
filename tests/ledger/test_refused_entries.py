"""What the database asks of entries before they are part of the ledger: each wrong set is refused whole."""

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from revshare.ledger.models import AccountControl, PoolControl
from tests.folios import ARRAYS, OF_ENTRY, OF_STATEMENT, a_roll
from tests.ledger.batches import TICKS, Batch, M, stored
from tests.ledger.spoiling import (
    Spoil,
    a_pool_each,
    apart,
    below_zero,
    both,
    change,
    each,
    folio,
    in_two_lines,
    names,
    of_two,
    on_one_roll,
    shape,
    turned,
    with_nobody_between,
    with_nobody_in_euros,
)

CHECK, KEY, ONCE = psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation, psycopg.errors.UniqueViolation
SPOILT: dict[str, tuple[Spoil, type[psycopg.Error]]] = {
    "an amount is less": (change(amounts=-1), CHECK),
    "a numerator is more": (change(ticks=1), CHECK),
    "a numerator is below zero": (each(change(ticks=-2 * TICKS), change(1, ticks=2 * TICKS)), CHECK),
    "something was earned that no pool gave": (change(earned=1), CHECK),
    "less than nothing was earned, and all sums fit": (
        each(change(earned=-16 * M), change(0, earned=16 * M), both({}, {}, {"credited": -1})), CHECK,
    ),
    "an opening balance is more": (change(openings=1), CHECK),
    "a statement says more lines": (change(ends=1), CHECK),
    "a statement has no end": (lambda batch: batch.folios[0]["ends"].pop(), CHECK),
    "a statement has no lines": (change(0, ends=-2), CHECK),
    "an amount is below zero": (change(amounts=-16 * M), CHECK),
    "an amount is below zero, and all sums fit": (below_zero, CHECK),
    "a folio is of another cycle": (lambda batch: batch.folios[0].update(cycle_id=batch.cycle_id + 1), CHECK),
    "a roll is of another cycle": (lambda batch: batch.rolls[0].update(cycle_id=batch.cycle_id + 1), CHECK),
    "an entry is of another pool": (change(pools=1), CHECK),
    "a contributor nobody knows": (names("ann", "zoe"), KEY),
    "a contributor has two entries of a pool": (folio(members=[1, 1]), ONCE),
    "less than the pool has, and its controls say so too": (
        both({"amounts": -1, "earned": -1}, {"amount_micros": -1}, {"earned_micros": -1}), CHECK,
    ),
    "other ticks than the pool has, and its control says so too": (both({"ticks": 1}, {"numerator_ticks": 1}, {}), CHECK),
    "more is earned than given, and the control says so too": (both({"earned": 1}, {}, {"earned_micros": 1}), CHECK),
    "a pool's control says more entries": (both({}, {"entries": 1}, {}), CHECK),
    "the accounts' control says more accounts": (both({}, {}, {"accounts": 1}), CHECK),
    "the accounts' control says fewer were credited": (both({}, {}, {"credited": -1}), CHECK),
    "the accounts' control says another opening balance": (both({}, {}, {"opening_micros": 1}), CHECK),
    "a pool has no control": (lambda batch: batch.pools.clear(), CHECK),
    "accounts have no control": (lambda batch: batch.accounts.clear(), CHECK),
    "there are controls and nothing else": (each(lambda batch: batch.rolls.clear(), lambda batch: batch.folios.clear()), CHECK),
    "there are controls and a roll, and nothing else": (lambda batch: batch.folios.clear(), CHECK),
    # Rolls
    "ids out of order in a roll": (names("ben", "ann"), ONCE),
    "somebody is twice on a roll": (names("ann", "ann"), ONCE),
    "a roll begins with another": (lambda batch: batch.rolls[0].update(first_id="ben"), CHECK),
    "ids out of order between rolls": (
        of_two({"first_id": "ben", "contributors": ["ben"]}, {"first_id": "ann", "contributors": ["ann"]}, folios=False), ONCE,
    ),
    "who ends a roll begins the next": (of_two({"contributors": ["ann", "ben"]}, folios=False), ONCE),
    "somebody is on two rolls": (of_two(None, {"first_id": "ann", "contributors": ["ann"]}, folios=False), ONCE),
    "somebody is on two rolls, and one of nobody is between them": (with_nobody_between, CHECK),
    "two rolls have one number": (of_two(None, {"roll": 1}, folios=False), ONCE),
    "a roll without a number": (lambda batch: batch.rolls[0].update(roll=0), CHECK),
    "a roll is missing": (each(apart, lambda batch: batch.rolls.pop()), ONCE),
    "there is no roll": (lambda batch: batch.rolls.clear(), ONCE),
    # Members
    "members out of order": (folio(members=[2, 1]), ONCE),
    "a member beyond the roll": (folio(members=[1, 3]), ONCE),
    "a member before the roll": (folio(members=[0, 1]), CHECK),
    # Numbers
    "numbers with a gap": (of_two(None, {"first_no": 3}), ONCE),
    "numbers that do not begin with one": (folio(first_no=2), ONCE),
    "numbers against the order of rolls": (of_two({"first_no": 2}, {"first_no": 1}), ONCE),
    "two statements with one number": (of_two(None, {"first_no": 1}), ONCE),
    # Statements
    "ends that fall": (folio(ends=[5, 4]), ONCE),
    "ends that fall, and pools rise all the same": (each(a_pool_each, folio(ends=[3, 2])), ONCE),
    "an end that comes twice": (folio(ends=[4, 4]), ONCE),
    "an end that comes twice, and pools rise all the same": (each(a_pool_each, folio(ends=[2, 2])), ONCE),
    "a statement takes a line of the next": (change(0, ends=1), ONCE),
    "a pool twice in a statement": (in_two_lines, ONCE),
    "pools out of order": (turned, ONCE),
    # Folios
    "pools of another currency": (folio(currency="EUR"), CHECK),
    "pools of another currency, and the control says so too": (
        each(folio(currency="EUR"), lambda batch: setattr(batch.accounts[0], "currency", "EUR")), CHECK,
    ),
    "two folios of one roll and currency": (on_one_roll, ONCE),
    "a folio of nobody": (with_nobody_in_euros, CHECK),
    "a roll of nobody": (lambda batch: batch.rolls.append(a_roll(batch.cycle_id, "x", roll=2) | {"contributors": []}), CHECK),
}  # fmt: skip
SPOILT |= {f"a NULL among {name}": (shape(name, "{{{but_last},NULL}}"), CHECK) for name in (*ARRAYS, "contributors")}
SPOILT |= {
    f"{name} that count from 0": (shape(name, "[0:{end}]={{{all}}}"), CHECK) for name in (*ARRAYS, "contributors")
}
SPOILT |= {f"{name} within an array": (shape(name, "{{{{{all}}}}}"), CHECK) for name in (*ARRAYS, "contributors")}
SPOILT |= {f"more {name} than others": (shape(name, "{{{all},{last}}}"), CHECK) for name in (*OF_STATEMENT, *OF_ENTRY)}


@pytest.mark.parametrize("what", SPOILT)
def test_what_does_not_fit_is_refused_whole(batch: Batch, what: str) -> None:
    spoil, kind = SPOILT[what]
    spoil(batch)
    # What COPY itself refuses comes as the driver says it; Django wraps the rest.
    with pytest.raises((IntegrityError, psycopg.IntegrityError)) as caught, transaction.atomic():
        batch.enter()
    assert isinstance(caught.value.__cause__ or caught.value, kind), caught.value
    assert (stored(), PoolControl.objects.count(), AccountControl.objects.count()) == (0, 0, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_regclass(%s), to_regclass(%s)", [f"ledger_{x}_{batch.cycle_id}" for x in ("roll", "folio")]
        )
        assert cursor.fetchone() == (None, None)
