"""Checks of entries that look at less: rolls that an earlier cycle has as well were looked up then; statements are taken
apart once and not twice; and a sample of 3,000 folios says enough of them.

What is refused is refused as before.
"""

from importlib import import_module

from django.db import migrations

_changed = import_module("revshare.migrations.0009_movements")._changed
_folios = import_module("revshare.migrations.0037_folios")


def _replaced(name):
    """The text of one function, as it was, to stand in place of what is there."""
    after = _folios.FUNCTIONS.split(f"FUNCTION {name}(")[1]
    return f"CREATE OR REPLACE FUNCTION {name}({after.split('END $$;')[0]}END $$;\n"


OLD_ROLLS, OLD_ENTRIES = _replaced("revshare_check_rolls"), _replaced("revshare_check_entries")
ROLLS = _changed(
    OLD_ROLLS,
    ("stranger text; wrong text;", "known boolean; stranger text; wrong text;"),
    (
        """    EXECUTE format(
        'SELECT min(a.id)""",
        """    -- What is there word for word in a cycle that was let in is in order, and its contributors are still there. Counted:
    -- to know whether there is any other, the planner would look through all known ones for each.
    EXECUTE format(
        'SELECT count(*) = count(k.roll) FROM %I r LEFT JOIN ledger_roll k ON k.cycle_id = %s AND k.roll = r.roll
             AND k.contributors = r.contributors', rolls,
        (SELECT coalesce(max(cycle_id), 0) FROM ledger_account_control WHERE cycle_id <> cycle)) INTO known;
    IF NOT known THEN
        EXECUTE format(
        'SELECT min(a.id)""",
    ),
    (
        """INTO stranger, wrong;
""",
        """INTO stranger, wrong;
    END IF;
""",
    ),
    # Sorted without their arrays.
    (
        """                 SELECT f.*, cardinality(r.contributors) AS room, 1 + sum(cardinality(f.members)) OVER (
                            ORDER BY f.currency, f.roll ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS should
                 FROM %2$I f LEFT JOIN %1$I r USING (roll)) f
             WHERE first_no <> coalesce(should, 1) OR room IS NULL OR members[cardinality(members)] > room
""",
        """                 SELECT f.*, 1 + sum(f.size) OVER (
                            ORDER BY f.currency, f.roll ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS should
                 FROM (SELECT f.currency, roll, f.first_no, cardinality(f.members) AS size,
                              f.members[cardinality(f.members)] AS last_member, cardinality(r.contributors) AS room
                       FROM %2$I f LEFT JOIN %1$I r USING (roll) OFFSET 0) f) f
             WHERE first_no <> coalesce(should, 1) OR room IS NULL OR last_member > room
""",
    ),
)
ENTRIES = _changed(
    OLD_ENTRIES,
    (
        "count(*) FILTER (WHERE a.member >= a.next OR a.stop >= a.next_stop) AS again\n",
        "count(*) FILTER (WHERE a.member >= a.next OR a.stop >= a.next_stop) AS again,\n"
        "                count(*) FILTER (WHERE a.pools[a.stop] >= a.pools[a.stop + 1]) AS falls\n",
    ),
    ("FROM (SELECT currency, unnest(members) AS member,", "FROM (SELECT currency, pools, unnest(members) AS member,"),
    (
        """            turned AS (SELECT currency, count(*) FILTER (WHERE pools[stop] >= pools[stop + 1]) AS falls
                FROM (SELECT currency, pools, unnest(ends) AS stop FROM %1$I) a GROUP BY currency),
""",
        "",
    ),
    (
        "FROM stated JOIN turned t USING (currency)\n                 JOIN given g USING (currency)"
        " WHERE again > 0 OR t.falls <> g.falls)",
        "FROM stated s\n                 JOIN given g USING (currency) WHERE again > 0 OR s.falls <> g.falls)",
    ),
)  # fmt: skip
SAMPLE = "ALTER FUNCTION revshare_attach_folios(integer) {deed} default_statistics_target{value};\n"
# A function that is put in place of another loses what was set for it.
FORWARD = ROLLS + _folios.SETTINGS + ENTRIES + SAMPLE.format(deed="SET", value=" = 10")
BACK = OLD_ROLLS + _folios.SETTINGS + OLD_ENTRIES + SAMPLE.format(deed="RESET", value="")


class Migration(migrations.Migration):
    dependencies = [("revshare", "0037_folios")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
