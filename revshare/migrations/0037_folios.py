"""Entries come by the folio: statements of neighbouring contributors in one currency in a row, as arrays that fill a
page; a roll names the contributors (ADR 28).

What reads entries one by one finds them as before: `ledger_entry` is a view now. What was written before is put into
folios, and on the way back taken out of them.
"""

from importlib import import_module

from django.db import migrations

_entries = import_module("revshare.migrations.0004_entries")
_movements = import_module("revshare.migrations.0009_movements")
_rules = import_module("revshare.migrations.0010_rules")
_two_roles = import_module("revshare.migrations.0021_two_roles")
_changed, _function = _movements._changed, _movements._function

BY_STATEMENT = ("members", "openings", "earned", "ends")
BY_ENTRY = ("pools", "ticks", "amounts")
ARRAYS = {"ledger_roll": ("contributors",), "ledger_folio": BY_STATEMENT + BY_ENTRY}


def _same_length(names):
    return " AND ".join(f"cardinality({name}) = cardinality({names[0]})" for name in names[1:])


def _vectors(table):
    """Arrays of one dimension that count from 1 and have no nulls. Of an empty one the database knows no dimension, and
    what it does not know passes: after a roll of nobody, somebody could come a second time."""
    return "".join(
        f"CHECK (coalesce(array_ndims({name}), 0) = 1 AND array_lower({name}, 1) = 1 "
        f"AND array_position({name}, NULL) IS NULL),\n    "
        for name in ARRAYS[table]
    )


TABLE = f"""
-- Neighbouring contributors of a cycle, in order of their ids.
CREATE TABLE ledger_roll (
    cycle_id integer NOT NULL,
    roll integer NOT NULL CHECK (roll > 0),
    first_id text COLLATE "C" NOT NULL,
    contributors text[] COLLATE "C" NOT NULL,
    {_vectors("ledger_roll")}CHECK (first_id = contributors[1])
) PARTITION BY LIST (cycle_id);

-- What those on a roll have in one currency. Their statements are numbered `first_no`, `first_no` + 1, …; `members` are
-- their places in the roll. The entries of a statement are those after `ends` of the one before it, up to its own; in
-- ascending order of pools, movements last.
CREATE TABLE ledger_folio (
    cycle_id integer NOT NULL,
    roll integer NOT NULL,
    currency varchar(3) COLLATE "C" NOT NULL,
    first_no integer NOT NULL CHECK (first_no > 0),
    members smallint[] NOT NULL CHECK (members[1] > 0),
    openings bigint[] NOT NULL,
    earned bigint[] NOT NULL CHECK (0 <= ALL (earned)),
    ends integer[] NOT NULL CHECK (ends[1] > 0),
    pools integer[] NOT NULL,
    ticks bigint[] NOT NULL CHECK (0 <= ALL (ticks)),
    amounts bigint[] NOT NULL,
    {_vectors("ledger_folio")}CONSTRAINT ledger_folio_statements CHECK ({_same_length(BY_STATEMENT)}),
    CONSTRAINT ledger_folio_entries CHECK ({_same_length(BY_ENTRY)} AND ends[cardinality(ends)] = cardinality(pools))
) PARTITION BY LIST (cycle_id);
SELECT revshare_guard('ledger_roll');
SELECT revshare_guard('ledger_folio');
"""

