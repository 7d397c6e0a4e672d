"""Weights come by the page: what those on a roll have of a manifest, as an array that fits a page of the database; a roll
names neighbouring contributors, and the manifests that are frozen together share their rolls (ADR 30).

What reads weights one by one finds them as before: `manifests_weight` was a view already. What was written before is put
into pages, and on the way back taken out of them.
"""

from importlib import import_module

from django.db import migrations

_entries = import_module("revshare.migrations.0004_entries")
_movements = import_module("revshare.migrations.0009_movements")
_two_roles = import_module("revshare.migrations.0021_two_roles")
_folios = import_module("revshare.migrations.0037_folios")
_changed, _function = _movements._changed, _movements._function

TABLES = f"""
-- Neighbouring contributors, in order of their ids. `rolls_of`: the manifest with which they came in.
CREATE TABLE manifests_roll (
    rolls_of integer NOT NULL,
    roll integer NOT NULL CHECK (roll > 0),
    first_id text COLLATE "C" NOT NULL,
    contributors text[] COLLATE "C" NOT NULL,
    {_folios._vectors("ledger_roll")}CHECK (first_id = contributors[1])
) PARTITION BY LIST (rolls_of);

-- What those on a roll have of a manifest, in their order; NULL: nothing of it. `weights`: NULL, all of them or some,
-- where they are what the ticks are.
CREATE TABLE manifests_weight_page (
    manifest_id integer NOT NULL,
    rolls_of integer NOT NULL,
    roll integer NOT NULL,
    ticks bigint[] NOT NULL CHECK (0 <= ALL (ticks)),
    weights numeric(38, 6)[] CHECK (0 <= ALL (weights)),
    CHECK (coalesce(array_ndims(ticks), 0) = 1 AND array_lower(ticks, 1) = 1),
    CHECK (weights IS NULL OR coalesce(array_ndims(weights), 0) = 1 AND array_lower(weights, 1) = 1
           AND cardinality(weights) = cardinality(ticks))
) PARTITION BY LIST (manifest_id);
SELECT revshare_guard('manifests_roll');
SELECT revshare_guard('manifests_weight_page');
"""

VIEW = """
CREATE OR REPLACE VIEW manifests_weight AS
SELECT w.manifest_id || '/' || w.contributor_id AS id, w.manifest_id, w.contributor_id, w.assets_ticks,
       coalesce(w.weight_ticks, w.assets_ticks)::numeric(38, 6) AS weight_ticks, w.rolls_of, w.roll
-- Arrays are taken apart in the list of columns, not in that of tables, where each would be written down first.
FROM (SELECT p.manifest_id, p.rolls_of, p.roll, unnest(r.contributors) AS contributor_id, unnest(p.ticks) AS assets_ticks,
             unnest(p.weights) AS weight_ticks
      FROM manifests_weight_page p JOIN manifests_roll r ON r.rolls_of = p.rolls_of AND r.roll = p.roll) w
WHERE w.assets_ticks IS NOT NULL;
"""

