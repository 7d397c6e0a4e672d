"""Allocations, legs of contributors and statement lines become one: the entries of the payables ledger, a partition per
cycle, loaded whole and checked before it is attached. Weights get a partition per manifest. What people and auditors
read stays, as views (ADR 7).

There is no way to carry manifests or calculated cycles over: the migration refuses, in both directions.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

_immutability = import_module("revshare.migrations.0002_immutability")
_audit_views = import_module("revshare.migrations.0003_audit_views")

REFUSE_OLD = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM manifests_part) OR EXISTS (SELECT FROM ledger_journal) THEN
        RAISE EXCEPTION 'this instance holds cycles of another version of revshare, which cannot be carried over: make '
            'a new one (REVSHARE_HOME, or an empty database) and take the files in again';
    END IF;
END $$;
"""
OLD_TABLES = ("manifests_weight", "allocation_allocation", "statements_statement")
OLD_TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for table, name, body in _immutability._triggers()
    if table in OLD_TABLES
)

TABLES = """
-- One amount of one pool for one contributor. The last entry of a statement carries its balances.
CREATE TABLE ledger_entry (
    cycle_id integer NOT NULL,
    statement_no integer NOT NULL CHECK (statement_no > 0),
    numerator_ticks bigint NOT NULL CHECK (numerator_ticks >= 0),
    amount_micros bigint NOT NULL CHECK (amount_micros >= 0),
    opening_micros bigint NOT NULL,
    earned_micros bigint NOT NULL CHECK (earned_micros >= 0),
    pool_id integer NOT NULL,
    statement_lines integer NOT NULL CHECK (statement_lines >= 0),
    contributor_id text COLLATE "C" NOT NULL
) PARTITION BY LIST (cycle_id);

-- weight_ticks: NULL where it equals assets_ticks.
CREATE TABLE manifests_weight_row (
    manifest_id integer NOT NULL,
    assets_ticks bigint NOT NULL CHECK (assets_ticks >= 0),
    contributor_id text COLLATE "C" NOT NULL,
    weight_ticks numeric(38, 6) CHECK (weight_ticks >= 0)
) PARTITION BY LIST (manifest_id);
"""

