"""Where in the ledger something stands, in SQL: the views of accounts and entries hide in which folio, and to ask them
for a contributor or a number alone would open all of them."""

from django.db.models import BooleanField, Func, IntegerField, Value

from revshare import on_rolls
from revshare.on_rolls import RollsIn

ROLLS = RollsIn("ledger_roll", "cycle_id", "SELECT DISTINCT cycle_id FROM ledger_account_control")
on_roll_of = ROLLS.on_roll_of
ROLL = ROLLS.roll_of("{cycle}", "{contributor}")
"""The roll of one cycle on which a contributor can stand."""

OF_NUMBERS = """(
    SELECT max(f.first_no) FROM ledger_folio f WHERE f.cycle_id = %s AND f.first_no <= %s) AND %s"""
"""To follow BETWEEN: the first numbers of the folios that hold these numbers of a cycle. Parameters: the cycle's id,
the first number, the last."""


class OnRollOf(on_rolls.OnRollOf):
    """Whether a row of a view is on a roll on which a contributor can stand, for the ORM."""

    rolls = ROLLS


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