FUNCTIONS = """
CREATE FUNCTION revshare_still_open(manifest integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM manifests_manifest WHERE id = manifest AND frozen_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'weights of manifest % are refused: it is frozen', manifest USING ERRCODE = 'restrict_violation';
    END IF;
END $$;

-- Rows stay in their pages as they came, as long as they fit: to take a value out of an array is then to look at it.
CREATE FUNCTION revshare_new_pages(parent text, key_column text, key integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text; name text;
BEGIN
    PERFORM revshare_drop_leftover(parent || '_' || key);
    part := revshare_new_part(parent, key_column, key);
    EXECUTE format('ALTER TABLE %I SET (toast_tuple_target = 8160)', part);
    FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = parent::regclass AND attnum > 0 AND attndims > 0 LOOP
        EXECUTE format('ALTER TABLE %I ALTER %I SET STORAGE EXTERNAL, ALTER %I SET STATISTICS 0', part, name, name);
    END LOOP;
    RETURN part;
END $$;

CREATE FUNCTION revshare_attach_pages(parent text, key integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := parent || '_' || key;
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (roll)', part || '_once', part);
    IF parent = 'manifests_roll' THEN
        EXECUTE format('CREATE UNIQUE INDEX %I ON %I (first_id)', part || '_id', part);
    END IF;
    PERFORM revshare_guard(part);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%s)', parent, part, key);
    EXECUTE format('ANALYZE %I', part);
END $$;

CREATE FUNCTION revshare_new_rolls(manifest integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text;
BEGIN
    PERFORM revshare_still_open(manifest);
    part := revshare_new_pages('manifests_roll', 'rolls_of', manifest);
    PERFORM revshare_open_part(part);
    RETURN part;
END $$;

CREATE OR REPLACE FUNCTION revshare_new_weights(manifest integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text;
BEGIN
    PERFORM revshare_still_open(manifest);
    part := revshare_new_pages('manifests_weight_page', 'manifest_id', manifest);
    PERFORM revshare_open_part(part);
    RETURN part;
END $$;

-- Ids rise within rolls, and are all of contributors.
CREATE FUNCTION revshare_check_names(part text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE stranger text; wrong text;
BEGIN
    EXECUTE format(
        'SELECT min(a.id) FILTER (WHERE c.id IS NULL), min(a.roll) FILTER (WHERE a.id >= a.next)
         FROM (SELECT roll, unnest(contributors) AS id, unnest(contributors[2:]) AS next FROM %I) a
         LEFT JOIN contributors_contributor c ON c.id = a.id', part) INTO stranger, wrong;
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION '% names contributor %, whom nobody knows', part, stranger USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION '% is out of order at roll %', part, wrong USING ERRCODE = 'unique_violation';
    END IF;
END $$;

-- Most often they are all contributors there are: then each roll is there word for word, from its first name on.
CREATE FUNCTION revshare_names_all(part text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE other integer;
BEGIN
    EXECUTE format(
        'SELECT roll FROM %I r WHERE r.contributors <> ARRAY(
             SELECT c.id FROM contributors_contributor c WHERE c.id >= r.first_id ORDER BY c.id LIMIT cardinality(r.contributors))
         LIMIT 1', part) INTO other;
    RETURN other IS NULL;
END $$;

-- So nobody stands twice on the rolls, and with the one place of each in a page, nobody twice in a manifest.
CREATE FUNCTION revshare_check_weight_rolls(part text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE wrong text;
BEGIN
    IF NOT revshare_names_all(part) THEN
        PERFORM revshare_check_names(part);
    END IF;
    EXECUTE format(
        'SELECT min(roll) FROM (SELECT roll, first_id, lag(contributors[cardinality(contributors)]) OVER (ORDER BY roll) AS last_id
                                FROM %I) r WHERE first_id <= last_id', part) INTO wrong;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION '% is out of order at roll %', part, wrong USING ERRCODE = 'unique_violation';
    END IF;
END $$;

CREATE FUNCTION revshare_attach_rolls(manifest integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM revshare_still_open(manifest);
    PERFORM revshare_check_weight_rolls('manifests_roll_' || manifest);
    PERFORM revshare_attach_pages('manifests_roll', manifest);
END $$;

-- Each page is of a roll of the one list, and as long as it; and together they are what the manifest says.
CREATE FUNCTION revshare_check_weights(manifest integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := 'manifests_weight_page_' || manifest; lists integer[]; wrong text; found record; said record;
BEGIN
    EXECUTE format('SELECT array_agg(DISTINCT rolls_of) FROM %I', part) INTO lists;
    IF cardinality(lists) > 1 THEN
        RAISE EXCEPTION 'the weights of manifest % are of several lists of people', manifest USING ERRCODE = 'unique_violation';
    END IF;
    EXECUTE format(
        'SELECT min(p.roll) FROM %I p LEFT JOIN manifests_roll r ON r.roll = p.roll AND r.rolls_of = %s
         WHERE cardinality(r.contributors) IS DISTINCT FROM cardinality(p.ticks)', part, coalesce(lists[1], 0)) INTO wrong;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the weights of manifest % are not of those on roll %', manifest, wrong
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    EXECUTE format(
        'SELECT count(a.ticks) AS contributors, coalesce(sum(a.ticks), 0) AS ticks,
                count(a.weight) FILTER (WHERE a.ticks IS NULL) AS loose
         FROM (SELECT unnest(ticks) AS ticks, unnest(weights) AS weight FROM %I) a', part) INTO found;
    SELECT contributors, assets_ticks AS ticks INTO said FROM manifests_manifest WHERE id = manifest;
    IF (found.contributors, found.ticks, found.loose) IS DISTINCT FROM (said.contributors, said.ticks, 0::bigint) THEN
        RAISE EXCEPTION 'the weights of manifest % are not what it says: % ticks of % contributors, not % of %; % of nobody',
            manifest, found.ticks, found.contributors, said.ticks, said.contributors, found.loose USING ERRCODE = 'check_violation';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION revshare_attach_weights(manifest integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM revshare_still_open(manifest);
    PERFORM revshare_check_weights(manifest);
    PERFORM revshare_attach_pages('manifests_weight_page', manifest);
END $$;
"""
# Ids of many rolls are looked up in a table of hashes: the planner takes them for few. Neighbours are read from the index,
# whatever the planner knows of the table. And few rows say enough of pages.
SETTINGS = """
ALTER FUNCTION revshare_names_all(text) SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off;
ALTER FUNCTION revshare_check_names(text) SET enable_memoize = off SET enable_indexscan = off
    SET enable_indexonlyscan = off SET enable_bitmapscan = off;
ALTER FUNCTION revshare_attach_pages(text, integer) SET default_statistics_target = 10;
"""

