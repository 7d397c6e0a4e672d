"""What moves a contributor's account beside the allocation of a cycle: legs of other journals, which the next cycle
collects under a pool of kind `movements` per currency and its statements list one by one.

What was written before had no movements, and reads as it did. The way back refuses once there are any.
"""

from importlib import import_module

import django.contrib.postgres.constraints
from django.contrib.postgres.fields import RangeOperators
from django.db import migrations, models

import revshare.cycles.models

_immutability = import_module("revshare.migrations.0002_immutability")
_audit_views = import_module("revshare.migrations.0003_audit_views")
_entries = import_module("revshare.migrations.0004_entries")


def _changed(text, *pairs):
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _function(source, name):
    """The text of one function, as a replacement of what is there."""
    body = source.split(f"CREATE FUNCTION {name}(")[1].split("$$;")[0]
    return f"CREATE OR REPLACE FUNCTION {name}({body}$$;\n"


REFUSE_BACK = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pools_pool WHERE kind <> 'sales') OR EXISTS (SELECT FROM ledger_leg WHERE account LIKE 'payable:%') THEN
        RAISE EXCEPTION 'this instance holds payments or other movements of accounts, which the version before does not know';
    END IF;
END $$;
"""
# A cycle of before lists no movements: there were none. Its range ends with its own journal.
JOURNALS_OF_BEFORE = """
UPDATE cycles_cycle c SET (journals_after, journals_upto) = (
    SELECT coalesce(max(j.seq) FILTER (WHERE b.calculation < c.calculation), 0), coalesce(max(j.seq), 0)
    FROM ledger_journal j JOIN cycles_cycle b ON b.id = j.cycle_id AND b.calculation <= c.calculation)