FUNCTIONS = """
-- Rows of a partitioned table come in by a whole partition only.
CREATE FUNCTION revshare_guard(relation text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE action text;
BEGIN
    FOREACH action IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] LOOP
        EXECUTE format('CREATE TRIGGER no_%s BEFORE %s ON %I FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()',
                       lower(action), action, relation);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER no_%s', relation, lower(action));
    END LOOP;
END $$;

CREATE FUNCTION revshare_new_part(parent text, key_column text, key integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text := parent || '_' || key;
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING CONSTRAINTS, CONSTRAINT %I CHECK (%I = %s))',
                   part, parent, part || '_key', key_column, key);
    RETURN part;
END $$;

CREATE FUNCTION revshare_check_contributors(part text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE stranger text;
BEGIN
    EXECUTE format('SELECT min(e.contributor_id) FROM %I e LEFT JOIN contributors_contributor c '
                   'ON c.id = e.contributor_id WHERE c.id IS NULL', part) INTO stranger;
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION '% names contributor %, whom nobody knows', part, stranger USING ERRCODE = 'foreign_key_violation';
    END IF;
END $$;

CREATE FUNCTION revshare_index_entries(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := 'ledger_entry_' || cycle;
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (contributor_id, pool_id)', part || '_once', part);
    EXECUTE format('CREATE INDEX %I ON %I USING brin (statement_no) WITH (pages_per_range = 16)', part || '_number', part);
END $$;

-- Set-wise, before the entries become part of the ledger: whom they name exists, and they are what the controls say.
CREATE FUNCTION revshare_check_entries(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := 'ledger_entry_' || cycle; wrong text;
BEGIN
    PERFORM revshare_check_contributors(part);
    EXECUTE format(
        'WITH found AS (SELECT pool_id, count(*) AS entries, sum(numerator_ticks) AS ticks, sum(amount_micros) AS amount,
                count(*) FILTER (WHERE statement_lines > 0) AS accounts, sum(statement_lines) AS lines,
                count(*) FILTER (WHERE statement_lines > 0 AND earned_micros > 0) AS credited,
                sum(opening_micros) FILTER (WHERE statement_lines > 0) AS opening,
                sum(earned_micros) FILTER (WHERE statement_lines > 0) AS earned FROM %1$I GROUP BY pool_id),
            control AS (SELECT k.*, p.currency, p.distributable_micros, p.denominator_ticks
                FROM ledger_pool_control k JOIN pools_pool p ON p.id = k.pool_id
                WHERE k.cycle_id = %2$s AND p.cycle_id = %2$s),
            accounts AS (SELECT p.currency, sum(accounts) AS accounts, sum(lines) AS lines, sum(entries) AS entries,
                sum(credited) AS credited, coalesce(sum(opening), 0) AS opening, sum(earned) AS earned,
                sum(amount) AS amount FROM found JOIN pools_pool p ON p.id = found.pool_id GROUP BY p.currency)
         SELECT ''pool '' || coalesce(k.pool_id, f.pool_id) FROM control k FULL JOIN found f USING (pool_id)
         WHERE (k.entries, k.numerator_ticks, k.amount_micros) IS DISTINCT FROM (f.entries, f.ticks, f.amount)
            OR f.amount <> k.distributable_micros OR f.ticks <> k.denominator_ticks
         UNION ALL
         SELECT ''accounts in '' || coalesce(k.currency, a.currency)
         FROM (SELECT * FROM ledger_account_control WHERE cycle_id = %2$s) k FULL JOIN accounts a USING (currency)
         WHERE (k.accounts, k.credited, k.opening_micros, k.earned_micros)
                IS DISTINCT FROM (a.accounts, a.credited, a.opening, a.earned)
            OR a.earned <> a.amount OR a.lines <> a.entries
         LIMIT 1', part, cycle) INTO wrong;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the entries of cycle % are not what their controls say: %', cycle, wrong
            USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE FUNCTION revshare_attach_entries(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := 'ledger_entry_' || cycle;
BEGIN
    PERFORM FROM cycles_cycle WHERE id = cycle AND state = 'locked' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entries of cycle % are refused: it is not locked', cycle USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM revshare_check_entries(cycle);
    PERFORM revshare_guard(part);
    EXECUTE format('ALTER TABLE ledger_entry ATTACH PARTITION %I FOR VALUES IN (%s)', part, cycle);
    EXECUTE format('ANALYZE %I', part);
END $$;

CREATE FUNCTION revshare_attach_weights(manifest integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := 'manifests_weight_row_' || manifest;
BEGIN
    PERFORM FROM manifests_manifest WHERE id = manifest AND frozen_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'weights of manifest % are refused: it is frozen', manifest USING ERRCODE = 'restrict_violation';
    END IF;
    EXECUTE format('CREATE INDEX %I ON %I USING brin (contributor_id) WITH (pages_per_range = 16)', part || '_by', part);
    PERFORM revshare_guard(part);
    EXECUTE format('ALTER TABLE manifests_weight_row ATTACH PARTITION %I FOR VALUES IN (%s)', part, manifest);
END $$;

-- The hash of a statement's canonical text (`statements.rules`).
CREATE FUNCTION revshare_statement_sha256(cycle integer, contributor text, money text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(concat(
        E'statement\\t', c.key, '-', to_char(max(e.statement_no), 'FM000000000'), E'\\ncycle\\t', c.key,
        E'\\npolicy\\t', y.sha256, E'\\ncontributor\\t', contributor, E'\\ncurrency\\t', money,
        E'\\nopening\\t', sum(e.opening_micros), E'\\nearned\\t', sum(e.earned_micros),
        E'\\nadjusted\\t0\\nwithheld\\t0\\nheld\\t0\\npaid\\t0\\nclosing\\t', sum(e.opening_micros + e.earned_micros),
        E'\\njournal\\t', coalesce(j.hash, ''), E'\\n',
        string_agg(concat_ws(E'\\t', 'line', e.line, 'earned', e."table", e.model, e.dataset_version,
            e.distributable_micros, e.numerator_ticks, e.denominator_ticks, e.amount_micros) || E'\\n', '' ORDER BY e.line)
        ), 'UTF8')), 'hex')
    FROM (SELECT e.*, p."table", p.model, p.dataset_version, p.distributable_micros, p.denominator_ticks,
                 row_number() OVER (ORDER BY p."table", p.model, p.dataset_version) AS line
          FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id
          WHERE e.cycle_id = cycle AND e.contributor_id = contributor AND p.currency = money) e
    JOIN cycles_cycle c ON c.id = e.cycle_id
    JOIN policies_policy y ON y.id = c.policy_id
    LEFT JOIN ledger_journal j ON j.kind = 'allocation' AND j.key = c.key
    GROUP BY c.key, y.sha256, j.hash
$$;

-- The one moment at which a journal is judged: linear in its own legs; entries are summed by their controls.
CREATE OR REPLACE FUNCTION revshare_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE uneven text; legs bigint; entries boolean := NEW.kind = 'allocation';
BEGIN
    IF OLD.sealed OR NOT NEW.sealed OR (NEW.seq, NEW.kind, NEW.key, NEW.posted_at, NEW.created_by, NEW.prev_hash)
        IS DISTINCT FROM (OLD.seq, OLD.kind, OLD.key, OLD.posted_at, OLD.created_by, OLD.prev_hash)
        OR NEW.cycle_id IS DISTINCT FROM OLD.cycle_id OR NEW.reverses_id IS DISTINCT FROM OLD.reverses_id
        OR NEW.hash !~ '^[0-9a-f]{64}$' THEN
        RAISE EXCEPTION 'UPDATE on ledger_journal is refused: a journal is only ever sealed, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT count(*) + coalesce((SELECT sum(credited) FROM ledger_account_control
                                WHERE entries AND cycle_id = NEW.cycle_id), 0)
        INTO legs FROM ledger_leg WHERE journal_id = NEW.seq;
    IF legs = 0 OR legs <> NEW.legs_count THEN
        RAISE EXCEPTION 'journal % has % legs and says %', NEW.seq, legs, NEW.legs_count USING ERRCODE = 'check_violation';
    END IF;
    SELECT currency INTO uneven FROM (
        SELECT currency, CASE side WHEN 'D' THEN amount_micros ELSE -amount_micros END AS amount
        FROM ledger_leg WHERE journal_id = NEW.seq
        UNION ALL
        SELECT currency, -earned_micros FROM ledger_account_control WHERE entries AND cycle_id = NEW.cycle_id) both_sides
        GROUP BY currency HAVING sum(amount) <> 0 LIMIT 1;
    IF uneven IS NOT NULL THEN
        RAISE EXCEPTION 'journal % does not balance in %', NEW.seq, uneven USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
FUNCTION_NAMES = (
    "revshare_guard(text)", "revshare_new_part(text, text, integer)", "revshare_check_contributors(text)",
    "revshare_index_entries(integer)", "revshare_check_entries(integer)", "revshare_attach_entries(integer)",
    "revshare_attach_weights(integer)", "revshare_statement_sha256(integer, text, text)",
)

APPEND_ONLY = ("allocation_rest", "ledger_pool_control", "ledger_account_control")
TRIGGERS = "".join(
    f"""
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_change;
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_truncate;
CREATE TRIGGER {table}_only_while_open AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION revshare_only_while_open('cycle_id', 'cycles_cycle', 'id', 'p.state = ''locked''');
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_only_while_open;
"""
    for table in APPEND_ONLY
) + """
SELECT revshare_guard('ledger_entry');
SELECT revshare_guard('manifests_weight_row');
"""

VIEWS = """
CREATE VIEW manifests_weight AS
SELECT manifest_id || '/' || contributor_id AS id, manifest_id, contributor_id, assets_ticks,
       coalesce(weight_ticks, assets_ticks)::numeric(38, 6) AS weight_ticks