# Each manifest of before gets rolls of its own.
INTO_PAGES = """
DO $$
DECLARE manifest integer;
BEGIN
    FOR manifest IN SELECT substr(c.relname, length('manifests_weight_row_') + 1)::integer FROM pg_inherits i
                    JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'manifests_weight_row'::regclass ORDER BY 1 LOOP
        IF (SELECT count(*) FROM (SELECT FROM manifests_weight_row WHERE manifest_id = manifest LIMIT 1) w) > 0 THEN
            PERFORM revshare_new_pages('manifests_roll', 'rolls_of', manifest);
        END IF;
        PERFORM revshare_new_pages('manifests_weight_page', 'manifest_id', manifest);
        CREATE TEMP TABLE placed ON COMMIT DROP AS
            SELECT (1 + (row_number() OVER (ORDER BY contributor_id) - 1) / 128)::integer AS roll, contributor_id, assets_ticks,
                   weight_ticks FROM manifests_weight_row WHERE manifest_id = manifest;
        IF to_regclass('manifests_roll_' || manifest) IS NOT NULL THEN
            EXECUTE format('INSERT INTO %I (rolls_of, roll, first_id, contributors)
                SELECT %s, roll, min(contributor_id), array_agg(contributor_id ORDER BY contributor_id) FROM placed GROUP BY roll
                ORDER BY roll', 'manifests_roll_' || manifest, manifest);
            PERFORM revshare_attach_pages('manifests_roll', manifest);
        END IF;
        EXECUTE format('INSERT INTO %1$I (manifest_id, rolls_of, roll, ticks, weights)
            SELECT %2$s, %2$s, roll, array_agg(assets_ticks ORDER BY contributor_id),
                   CASE WHEN bool_or(weight_ticks <> assets_ticks)
                        THEN array_agg(nullif(weight_ticks, assets_ticks) ORDER BY contributor_id) END
            FROM placed GROUP BY roll ORDER BY roll', 'manifests_weight_page_' || manifest, manifest);
        PERFORM revshare_attach_pages('manifests_weight_page', manifest);
        DROP TABLE placed;
    END LOOP;
END $$;
"""
FORWARD = TABLES + FUNCTIONS + SETTINGS + INTO_PAGES + VIEW + "DROP TABLE manifests_weight_row;\n"

_OLD_TABLE = "CREATE TABLE manifests_weight_row" + _entries.TABLES.split("CREATE TABLE manifests_weight_row")[1]
OUT_OF_PAGES = """
DO $$
DECLARE manifest integer; part text;
BEGIN
    FOR manifest IN SELECT substr(c.relname, length('manifests_weight_page_') + 1)::integer FROM pg_inherits i
                    JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'manifests_weight_page'::regclass ORDER BY 1 LOOP
        part := revshare_new_part('manifests_weight_row', 'manifest_id', manifest);
        EXECUTE format('ALTER TABLE %I ALTER manifest_id SET DEFAULT %s', part, manifest);
        EXECUTE format('INSERT INTO %I (manifest_id, assets_ticks, contributor_id, weight_ticks)
                        SELECT manifest_id, assets_ticks, contributor_id, nullif(weight_ticks, assets_ticks) FROM manifests_weight
                        WHERE manifest_id = %s ORDER BY contributor_id', part, manifest);
        EXECUTE format('CREATE INDEX %I ON %I USING brin (contributor_id) WITH (pages_per_range = 16)', part || '_by', part);
        PERFORM revshare_guard(part);
        EXECUTE format('ALTER TABLE manifests_weight_row ATTACH PARTITION %I FOR VALUES IN (%s)', part, manifest);
    END LOOP;
END $$;
"""
STANDING_ON = _changed(
    _folios.STANDING_ON,
    ("IN ('statements_statement'::regclass, 'allocation_allocation'::regclass)", "= 'manifests_weight'::regclass"),
    ("DROP VIEW statements_statement, allocation_allocation;", "DROP VIEW manifests_weight;"),
)
_OLD_VIEW = "CREATE VIEW manifests_weight AS" + _entries.VIEWS.split("CREATE VIEW manifests_weight AS")[1].split(";")[0] + ";\n"
_NEW = (
    "check_weights(integer)", "attach_rolls(integer)", "check_weight_rolls(text)", "names_all(text)", "check_names(text)", "new_rolls(integer)",
    "attach_pages(text, integer)", "new_pages(text, text, integer)", "still_open(integer)",
)  # fmt: skip
BACK = (
    _OLD_TABLE + "SELECT revshare_guard('manifests_weight_row');\n" + OUT_OF_PAGES + STANDING_ON + _OLD_VIEW
    + _folios.MADE_ANEW + "DROP TABLE manifests_weight_page, manifests_roll;\n"
    + _function(_two_roles.FUNCTIONS, "revshare_new_weights") + _function(_entries.FUNCTIONS, "revshare_attach_weights")
    + "".join(f"DROP FUNCTION revshare_{name};\n" for name in _NEW)
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("revshare", "0040_kept_sums")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
