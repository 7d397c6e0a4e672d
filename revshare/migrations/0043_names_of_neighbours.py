"""Names on the rolls of a cycle are looked up a roll at a time: those on it are neighbours, so what the index of
contributors has from the first to the last of them holds them all. Two processes had a table of all contributors' hashes made
for it. What is refused is refused as before.
"""

from importlib import import_module

from django.db import migrations

_changed = import_module("revshare.migrations.0009_movements")._changed
_folios = import_module("revshare.migrations.0037_folios")
_known = import_module("revshare.migrations.0038_known_rolls")

# Of rolls in order, or parts of the index would be read more than once. OFFSET 0: neighbours are read together, and not
# each looked up by itself.
STRANGERS = """
CREATE FUNCTION revshare_strangers(part text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE stranger text;
BEGIN
    EXECUTE format(
        'SELECT min(x.id) FROM %I r CROSS JOIN LATERAL (
             SELECT a.id FROM (SELECT unnest(r.contributors) AS id OFFSET 0) a
             LEFT JOIN (SELECT c.id FROM contributors_contributor c
                        WHERE c.id BETWEEN r.contributors[1] AND r.contributors[cardinality(r.contributors)] OFFSET 0) c
             ON c.id = a.id WHERE c.id IS NULL) x', part) INTO stranger;
    RETURN stranger;
END $$;
"""
# Whoever calls it may have said otherwise.
SETTINGS = """
ALTER FUNCTION revshare_strangers(text) SET enable_indexonlyscan = on SET enable_indexscan = on SET enable_bitmapscan = off
    SET enable_mergejoin = off;
"""
ROLLS = _changed(
    _known.ROLLS,
    (
        """        'SELECT min(a.id) FILTER (WHERE c.id IS NULL), ''roll '' || min(a.roll) FILTER (WHERE a.id >= a.next)
         FROM (SELECT roll, unnest(contributors) AS id, unnest(contributors[2:]) AS next FROM %I) a
         LEFT JOIN contributors_contributor c ON c.id = a.id', rolls) INTO stranger, wrong;
    END IF;
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION '% names contributor %, whom nobody knows', rolls, stranger USING ERRCODE = 'foreign_key_violation';
    END IF;
""",
        """        'SELECT ''roll '' || min(a.roll) FILTER (WHERE a.id >= a.next)
         FROM (SELECT roll, unnest(contributors) AS id, unnest(contributors[2:]) AS next FROM %I) a', rolls) INTO wrong;
    END IF;
""",
    ),
    (
        "USING ERRCODE = 'unique_violation';\n    END IF;\n",
        """USING ERRCODE = 'unique_violation';
    END IF;
    IF NOT known THEN
        stranger := revshare_strangers(rolls);
    END IF;
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION '% names contributor %, whom nobody knows', rolls, stranger USING ERRCODE = 'foreign_key_violation';
    END IF;
""",
    ),
)
FORWARD = STRANGERS + SETTINGS + ROLLS + _folios.SETTINGS
BACK = _known.ROLLS + _folios.SETTINGS + "DROP FUNCTION revshare_strangers(text);\n"


class Migration(migrations.Migration):
    dependencies = [("revshare", "0042_first_contributors")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