VIEWS = """
-- A contributor's account in a currency, where a cycle touched it: one row for each statement. The last line is of the
-- pool `pool_id`; `amount_micros` is its amount.
CREATE VIEW ledger_account AS
SELECT f.cycle_id, f.first_no + a.place::integer - 1 AS statement_no, r.contributors[a.member] AS contributor_id,
       f.currency, a.opening_micros, a.earned_micros, a.stop - coalesce(f.ends[a.place - 1], 0) AS statement_lines,
       f.pools[a.stop] AS pool_id, f.amounts[a.stop] AS amount_micros, f.roll, f.first_no
FROM ledger_folio f JOIN ledger_roll r ON r.cycle_id = f.cycle_id AND r.roll = f.roll
CROSS JOIN LATERAL unnest(f.members, f.openings, f.earned, f.ends)
    WITH ORDINALITY AS a (member, opening_micros, earned_micros, stop, place);

-- One amount of one pool for one contributor. The last entry of a statement carries its balances.
CREATE VIEW ledger_entry AS
SELECT f.cycle_id, f.first_no + s.place - 1 AS statement_no, e.numerator_ticks, e.amount_micros,
       CASE WHEN s.stop = e.line THEN f.openings[s.place] ELSE 0 END AS opening_micros,
       CASE WHEN s.stop = e.line THEN f.earned[s.place] ELSE 0 END AS earned_micros,
       e.pool_id,
       CASE WHEN s.stop = e.line THEN s.stop - coalesce(f.ends[s.place - 1], 0) ELSE 0 END AS statement_lines,
       r.contributors[f.members[s.place]] AS contributor_id, f.roll, f.first_no
FROM ledger_folio f JOIN ledger_roll r ON r.cycle_id = f.cycle_id AND r.roll = f.roll
CROSS JOIN LATERAL unnest(f.pools, f.ticks, f.amounts)
    WITH ORDINALITY AS e (pool_id, numerator_ticks, amount_micros, line)
-- OFFSET 0: worked out once for an entry, not once for each column that needs it.
CROSS JOIN LATERAL (SELECT t.place, f.ends[t.place] AS stop FROM (
    SELECT width_bucket(e.line::integer - 1, f.ends) + 1 AS place OFFSET 0) t OFFSET 0) s;
"""

FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION revshare_new_entries(cycle integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text;
BEGIN
    PERFORM FROM cycles_cycle WHERE id = cycle AND state = 'locked' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entries of cycle % are refused: it is not locked', cycle USING ERRCODE = 'restrict_violation';
    END IF;
    FOREACH part IN ARRAY ARRAY['ledger_roll_' || cycle, 'ledger_folio_' || cycle] LOOP
        PERFORM revshare_drop_leftover(part);
    END LOOP;
    PERFORM revshare_new_folios(cycle);
    FOREACH part IN ARRAY ARRAY['ledger_roll_' || cycle, 'ledger_folio_' || cycle] LOOP
        PERFORM revshare_open_part(part);
    END LOOP;
    RETURN part;
END $$;

-- A folio stays in its page as it came, as long as it fits: to take a value out of an array is then to look at it.
CREATE FUNCTION revshare_new_folios(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE parent text; part text; name text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['ledger_roll', 'ledger_folio'] LOOP
        part := revshare_new_part(parent, 'cycle_id', cycle);
        EXECUTE format('ALTER TABLE %I SET (toast_tuple_target = 8160)', part);
        FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = parent::regclass AND attnum > 0 AND attndims > 0 LOOP
            EXECUTE format('ALTER TABLE %I ALTER %I SET STORAGE EXTERNAL, ALTER %I SET STATISTICS 0', part, name, name);
        END LOOP;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION revshare_index_entries(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE folios text := 'ledger_folio_' || cycle; rolls text := 'ledger_roll_' || cycle;
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (roll)', rolls || '_once', rolls);
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (first_id)', rolls || '_id', rolls);
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (roll, currency)', folios || '_once', folios);
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (first_no)', folios || '_number', folios);
END $$;

-- Ids rise from roll to roll and within each, and are all of contributors; numbers go on, currency after currency; and
-- every member is on the roll. So with members that rise within a folio nobody stands twice in a currency, and with pools
-- that rise within a statement, nobody twice in a pool.
CREATE FUNCTION revshare_check_rolls(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE folios text := 'ledger_folio_' || cycle; rolls text := 'ledger_roll_' || cycle; stranger text; wrong text;
BEGIN
    EXECUTE format(
        'SELECT min(a.id) FILTER (WHERE c.id IS NULL), ''roll '' || min(a.roll) FILTER (WHERE a.id >= a.next)
         FROM (SELECT roll, unnest(contributors) AS id, unnest(contributors[2:]) AS next FROM %I) a
         LEFT JOIN contributors_contributor c ON c.id = a.id', rolls) INTO stranger, wrong;
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION '% names contributor %, whom nobody knows', rolls, stranger USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF wrong IS NULL THEN
        EXECUTE format(
            'SELECT ''roll '' || min(roll) FROM (
                 SELECT roll, first_id, lag(contributors[cardinality(contributors)]) OVER (ORDER BY roll) AS last_id FROM %1$I) r
             WHERE first_id <= last_id HAVING count(*) > 0
             UNION ALL
             SELECT ''statement '' || min(first_no) FROM (
                 SELECT f.*, cardinality(r.contributors) AS room, 1 + sum(cardinality(f.members)) OVER (
                            ORDER BY f.currency, f.roll ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS should
                 FROM %2$I f LEFT JOIN %1$I r USING (roll)) f
             WHERE first_no <> coalesce(should, 1) OR room IS NULL OR members[cardinality(members)] > room
             HAVING count(*) > 0', rolls, folios) INTO wrong;
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the entries of cycle % are out of order at %', cycle, wrong USING ERRCODE = 'unique_violation';
    END IF;
END $$;

-- Set-wise, before the entries become part of the ledger: whom they name exists, and they are what the controls say.
-- Arrays are taken apart by the list of columns, not by the list of tables, where each would be written down first.
CREATE OR REPLACE FUNCTION revshare_check_entries(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := 'ledger_folio_' || cycle; again text; wrong text;
BEGIN
    PERFORM revshare_check_rolls(cycle);
    EXECUTE format(
        'WITH found AS (SELECT e.currency, e.pool_id, count(*) AS entries, sum(e.ticks) AS ticks, sum(e.amount) AS amount,
                min(e.amount) AS least, count(*) FILTER (WHERE e.pool_id >= e.next) AS falls
                FROM (SELECT currency, unnest(pools) AS pool_id, unnest(pools[2:]) AS next, unnest(ticks) AS ticks,
                             unnest(amounts) AS amount FROM %1$I) e GROUP BY e.currency, e.pool_id),
            stated AS (SELECT a.currency, count(*) AS accounts, count(*) FILTER (WHERE a.earned > 0) AS credited,
                sum(a.opening) AS opening, sum(a.earned) AS earned,
                count(*) FILTER (WHERE a.member >= a.next OR a.stop >= a.next_stop) AS again
                FROM (SELECT currency, unnest(members) AS member, unnest(members[2:]) AS next, unnest(openings) AS opening,
                             unnest(earned) AS earned, unnest(ends) AS stop, unnest(ends[2:]) AS next_stop FROM %1$I) a
                GROUP BY a.currency),
            turned AS (SELECT currency, count(*) FILTER (WHERE pools[stop] >= pools[stop + 1]) AS falls
                FROM (SELECT currency, pools, unnest(ends) AS stop FROM %1$I) a GROUP BY currency),
            control AS (SELECT k.*, p.currency, p.kind, p.distributable_micros - coalesce(r.amount, 0) AS due,
                    p.denominator_ticks - coalesce(r.units, 0) AS units
                FROM ledger_pool_control k JOIN pools_pool p ON p.id = k.pool_id
                LEFT JOIN (SELECT pool_id, sum(amount_micros) AS amount, sum(units) AS units FROM allocation_rest
                    WHERE cycle_id = %2$s AND reason <> '''' GROUP BY pool_id) r ON r.pool_id = p.id
                WHERE k.cycle_id = %2$s AND p.cycle_id = %2$s),
            given AS (SELECT f.currency, sum(f.falls) AS falls,
                coalesce(sum(f.amount) FILTER (WHERE p.kind = ''sales''), 0) AS amount
                FROM found f JOIN pools_pool p ON p.id = f.pool_id GROUP BY f.currency)
         SELECT -- Pools fall only from the last entry of a statement to the first of the next.
                (SELECT ''accounts in '' || min(currency) FROM stated JOIN turned t USING (currency)
                 JOIN given g USING (currency) WHERE again > 0 OR t.falls <> g.falls),
                (SELECT min(what) FROM (
         SELECT ''pool '' || coalesce(k.pool_id, f.pool_id) AS what FROM control k FULL JOIN found f USING (pool_id)
         WHERE (k.currency, k.entries, k.numerator_ticks, k.amount_micros)
                IS DISTINCT FROM (f.currency, f.entries, f.ticks, f.amount)
            OR k.kind = ''sales'' AND (f.amount <> k.due OR f.least < 0) OR f.ticks <> k.units
         UNION ALL
         SELECT ''accounts in '' || coalesce(k.currency, a.currency)
         FROM (SELECT * FROM ledger_account_control WHERE cycle_id = %2$s) k FULL JOIN stated a USING (currency)
         LEFT JOIN given g USING (currency)
         WHERE (k.accounts, k.credited, k.opening_micros, k.earned_micros)
                IS DISTINCT FROM (a.accounts, a.credited, a.opening, a.earned)
            OR a.earned IS DISTINCT FROM g.amount) w)', part, cycle) INTO again, wrong;
    IF again IS NOT NULL THEN
        RAISE EXCEPTION 'somebody stands twice in the entries of cycle %, or out of order: %', cycle, again
            USING ERRCODE = 'unique_violation';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the entries of cycle % are not what their controls say: %', cycle, wrong
            USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION revshare_check_movements(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE folios text := 'ledger_folio_' || cycle; rolls text := 'ledger_roll_' || cycle; wrong text;
BEGIN
    IF NOT EXISTS (SELECT FROM pools_pool WHERE cycle_id = cycle AND kind = 'movements')
       AND NOT EXISTS (SELECT FROM ledger_movement WHERE cycle_id = cycle) THEN
        RETURN;
    END IF;
    EXECUTE format(
        'SELECT coalesce(e.contributor_id, m.contributor_id) FROM (
             SELECT r.contributors[f.members[s.place]] AS contributor_id, f.currency, e.amount_micros,
                    f.ends[s.place] = e.line AS last
             FROM %1$I f JOIN %3$I r USING (roll) CROSS JOIN LATERAL unnest(f.pools, f.amounts) WITH ORDINALITY AS e (pool_id, amount_micros, line)
             JOIN pools_pool p ON p.id = e.pool_id AND p.kind = ''movements''
             CROSS JOIN LATERAL (SELECT width_bucket(e.line::integer - 1, f.ends) + 1 AS place OFFSET 0) s) e
         FULL JOIN (SELECT contributor_id, currency, sum(amount_micros) AS amount_micros FROM ledger_movement
                    WHERE cycle_id = %2$s GROUP BY 1, 2) m USING (contributor_id, currency)
         WHERE e.amount_micros IS DISTINCT FROM m.amount_micros OR NOT e.last LIMIT 1', folios, cycle, rolls) INTO wrong;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the movements of cycle % are not what the journals have for %', cycle, wrong
            USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION revshare_attach_entries(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM cycles_cycle WHERE id = cycle AND state = 'locked' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entries of cycle % are refused: it is not locked', cycle USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM revshare_check_entries(cycle);
    PERFORM revshare_check_movements(cycle);
    PERFORM revshare_attach_folios(cycle);
END $$;

CREATE FUNCTION revshare_attach_folios(cycle integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE parent text; part text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['ledger_roll', 'ledger_folio'] LOOP
        part := parent || '_' || cycle;
        PERFORM revshare_guard(part);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%s)', parent, part, cycle);
        EXECUTE format('ANALYZE %I', part);
    END LOOP;
END $$;
"""

# Ids of many rolls are looked up in a table of hashes: the planner takes them for few.
SETTINGS = """
ALTER FUNCTION revshare_check_rolls(integer) SET enable_memoize = off SET enable_indexscan = off
    SET enable_indexonlyscan = off SET enable_bitmapscan = off;
"""

PROBE = """e.cycle_id = cycle AND e.roll = (
              SELECT r.roll FROM ledger_roll r WHERE r.cycle_id = cycle AND r.first_id <= contributor
              ORDER BY r.first_id DESC LIMIT 1)
              AND e.contributor_id = contributor AND p.currency = money"""
SHA256 = _changed(
    _rules.SHA256,
    ("WHERE e.cycle_id = cycle AND e.contributor_id = contributor AND p.currency = money", f"WHERE {PROBE}"),
)


STATEMENTS = _changed(
    _movements.STATEMENTS,
    ("FROM ledger_entry e JOIN", "FROM ledger_account e JOIN"),
    ("WHERE e.statement_lines > 0", ""),
    ("AS content_sha256\n", "AS content_sha256,\n       e.roll, e.first_no\n"),
)
ALLOCATIONS = _changed(
    _movements.ALLOCATIONS,
    ("e.contributor_id, e.numerator_ticks, e.amount_micros\n", "e.contributor_id, e.numerator_ticks, e.amount_micros, e.roll, e.first_no\n"),
    ("NULL, 0, r.amount_micros\n", "NULL, 0, r.amount_micros, NULL, NULL\n"),
)
_OLD_LEGS = "CREATE OR REPLACE VIEW ledger_every_leg" + _entries.VIEWS.split("CREATE VIEW ledger_every_leg")[1]
LEGS = _changed(
    _OLD_LEGS,
    ("FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id\n", "FROM ledger_account e\n"),
    ("p.currency", "e.currency"),
    ("WHERE e.statement_lines > 0 AND e.earned_micros", "WHERE e.earned_micros"),
)

# Before there were folios. The table stands aside while the view takes its name, and the other way round.
_OLD_TABLE = _entries.TABLES.split("-- weight_ticks")[0]
INTO_FOLIOS = """
DO $$
DECLARE cycle integer;
BEGIN
    FOR cycle IN SELECT substr(c.relname, length('ledger_entry_') + 1)::integer FROM pg_inherits i
                 JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'ledger_entry_row'::regclass ORDER BY 1 LOOP
        PERFORM revshare_new_folios(cycle);
        EXECUTE format(
            'WITH named AS (SELECT DISTINCT contributor_id FROM ledger_entry_row WHERE cycle_id = %2$s),
             placed AS (SELECT contributor_id, row_number() OVER (ORDER BY contributor_id) - 1 AS place FROM named)
             INSERT INTO %1$I (cycle_id, roll, first_id, contributors)
             SELECT %2$s, 1 + place / 64, min(contributor_id), array_agg(contributor_id ORDER BY contributor_id)
             FROM placed GROUP BY 1 + place / 64', 'ledger_roll_' || cycle, cycle);
        EXECUTE format(
            'WITH member AS (
                 SELECT r.roll, m.contributor_id, m.place::smallint AS member
                 FROM %3$I r CROSS JOIN LATERAL unnest(r.contributors) WITH ORDINALITY AS m (contributor_id, place)),
             statement AS (
                 SELECT e.statement_no, p.currency, m.roll, m.member,
                        sum(e.opening_micros)::bigint AS opening, sum(e.earned_micros)::bigint AS earned, count(*) AS lines
                 FROM ledger_entry_row e JOIN pools_pool p ON p.id = e.pool_id JOIN member m USING (contributor_id)
                 WHERE e.cycle_id = %2$s GROUP BY 1, 2, 3, 4),
             placed AS (SELECT *, sum(lines) OVER (PARTITION BY currency, roll ORDER BY statement_no)::integer AS stop
                        FROM statement),
             head AS (
                 SELECT currency, roll, min(statement_no) AS first_no, array_agg(member ORDER BY statement_no) AS members,
                        array_agg(opening ORDER BY statement_no) AS openings, array_agg(earned ORDER BY statement_no) AS earned,
                        array_agg(stop ORDER BY statement_no) AS ends
                 FROM placed GROUP BY 1, 2),
             lines AS (
                 SELECT s.currency, s.roll, array_agg(e.pool_id ORDER BY e.statement_no, e.pool_id) AS pools,
                        array_agg(e.numerator_ticks ORDER BY e.statement_no, e.pool_id) AS ticks,
                        array_agg(e.amount_micros ORDER BY e.statement_no, e.pool_id) AS amounts
                 FROM statement s JOIN ledger_entry_row e ON e.cycle_id = %2$s AND e.statement_no = s.statement_no GROUP BY 1, 2)
             INSERT INTO %1$I (cycle_id, roll, currency, first_no, members, openings, earned, ends, pools, ticks, amounts)
             SELECT %2$s, roll, currency, first_no, members, openings, earned, ends, pools, ticks, amounts
             FROM head JOIN lines USING (currency, roll)', 'ledger_folio_' || cycle, cycle, 'ledger_roll_' || cycle);
        PERFORM revshare_index_entries(cycle);
        PERFORM revshare_attach_folios(cycle);
    END LOOP;
END $$;
"""
FORWARD = (
    "ALTER TABLE ledger_entry RENAME TO ledger_entry_row;\n" + TABLE + VIEWS + FUNCTIONS + SETTINGS + SHA256 + INTO_FOLIOS
    + STATEMENTS + ALLOCATIONS + LEGS + _rules.LINES + "DROP TABLE ledger_entry_row;\n"
    + "DROP FUNCTION revshare_check_contributors(text);\n"
)

OUT_OF_FOLIOS = """
DO $$
DECLARE cycle integer;
BEGIN
    FOR cycle IN SELECT substr(c.relname, length('ledger_folio_') + 1)::integer FROM pg_inherits i
                 JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'ledger_folio'::regclass ORDER BY 1 LOOP
        PERFORM revshare_new_part('ledger_entry', 'cycle_id', cycle);
        EXECUTE format('INSERT INTO %I (cycle_id, statement_no, numerator_ticks, amount_micros, opening_micros, earned_micros,
                            pool_id, statement_lines, contributor_id)
                        SELECT cycle_id, statement_no, numerator_ticks, amount_micros, opening_micros, earned_micros, pool_id,
                            statement_lines, contributor_id FROM ledger_unfolded WHERE cycle_id = %s
                        ORDER BY statement_no, pool_id', 'ledger_entry_' || cycle, cycle);
        PERFORM revshare_index_entries(cycle);
        PERFORM revshare_guard('ledger_entry_' || cycle);
        EXECUTE format('ALTER TABLE ledger_entry ATTACH PARTITION %I FOR VALUES IN (%s)', 'ledger_entry_' || cycle, cycle);
    END LOOP;
END $$;
"""
# Views lose a column on the way back, so those that stand on them are made anew.
STANDING_ON = """
CREATE TEMP TABLE standing_on ON COMMIT DROP AS
SELECT DISTINCT c.oid, c.oid::regclass::text AS name, pg_get_viewdef(c.oid) AS text FROM pg_depend d
JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class
WHERE d.refobjid IN ('statements_statement'::regclass, 'allocation_allocation'::regclass) AND c.oid <> d.refobjid;
DO $$ DECLARE view record; BEGIN
    FOR view IN SELECT * FROM standing_on LOOP EXECUTE 'DROP VIEW ' || view.name; END LOOP;
END $$;
DROP VIEW statements_statement, allocation_allocation;
"""
MADE_ANEW = """
DO $$ DECLARE view record; BEGIN
    FOR view IN SELECT * FROM standing_on ORDER BY oid LOOP EXECUTE format('CREATE VIEW %s AS %s', view.name, view.text); END LOOP;
END $$;
"""
_NEW = ("new_folios", "check_rolls", "attach_folios")
_OLD = (
    _function(_entries.FUNCTIONS, "revshare_index_entries") + _rules.CHECK + _movements.ATTACH + _rules.SHA256
    + "CREATE FUNCTION" + _function(_entries.FUNCTIONS, "revshare_check_contributors").removeprefix("CREATE OR REPLACE FUNCTION")
    + _function(_movements.FUNCTIONS, "revshare_check_movements") + _function(_two_roles.FUNCTIONS, "revshare_new_entries")
)
_QUICKER = import_module("revshare.migrations.0008_quicker_checks").QUICKER
BACK = (
    STANDING_ON + "ALTER VIEW ledger_entry RENAME TO ledger_unfolded;\n"
    + _OLD_TABLE + _movements.ENTRY_SIGNS + "SELECT revshare_guard('ledger_entry');\n" + _OLD + OUT_OF_FOLIOS
    + _movements.STATEMENTS + _movements.ALLOCATIONS + _OLD_LEGS + _rules.LINES + MADE_ANEW
    + "DROP VIEW ledger_unfolded, ledger_account; DROP TABLE ledger_folio, ledger_roll;\n"
    + "".join(f"DROP FUNCTION revshare_{name}(integer);\n" for name in _NEW) + _QUICKER
)


class Migration(migrations.Migration):
    dependencies = [("revshare", "0036_overpaid_letters")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
