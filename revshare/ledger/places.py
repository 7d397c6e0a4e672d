"""Where in the ledger something stands, in SQL: the views of accounts and entries hide in which folio, and to ask them
for a contributor or a number alone would open all of them."""

from django.db.models import BooleanField, Func, IntegerField, Value

ROLL = """(
    SELECT r.roll FROM ledger_roll r WHERE r.cycle_id = {cycle} AND r.first_id <= {contributor}
    ORDER BY r.first_id DESC LIMIT 1)"""
"""The roll of one cycle on which a contributor can stand."""

OF_CONTRIBUTOR = f"""(
    SELECT k.cycle_id, {ROLL.format(cycle="k.cycle_id", contributor="%s")}
    FROM (SELECT DISTINCT cycle_id FROM ledger_account_control) k)"""
"""(cycle_id, roll) of each cycle's roll on which a contributor can stand. Parameter: the contributor's id."""

OF_NUMBERS = """(
    SELECT max(f.first_no) FROM ledger_folio f WHERE f.cycle_id = %s AND f.first_no <= %s) AND %s"""
"""To follow BETWEEN: the first numbers of the folios that hold these numbers of a cycle. Parameters: the cycle's id,
the first number, the last."""


class OnRollOf(Func):
    """Whether a row of a view is on a roll on which a contributor can stand."""

    template = f"(%(view)s.cycle_id, %(view)s.roll) IN {OF_CONTRIBUTOR}".replace("%s", "%(expressions)s")
    output_field = BooleanField()

    def __init__(self, contributor_id: str, *, view: str) -> None:
        super().__init__(Value(contributor_id), view=view)


class FirstInFolio(Func):
    """The first number of the folio that holds this number of a cycle."""

    template = "(SELECT max(f.first_no) FROM ledger_folio f WHERE f.cycle_id = %(expressions)s)"
    arg_joiner = " AND f.first_no <= "
    output_field = IntegerField()

    def __init__(self, cycle_id: int, number: int) -> None:
        super().__init__(Value(cycle_id), Value(number))
