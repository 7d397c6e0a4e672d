"""Where in the ledger something stands, in SQL: the views of accounts and entries hide in which folio, and to ask them
for a contributor or a number alone would open all of them."""

from typing import Any

from django.db.models import BooleanField, Func, IntegerField, Value

ROLL = """(
    SELECT r.roll FROM ledger_roll r WHERE r.cycle_id = {cycle} AND r.first_id <= {contributor}
    ORDER BY r.first_id DESC LIMIT 1)"""
"""The roll of one cycle on which a contributor can stand."""

OF_NUMBERS = """(
    SELECT max(f.first_no) FROM ledger_folio f WHERE f.cycle_id = %s AND f.first_no <= %s) AND %s"""
"""To follow BETWEEN: the first numbers of the folios that hold these numbers of a cycle. Parameters: the cycle's id,
the first number, the last."""


def on_roll_of(view: str, contributor: str) -> str:
    """Whether a row of a view is on a roll on which a contributor can stand, in SQL. `contributor`: how the id is said;
    it stands there twice.

    The rolls are known before the first folio is opened, as values: joined with them, the planner opens all folios and
    looks at what stood in them, since it takes rolls for few.
    """
    rolls = (
        f"SELECT k.cycle_id, {ROLL.format(cycle='k.cycle_id', contributor=contributor)} AS roll "
        "FROM (SELECT DISTINCT cycle_id FROM ledger_account_control) k"
    )
    return (
        f"({view}.roll = ANY (ARRAY(SELECT k.roll FROM ({rolls}) k)) AND ({view}.cycle_id::bigint << 32 | {view}.roll) "
        f"= ANY (ARRAY(SELECT k.cycle_id::bigint << 32 | k.roll FROM ({rolls}) k)))"
    )


class OnRollOf(Func):
    """The same for the ORM."""

    template = on_roll_of("%(view)s", "%(expressions)s")
    output_field = BooleanField()

    def __init__(self, contributor_id: str, *, view: str) -> None:
        super().__init__(Value(contributor_id), view=view)

    def as_sql(self, *args: Any, **kwargs: Any) -> tuple[str, tuple[str | int, ...]]:
        sql, params = super().as_sql(*args, **kwargs)
        return sql, (*params, *params)


class OnRollIn(Func):
    """Whether a row of a view is on the roll of one cycle on which a contributor can stand. Quicker to plan than
    `OnRollOf`: it names one partition."""

    template = (
        "%(view)s.roll = (SELECT r.roll FROM ledger_roll r WHERE r.cycle_id = %(expressions)s "
        "ORDER BY r.first_id DESC LIMIT 1)"
    )
    arg_joiner = " AND r.first_id <= "
    output_field = BooleanField()

    def __init__(self, cycle_id: int, contributor_id: str, *, view: str) -> None:
        super().__init__(Value(cycle_id), Value(contributor_id), view=view)


class FirstInFolio(Func):
    """The first number of the folio that holds this number of a cycle."""

    template = "(SELECT max(f.first_no) FROM ledger_folio f WHERE f.cycle_id = %(expressions)s)"
    arg_joiner = " AND f.first_no <= "
    output_field = IntegerField()

    def __init__(self, cycle_id: int, number: int) -> None:
        super().__init__(Value(cycle_id), Value(number))