WHERE c.calculation IS NOT NULL;
"""

ENTRY_SIGNS = """
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_amount_micros_check;
ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_amount_micros_check CHECK (amount_micros >= 0 OR numerator_ticks = 0);
"""
OLD_ENTRY_SIGNS = ENTRY_SIGNS.replace(" OR numerator_ticks = 0", "")

COLUMNS = ("adjusted", "withheld", "held", "paid")
FUNCTIONS = """
-- The column of a statement that a journal of this kind moves (`statements.rules.column_of`).
CREATE FUNCTION revshare_statement_column(kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind IN ('payment', 'returned') THEN 'paid' WHEN kind = 'withholding' THEN 'withheld'
                WHEN kind IN ('reserve', 'hold') THEN 'held' ELSE 'adjusted' END
$$;

-- Each leg that moved a contributor's account beside allocations, in the cycle whose statements list it.
CREATE VIEW ledger_movement AS
SELECT l.id, c.id AS cycle_id, j.seq AS journal_id, j.kind, j.key, revshare_statement_column(j.kind) AS "column",
       l.account, substr(l.account, 9) AS contributor_id, l.currency,
       CASE l.side WHEN 'C' THEN l.amount_micros ELSE -l.amount_micros END AS amount_micros
FROM cycles_cycle c
JOIN ledger_leg l ON l.journal_id > c.journals_after AND l.journal_id <= c.journals_upto AND l.account LIKE 'payable:%'
JOIN ledger_journal j ON j.seq = l.journal_id;

-- What a column of statements has of them. Only `adjusted` has the sign of the account.
CREATE VIEW statements_moved AS
SELECT cycle_id, contributor_id, currency,
       coalesce(sum(amount_micros) FILTER (WHERE "column" = 'adjusted'), 0)::bigint AS adjusted_micros,
       coalesce(-sum(amount_micros) FILTER (WHERE "column" = 'withheld'), 0)::bigint AS withheld_micros,
       coalesce(-sum(amount_micros) FILTER (WHERE "column" = 'held'), 0)::bigint AS held_micros,
       coalesce(-sum(amount_micros) FILTER (WHERE "column" = 'paid'), 0)::bigint AS paid_micros
FROM ledger_movement GROUP BY cycle_id, contributor_id, currency;

CREATE FUNCTION revshare_moved(cycle integer, contributor text, money text, wanted text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT (coalesce(sum(amount_micros), 0) * CASE wanted WHEN 'adjusted' THEN 1 ELSE -1 END)::bigint FROM ledger_movement
    WHERE cycle_id = cycle AND account = 'payable:' || contributor AND currency = money AND "column" = wanted
$$;

-- The lines for them in a statement's canonical text, after its earned ones.
CREATE FUNCTION revshare_moved_lines(cycle integer, contributor text, money text, earned bigint) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT string_agg(concat_ws(E'\\t', 'line', earned + line, kind, key, amount_micros) || E'\\n', '' ORDER BY line)
    FROM (SELECT *, row_number() OVER (ORDER BY journal_id) AS line FROM ledger_movement
          WHERE cycle_id = cycle AND account = 'payable:' || contributor AND currency = money) moved
$$;

-- The entries under pools of movements are the legs in the cycle's range, netted by account: all of them, and no others.
CREATE FUNCTION revshare_check_movements(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := 'ledger_entry_' || cycle; wrong text;
BEGIN
    IF NOT EXISTS (SELECT FROM pools_pool WHERE cycle_id = cycle AND kind = 'movements')
       AND NOT EXISTS (SELECT FROM ledger_movement WHERE cycle_id = cycle) THEN
        RETURN;
    END IF;
    EXECUTE format(
        'SELECT coalesce(e.contributor_id, m.contributor_id) FROM (
             SELECT e.contributor_id, p.currency, e.amount_micros, e.statement_lines FROM %1$I e
             JOIN pools_pool p ON p.id = e.pool_id AND p.kind = ''movements'') e
         FULL JOIN (SELECT contributor_id, currency, sum(amount_micros) AS amount_micros FROM ledger_movement
                    WHERE cycle_id = %2$s GROUP BY 1, 2) m USING (contributor_id, currency)
         WHERE e.amount_micros IS DISTINCT FROM m.amount_micros OR e.statement_lines = 0 LIMIT 1', part, cycle) INTO wrong;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the movements of cycle % are not what the journals have for %', cycle, wrong
            USING ERRCODE = 'check_violation';
    END IF;
END $$;

-- Judged when a journal is sealed: whose account it moves exists, and a reversal is the exact mirror.
CREATE FUNCTION revshare_seal_movements() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE stranger text; apart text;
BEGIN
    SELECT l.account INTO stranger FROM ledger_leg l WHERE l.journal_id = NEW.seq AND l.account LIKE 'payable:%'
        AND NOT EXISTS (SELECT FROM contributors_contributor c WHERE c.id = substr(l.account, 9)) LIMIT 1;
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION 'journal % moves %, whom nobody knows', NEW.seq, stranger USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF NEW.reverses_id IS NOT NULL THEN
        SELECT coalesce(a.account, b.account) INTO apart
        FROM (SELECT * FROM ledger_leg WHERE journal_id = NEW.seq) a
        FULL JOIN (SELECT * FROM ledger_leg WHERE journal_id = NEW.reverses_id) b USING (account, currency)
        WHERE a.amount_micros IS DISTINCT FROM b.amount_micros OR a.side = b.side LIMIT 1;
        IF apart IS NOT NULL OR EXISTS (SELECT FROM ledger_journal WHERE seq = NEW.reverses_id
                                        AND (kind = 'allocation' OR reverses_id IS NOT NULL)) THEN
            RAISE EXCEPTION 'journal % is not the mirror of journal %', NEW.seq, NEW.reverses_id
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_journal_movements BEFORE UPDATE ON ledger_journal FOR EACH ROW
    EXECUTE FUNCTION revshare_seal_movements();
ALTER TABLE ledger_journal ENABLE ALWAYS TRIGGER ledger_journal_movements;
"""
DROP_FUNCTIONS = """
DROP TRIGGER ledger_journal_movements ON ledger_journal;
DROP VIEW statements_moved;
DROP FUNCTION revshare_seal_movements(); DROP FUNCTION revshare_check_movements(integer);
DROP FUNCTION revshare_moved_lines(integer, text, text, bigint); DROP FUNCTION revshare_moved(integer, text, text, text);
DROP VIEW ledger_movement;
DROP FUNCTION revshare_statement_column(text);
"""

# Pools of movements share nothing: their entries are held against the journals instead, and are not earned.
_OLD_CHECK, _OLD_ATTACH, _OLD_SHA256 = (
    _function(_entries.FUNCTIONS, f"revshare_{name}") for name in ("check_entries", "attach_entries", "statement_sha256")
)
CHECK = _changed(
    _OLD_CHECK,
    ("sum(amount_micros) AS amount,", "sum(amount_micros) AS amount,\n                min(amount_micros) AS least,"),
    ("SELECT k.*, p.currency,", "SELECT k.*, p.currency, p.kind,"),
    ("OR f.amount <> k.distributable_micros OR", "OR k.kind = ''sales'' AND (f.amount <> k.distributable_micros OR f.least < 0) OR"),
    ("sum(amount) AS amount FROM found",
     "coalesce(sum(amount) FILTER (WHERE p.kind = ''sales''), 0) AS amount FROM found"),
)
ATTACH = _changed(
    _OLD_ATTACH,
    ("PERFORM revshare_check_entries(cycle);",
     "PERFORM revshare_check_entries(cycle);\n    PERFORM revshare_check_movements(cycle);"),
)
SHA256 = _changed(
    _OLD_SHA256,
    (r"E'\nadjusted\t0\nwithheld\t0\nheld\t0\npaid\t0\nclosing\t', sum(e.opening_micros + e.earned_micros),",
     r"""%s
        E'\nclosing\t', sum(e.opening_micros + e.earned_micros)
            + coalesce(sum(e.amount_micros) FILTER (WHERE e.kind = 'movements'), 0),""" % "\n        ".join(
        rf"E'\n{name}\t', CASE WHEN bool_or(e.kind = 'movements') THEN revshare_moved(cycle, contributor, money, '{name}') "
        "ELSE 0 END," for name in COLUMNS)),
    ("'' ORDER BY e.line)\n", """'' ORDER BY e.line)
            FILTER (WHERE e.kind = 'sales'),
        CASE WHEN bool_or(e.kind = 'movements')
             THEN revshare_moved_lines(cycle, contributor, money, count(*) FILTER (WHERE e.kind = 'sales')) END
"""),
    ("SELECT e.*, p.\"table\",", "SELECT e.*, p.kind, p.\"table\","),
    ("row_number() OVER (ORDER BY p.\"table\",", "row_number() OVER (ORDER BY p.kind = 'movements', p.\"table\","),
)

STATEMENTS = """
CREATE OR REPLACE VIEW statements_statement AS
SELECT e.cycle_id * 1000000000::bigint + e.statement_no AS id,
       c.key || '-' || to_char(e.statement_no, 'FM000000000') AS number,
       e.cycle_id, e.statement_no AS ordinal, e.contributor_id, p.currency, e.statement_lines AS lines,
       e.opening_micros, e.earned_micros, {columns}
       e.opening_micros + e.earned_micros + {moved} AS closing_micros,
       revshare_statement_sha256(e.cycle_id, e.contributor_id, p.currency) AS content_sha256
FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id JOIN cycles_cycle c ON c.id = e.cycle_id
WHERE e.statement_lines > 0;
""".format(
    columns="".join(
        "CASE p.kind WHEN 'movements' THEN revshare_moved(e.cycle_id, e.contributor_id, p.currency, "
        f"'{name}') ELSE 0 END AS {name}_micros,\n       "
        for name in COLUMNS
    ),
    moved="CASE p.kind WHEN 'movements' THEN e.amount_micros ELSE 0 END",
)
OLD_STATEMENTS = "CREATE OR REPLACE VIEW statements_statement" + _entries.VIEWS.split(
    "CREATE VIEW statements_statement")[1].split("CREATE VIEW")[0]
_OLD_ALLOCATIONS = "CREATE OR REPLACE VIEW allocation_allocation" + _entries.VIEWS.split(
    "CREATE VIEW allocation_allocation")[1].split("CREATE VIEW")[0]
ALLOCATIONS = _changed(
    _OLD_ALLOCATIONS, ("p.id = e.pool_id\nUNION ALL", "p.id = e.pool_id AND p.kind = 'sales'\nUNION ALL"))
_OLD_POOLS, _OLD_LINES = (
    f"CREATE OR REPLACE VIEW audit.{name} AS" + _entries._AUDIT.split(f"CREATE VIEW audit.{name} AS")[1].split("CREATE VIEW")[0]
    for name in ("pool", "statement_line")
)
POOLS = _changed(_OLD_POOLS, ("FROM pools_pool;", "FROM pools_pool WHERE kind = 'sales';"))
LINES = _changed(
    _OLD_LINES,
    ("FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id;",
     """FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id AND p.kind = 'sales'
UNION ALL
SELECT e.cycle_id * 1000000000::bigint + e.statement_no,
       e.statement_lines - 1 + row_number() OVER (PARTITION BY e.cycle_id, e.statement_no ORDER BY m.journal_id),
       m.kind, NULL, NULL, NULL, m.amount_micros
FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id AND p.kind = 'movements'
JOIN ledger_movement m ON m.cycle_id = e.cycle_id AND m.contributor_id = e.contributor_id AND m.currency = p.currency;"""),
)
JOURNALS = ".calculation, {0}.journals_after, {0}.journals_upto, "
CYCLE_MOVES = _changed(
    _entries.CYCLE_MOVES,
    ("NEW.calculation, ", "NEW" + JOURNALS.format("NEW")), ("OLD.calculation, ", "OLD" + JOURNALS.format("OLD")),
)

KINDS = [("sales", "Sales"), ("movements", "Movements")]
OLD_ACCOUNTS = "^(sales|platform|suspense|carried|payable:.+)$"
ACCOUNTS = "^(sales|platform|suspense|carried|commons|held|reserve|withholding|bank|fx|advance|payable:.+)$"


def _accounts(pattern):
    return models.CheckConstraint(name="ledger_leg_account_known", condition=models.Q(("account__regex", pattern)))


class Migration(migrations.Migration):
    dependencies = [("revshare", "0008_quicker_checks")]
    operations = [
        migrations.AddField("pool", "kind", models.TextField(choices=KINDS, db_default="sales", default="sales")),
        migrations.RemoveConstraint("pool", "pools_once"),
        migrations.AddConstraint("pool", models.UniqueConstraint(
            fields=("cycle", "kind", "table", "model", "dataset_version", "currency"), name="pools_once")),
        migrations.AddConstraint("pool", models.CheckConstraint(
            name="pools_movements_share_nothing",
            condition=models.Q(("kind", "sales"), models.Q(
                ("carried_in_micros", 0), ("carried_out_micros", 0), ("denominator_ticks", 0),
                ("distributable_micros", 0), ("kind", "movements"), ("net_micros", 0), ("platform_micros", 0)),
                _connector="OR"))),
        migrations.AddField("cycle", "journals_after", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField("cycle", "journals_upto", models.BigIntegerField(blank=True, null=True)),
        migrations.RunSQL(JOURNALS_OF_BEFORE, migrations.RunSQL.noop),
        migrations.AddConstraint("cycle", models.CheckConstraint(
            name="cycles_calculated_has_journals",
            condition=models.Q(("state__in", ["open", "locked"]), models.Q(
                ("journals_after__isnull", False), ("journals_upto__gte", models.F("journals_after"))), _connector="OR"))),
        migrations.AddConstraint("cycle", django.contrib.postgres.constraints.ExclusionConstraint(
            name="cycles_movement_in_one_cycle",
            expressions=[(revshare.cycles.models.numbers("journals_after", "journals_upto"), RangeOperators.OVERLAPS)],
            condition=models.Q(("journals_upto__isnull", False)))),
        migrations.RemoveConstraint("namedleg", "ledger_leg_account_known"),
        migrations.AddConstraint("namedleg", _accounts(ACCOUNTS)),
        migrations.RunSQL(
            ENTRY_SIGNS + FUNCTIONS + CHECK + ATTACH + SHA256 + STATEMENTS + ALLOCATIONS + POOLS + LINES + CYCLE_MOVES,
            OLD_STATEMENTS + _OLD_ALLOCATIONS + _OLD_POOLS + _OLD_LINES + _OLD_SHA256 + _OLD_ATTACH + _OLD_CHECK
            + _entries.CYCLE_MOVES + DROP_FUNCTIONS + OLD_ENTRY_SIGNS,
        ),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_BACK),
    ]
