"""Where in the ledger something stands, in SQL: the views of accounts and entries hide in which folio, and to ask them
for a contributor or a number alone would open all of them."""

OF_CONTRIBUTOR = """(
    SELECT k.cycle_id, (SELECT r.roll FROM ledger_roll r WHERE r.cycle_id = k.cycle_id AND r.first_id <= %s
                        ORDER BY r.first_id DESC LIMIT 1)
    FROM (SELECT DISTINCT cycle_id FROM ledger_account_control) k)"""
"""(cycle_id, roll) of each cycle's roll on which a contributor can stand. Parameter: the contributor's id."""

OF_NUMBERS = """(
    SELECT max(f.first_no) FROM ledger_folio f WHERE f.cycle_id = %s AND f.first_no <= %s) AND %s"""
"""To follow BETWEEN: the first numbers of the folios that hold these numbers of a cycle. Parameters: the cycle's id,
the first number, the last."""
