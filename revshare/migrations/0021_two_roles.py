"""What takes an owner at run time becomes functions of the owner: new partitions, numbers of arrival, statistics. Who may
call them, and as whom they act, is in `revshare.privileges`, which `migrate` applies.

Each looks at the state itself. A table that was begun for an open parent and left behind is nobody's, and made anew.
"""

from importlib import import_module

from django.db import migrations

_movements = import_module("revshare.migrations.0009_movements")
_entries = import_module("revshare.migrations.0004_entries")
_restatements = import_module("revshare.migrations.0015_restatements")
_parts = import_module("revshare.migrations.0007_parts_of_sales")

_OLD_GUARD = _movements._function(_entries.FUNCTIONS, "revshare_guard")
_OLD_ATTACH_SALES = "CREATE OR REPLACE FUNCTION revshare_attach_sales(" + _restatements.SALES.split(
    "CREATE OR REPLACE FUNCTION revshare_attach_sales(")[1]
_OLD_NEW_SALES = _movements._function(_parts.FUNCTIONS, "revshare_new_sales")
FILLERS = """
    SELECT DISTINCT grantee::regrole::text FROM pg_proc, aclexplode(proacl)
    WHERE pg_proc.oid = 'revshare_new_entries(integer)'::regprocedure AND grantee NOT IN (0, proowner)"""

GUARD = _movements._changed(
    _OLD_GUARD,
    ("DECLARE action text;", "DECLARE action text; filler text;"),
    ("    END LOOP;\nEND $$;", f"""    END LOOP;
    FOR filler IN {FILLERS} LOOP
        EXECUTE format('REVOKE INSERT ON %I FROM %s', relation, filler);
    END LOOP;
END $$;"""),
)
ATTACH_SALES = _movements._changed(
    _OLD_ATTACH_SALES, ("    PERFORM revshare_guard(part);", "    PERFORM revshare_just_coming(file);\n    PERFORM revshare_guard(part);")
)
FUNCTIONS = f"""
-- Who may make a partition may fill it, until it is attached.
CREATE FUNCTION revshare_open_part(part text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE filler text;
BEGIN
    FOR filler IN {FILLERS} LOOP
        EXECUTE format('GRANT SELECT, INSERT ON %I TO %s', part, filler);
    END LOOP;
END $$;

CREATE FUNCTION revshare_drop_leftover(part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_class c WHERE c.relname = part AND c.relnamespace = 'public'::regnamespace
               AND c.relkind = 'r' AND NOT c.relispartition) THEN
        EXECUTE format('DROP TABLE %I', part);
    END IF;
END $$;

CREATE FUNCTION revshare_new_entries(cycle integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text := 'ledger_entry_' || cycle;
BEGIN
    PERFORM FROM cycles_cycle WHERE id = cycle AND state = 'locked' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entries of cycle % are refused: it is not locked', cycle USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM revshare_drop_leftover(part);
    PERFORM revshare_new_part('ledger_entry', 'cycle_id', cycle);
    PERFORM revshare_open_part(part);
    RETURN part;
END $$;

CREATE FUNCTION revshare_new_weights(manifest integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text := 'manifests_weight_row_' || manifest;
BEGIN
    PERFORM FROM manifests_manifest WHERE id = manifest AND frozen_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'weights of manifest % are refused: it is frozen', manifest USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM revshare_drop_leftover(part);
    PERFORM revshare_new_part('manifests_weight_row', 'manifest_id', manifest);
    EXECUTE format('ALTER TABLE %I ALTER manifest_id SET DEFAULT %s', part, manifest);
    PERFORM revshare_open_part(part);
    RETURN part;
END $$;

-- A file has its sales in the transaction in which it comes in itself: its row can be seen, and is not committed.
CREATE FUNCTION revshare_just_coming(file integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE epoch bigint := pg_current_xact_id()::text::bigint >> 32 << 32;
BEGIN
    PERFORM FROM files_file WHERE id = file AND kind = 'sales'
        AND pg_xact_status((epoch + xmin::text::bigint)::text::xid8) = 'in progress';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'sales of file % are refused: it is no file of sales that is just coming in', file
            USING ERRCODE = 'restrict_violation';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION revshare_new_sales(file integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text := 'sales_sale_' || file;
BEGIN
    PERFORM revshare_just_coming(file);
    EXECUTE format('CREATE TABLE %1$I (LIKE sales_sale INCLUDING DEFAULTS INCLUDING CONSTRAINTS, '
                   'CONSTRAINT %2$I CHECK (part = %3$s AND file_id = %3$s))', part, part || '_key', file);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN part SET DEFAULT %s', part, file);
    PERFORM revshare_open_part(part);
    RETURN part;
END $$;

-- The first of so many numbers of arrival. They never go back.
CREATE FUNCTION revshare_reserve_sales(wanted integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE first bigint;
BEGIN
    IF wanted IS NULL OR wanted < 1 THEN
        RAISE EXCEPTION '% numbers of arrival are refused: ask for one or more', coalesce(wanted::text, 'no')
            USING ERRCODE = 'check_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(3, 0);
    first := nextval('sales_arrival');
    PERFORM setval('sales_arrival', first + wanted - 1);
    RETURN first;
END $$;

-- After many rows: what the planner knows of a table, and its indexes by blocks.
CREATE FUNCTION revshare_analyze(relation text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE found oid := to_regclass(format('public.%I', relation));
BEGIN
    IF found IS NULL OR (SELECT relkind FROM pg_class WHERE oid = found) <> 'r' THEN
        RAISE EXCEPTION 'there is no table % to analyse', relation USING ERRCODE = 'undefined_table';
    END IF;
    PERFORM brin_summarize_new_values(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_am a ON a.oid = c.relam WHERE i.indrelid = found AND a.amname = 'brin';
    EXECUTE format('ANALYZE public.%I', relation);
END $$;
"""
NAMES = (
    "revshare_just_coming(integer)",    "revshare_analyze(text)", "revshare_reserve_sales(integer)", "revshare_new_weights(integer)",
    "revshare_new_entries(integer)", "revshare_drop_leftover(text)", "revshare_open_part(text)",
)


class Migration(migrations.Migration):
    dependencies = [("revshare", "0020_proofs")]
    operations = [
        migrations.RunSQL(
            FUNCTIONS + GUARD + ATTACH_SALES,
            _OLD_GUARD + _OLD_NEW_SALES + _OLD_ATTACH_SALES + "".join(f"DROP FUNCTION {name};\n" for name in NAMES),
        ),
    ]