FROM manifests_weight_row;

-- An id of an entry: its pool and its statement, which name it. Of the rest: below zero.
CREATE VIEW allocation_allocation AS
SELECT e.pool_id * 1000000000::bigint + e.statement_no AS id, e.cycle_id, e.pool_id, p.currency,
       'contributor'::text AS bucket, e.contributor_id, e.numerator_ticks, e.amount_micros
FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id
UNION ALL
SELECT -r.id, r.cycle_id, r.pool_id, p.currency, r.bucket, NULL, 0, r.amount_micros
FROM allocation_rest r JOIN pools_pool p ON p.id = r.pool_id;

CREATE VIEW statements_statement AS
SELECT e.cycle_id * 1000000000::bigint + e.statement_no AS id,
       c.key || '-' || to_char(e.statement_no, 'FM000000000') AS number,
       e.cycle_id, e.statement_no AS ordinal, e.contributor_id, p.currency, e.statement_lines AS lines,
       e.opening_micros, e.earned_micros, 0::bigint AS adjusted_micros, 0::bigint AS withheld_micros,
       0::bigint AS held_micros, 0::bigint AS paid_micros, e.opening_micros + e.earned_micros AS closing_micros,
       revshare_statement_sha256(e.cycle_id, e.contributor_id, p.currency) AS content_sha256
FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id JOIN cycles_cycle c ON c.id = e.cycle_id
WHERE e.statement_lines > 0;

CREATE VIEW ledger_every_leg AS
SELECT -id AS id, journal_id, account, currency, side, amount_micros FROM ledger_leg
UNION ALL
SELECT e.cycle_id * 1000000000::bigint + e.statement_no, j.seq, 'payable:' || e.contributor_id, p.currency, 'C',
       e.earned_micros
FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id
JOIN ledger_journal j ON j.cycle_id = e.cycle_id AND j.kind = 'allocation'
WHERE e.statement_lines > 0 AND e.earned_micros > 0;
"""
DROP_VIEWS = "DROP VIEW ledger_every_leg, statements_statement, allocation_allocation, manifests_weight;"

_AUDIT = _audit_views.CREATE
for _old, _new in (
    ("FROM ledger_leg;", "FROM ledger_every_leg;"),
    ("""row_number() OVER (PARTITION BY s.id ORDER BY p."table", p.model, p.dataset_version) AS line,
       'earned' AS kind, a.pool_id, a.numerator_ticks AS numerator, p.denominator_ticks AS denominator,
       a.amount_micros AS amount
FROM statements_statement s
JOIN allocation_allocation a ON a.cycle_id = s.cycle_id AND a.contributor_id = s.contributor_id
    AND a.currency = s.currency AND a.bucket = 'contributor'
JOIN pools_pool p ON p.id = a.pool_id;""",
     """row_number() OVER (PARTITION BY e.cycle_id, e.statement_no ORDER BY p."table", p.model, p.dataset_version) AS line,
       'earned' AS kind, e.pool_id, e.numerator_ticks AS numerator, p.denominator_ticks AS denominator,
       e.amount_micros AS amount
FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id;"""),
    ("SELECT s.id AS statement_id,\n       row_number()",
     "SELECT e.cycle_id * 1000000000::bigint + e.statement_no AS statement_id,\n       row_number()"),
):
    assert _old in _AUDIT, _old
    _AUDIT = _AUDIT.replace(_old, _new)
del _old, _new

DROP_FUNCTIONS = "".join(f"DROP FUNCTION {name};\n" for name in FUNCTION_NAMES)
OLD_CYCLE_MOVES = "CREATE OR REPLACE FUNCTION revshare_cycle_moves()" + _immutability.FUNCTIONS.split(
    "CREATE FUNCTION revshare_cycle_moves()")[1].split("CREATE FUNCTION")[0]
CYCLE_MOVES = OLD_CYCLE_MOVES.replace(".result_digest, ", ".result_digest, {}.balances_sha256, ").replace(
    "(NEW.result_digest, {}", "(NEW.result_digest, NEW").replace("(OLD.result_digest, {}", "(OLD.result_digest, OLD")
OLD_SEAL = "CREATE OR REPLACE FUNCTION revshare_seal()" + _immutability.FUNCTIONS.split(
    "CREATE FUNCTION revshare_seal()")[1].split("CREATE FUNCTION")[0]


BUCKETS = [("contributor", "Contributor"), ("platform", "Platform"), ("suspense", "Suspense"), ("carried", "Carried")]


class Migration(migrations.Migration):
    dependencies = [("revshare", "0003_audit_views")]
    operations = [
        migrations.RunSQL(REFUSE_OLD, REFUSE_OLD),
        migrations.RunSQL("DROP SCHEMA audit CASCADE", _audit_views.CREATE),
        migrations.RunSQL(migrations.RunSQL.noop, OLD_TRIGGERS),
        migrations.DeleteModel("Statement"),
        migrations.DeleteModel("Allocation"),
        migrations.DeleteModel("Weight"),
        migrations.RenameModel("Leg", "NamedLeg"),
        migrations.AlterField("namedleg", "journal", models.ForeignKey(
            db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="named_legs", to="revshare.journal")),
        migrations.AddField("manifest", "weights_sha256", models.TextField(default="")),
        migrations.AddField("cycle", "balances_sha256", models.TextField(blank=True, default="")),
        migrations.CreateModel(
            name="PoolControl",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entries", models.BigIntegerField()),
                ("numerator_ticks", models.BigIntegerField()),
                ("amount_micros", models.BigIntegerField()),
                ("residue_micros", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("cycle", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="pool_controls", to="revshare.cycle")),
                ("pool", models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="control", to="revshare.pool")),
            ],
            options={"db_table": "ledger_pool_control"},
        ),
        migrations.CreateModel(
            name="AccountControl",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(db_collation="C", max_length=3)),
                ("accounts", models.BigIntegerField()),
                ("credited", models.BigIntegerField()),
                ("opening_micros", models.DecimalField(decimal_places=0, max_digits=38)),
                ("earned_micros", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("cycle", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="account_controls", to="revshare.cycle")),
            ],
            options={
                "db_table": "ledger_account_control",
                "constraints": [models.UniqueConstraint(fields=("cycle", "currency"), name="ledger_account_control_once")],
            },
        ),
        migrations.CreateModel(
            name="Rest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("bucket", models.TextField(choices=BUCKETS)),
                ("amount_micros", models.BigIntegerField()),
                ("cycle", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="revshare.cycle")),
                ("pool", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="revshare.pool")),
            ],
            options={
                "db_table": "allocation_rest",
                "constraints": [
                    models.UniqueConstraint(fields=("pool", "bucket"), name="allocation_rest_once"),
                    models.CheckConstraint(
                        name="allocation_rest_signs",
                        condition=models.Q(
                            models.Q(("amount_micros__lt", 0), ("bucket", "carried")),
                            models.Q(("amount_micros__gt", 0), ("bucket__in", ["platform", "suspense"])),
                            _connector="OR",
                        ),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Allocation",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("currency", models.CharField(max_length=3)),
                ("bucket", models.TextField(choices=BUCKETS)),
                ("numerator_ticks", models.BigIntegerField()),
                ("amount_micros", models.BigIntegerField()),
            ],
            options={"db_table": "allocation_allocation", "managed": False},
        ),
        migrations.CreateModel(
            name="Leg",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("account", models.TextField()),
                ("currency", models.CharField(max_length=3)),
                ("side", models.CharField(max_length=1)),
                ("amount_micros", models.BigIntegerField()),
            ],
            options={"db_table": "ledger_every_leg", "managed": False},
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[("id", models.BigIntegerField(primary_key=True, serialize=False)), ("number", models.TextField())],
            options={"db_table": "statements_statement", "ordering": ["-id"], "managed": False},
        ),
        migrations.CreateModel(
            name="Weight",
            fields=[("id", models.TextField(primary_key=True, serialize=False))],
            options={"db_table": "manifests_weight", "managed": False},
        ),
        migrations.RunSQL(
            TABLES + FUNCTIONS + CYCLE_MOVES + TRIGGERS + VIEWS + _AUDIT,
            "DROP SCHEMA audit CASCADE;" + DROP_VIEWS + "DROP TABLE ledger_entry, manifests_weight_row;"
            + OLD_SEAL + OLD_CYCLE_MOVES + DROP_FUNCTIONS,
        ),
    ]
