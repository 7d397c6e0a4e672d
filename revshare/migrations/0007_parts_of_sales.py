"""Sales become partitions: one for all that came in small lots, one for each large file, loaded as a table nobody sees
and indexed at once (ADR 13). There and back every sale is kept; the way back writes them all anew.
"""

from importlib import import_module

from django.db import migrations, models

_AUDIT_SALE = "CREATE VIEW audit.sale AS" + import_module("revshare.migrations.0003_audit_views").CREATE.split(
    "CREATE VIEW audit.sale AS")[1].split(";")[0] + ";\n"

# Unique within a partition; across them by the functions below. Django's names, where it has any.
INDEXES = """
ALTER TABLE sales_sale ADD CONSTRAINT sales_sale_pkey PRIMARY KEY (seq{part});
ALTER TABLE sales_sale ADD CONSTRAINT {unique} UNIQUE (sale_id{part});
CREATE INDEX sales_by_time ON sales_sale USING brin (sold_at) WITH (pages_per_range = 32);
CREATE INDEX sales_by_refunded ON sales_sale (refund_of) WHERE NOT (refund_of = '');
CREATE INDEX sales_unlinked ON sales_sale (seq) WHERE gross_micros < 0 AND refund_of = '';
"""

PARTS = """
DROP VIEW audit.sale;
ALTER TABLE sales_sale RENAME TO sales_before;
ALTER TABLE sales_before ADD COLUMN part integer NOT NULL DEFAULT 0;
CREATE SEQUENCE sales_arrival OWNED BY sales_before.seq;
SELECT setval('sales_arrival', coalesce(max(seq), 0) + 1, false) FROM sales_before;
CREATE TABLE sales_sale (LIKE sales_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY LIST (part);
CREATE TABLE sales_sale_0 PARTITION OF sales_sale FOR VALUES IN (0);
INSERT INTO sales_sale_0 SELECT * FROM sales_before;
ALTER SEQUENCE sales_arrival OWNED BY sales_sale.seq;
DROP TABLE sales_before;
""" + INDEXES.format(part=", part", unique="sales_once_in_part") + _AUDIT_SALE

FUNCTIONS = """
-- The highest number that no further sale may have or go below: those of other parts, and what cycles closed over.
CREATE FUNCTION revshare_sales_closed(own integer) RETURNS bigint LANGUAGE sql AS $$
    SELECT greatest(0, (SELECT max(seq) FROM sales_sale WHERE part <> own), (SELECT max(upto_seq) FROM cycles_cycle))
$$;

CREATE FUNCTION revshare_refuse_sales(twice text, first bigint, closed bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF twice IS NOT NULL THEN
        RAISE EXCEPTION 'sale % is refused: it is stored already', twice USING ERRCODE = 'unique_violation';
    END IF;
    IF first <= closed THEN
        RAISE EXCEPTION 'a sale that arrived as number % is refused: all up to % are closed', first, closed
            USING ERRCODE = 'restrict_violation';
    END IF;
END $$;

-- Once per statement, for sales in small lots. Under the lock of the intake (`locks.Lock.INTAKE`).
CREATE FUNCTION revshare_sales_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(3, 0);
    PERFORM revshare_refuse_sales(
        (SELECT min(n.sale_id) FROM new_rows n JOIN sales_sale s ON s.sale_id = n.sale_id WHERE s.part <> 0),
        (SELECT min(seq) FROM new_rows), revshare_sales_closed(0));
    RETURN NULL;
END $$;

CREATE FUNCTION revshare_new_sales(file integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE part text := 'sales_sale_' || file;
BEGIN
    EXECUTE format('CREATE TABLE %1$I (LIKE sales_sale INCLUDING DEFAULTS INCLUDING CONSTRAINTS, '
                   'CONSTRAINT %2$I CHECK (part = %3$s AND file_id = %3$s))', part, part || '_key', file);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN part SET DEFAULT %s', part, file);
    RETURN part;
END $$;

-- Set-wise, before anybody sees them: no id is stored in another part, and all arrived after what is there.
CREATE FUNCTION revshare_attach_sales(file integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE part text := 'sales_sale_' || file; low text; high text; first bigint; beside boolean;
    twice text;
BEGIN
    PERFORM pg_advisory_xact_lock(3, 0);
    PERFORM FROM files_file WHERE id = file AND kind = 'sales';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'sales of file % are refused: there is no such file of sales', file
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    PERFORM revshare_guard(part);
    EXECUTE format('ALTER TABLE sales_sale ATTACH PARTITION %I FOR VALUES IN (%s)', part, file);
    EXECUTE format('ANALYZE %I', part);
    -- Only where the ids of others reach into the range of these can one be the same.
    EXECUTE format('SELECT min(sale_id), max(sale_id), min(seq) FROM %I', part) INTO low, high, first;
    EXECUTE 'SELECT EXISTS (SELECT FROM sales_sale WHERE part <> $1 AND sale_id BETWEEN $2 AND $3)'
        INTO beside USING file, low, high;
    IF beside THEN
        EXECUTE format('SELECT min(n.sale_id) FROM %I n JOIN sales_sale s ON s.sale_id = n.sale_id WHERE s.part <> %s',
                       part, file) INTO twice;
    END IF;
    PERFORM revshare_refuse_sales(twice, first, revshare_sales_closed(file));
END $$;
"""
FUNCTION_NAMES = (
    "revshare_attach_sales(integer)", "revshare_new_sales(integer)", "revshare_sales_arrived()",
    "revshare_refuse_sales(text, bigint, bigint)", "revshare_sales_closed(integer)",
)

TRIGGERS = """
SELECT revshare_guard('sales_sale');
SELECT revshare_guard('sales_sale_0');
DROP TRIGGER no_insert ON sales_sale_0;
CREATE TRIGGER sales_arrived AFTER INSERT ON sales_sale_0 REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION revshare_sales_arrived();
ALTER TABLE sales_sale_0 ENABLE ALWAYS TRIGGER sales_arrived;
"""

ONE_TABLE = """
DROP VIEW audit.sale;
ALTER TABLE sales_sale RENAME TO sales_parts;
ALTER TABLE sales_parts DROP CONSTRAINT sales_sale_pkey;
CREATE TABLE sales_sale (LIKE sales_parts INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
INSERT INTO sales_sale SELECT * FROM sales_parts;
ALTER TABLE sales_sale DROP COLUMN part;
ALTER TABLE sales_sale ALTER COLUMN seq ADD GENERATED BY DEFAULT AS IDENTITY;
SELECT setval(pg_get_serial_sequence('sales_sale', 'seq'), nextval('sales_arrival'), false);
DROP TABLE sales_parts;
""" + INDEXES.format(part="", unique="sales_sale_sale_id_key") + """
CREATE INDEX sales_by_file ON sales_sale USING brin (file_id) WITH (pages_per_range = 32);
CREATE TRIGGER sales_sale_no_change BEFORE UPDATE OR DELETE ON sales_sale FOR EACH ROW
    EXECUTE FUNCTION revshare_refuse();
ALTER TABLE sales_sale ENABLE ALWAYS TRIGGER sales_sale_no_change;
CREATE TRIGGER sales_sale_no_truncate BEFORE TRUNCATE ON sales_sale FOR EACH STATEMENT
    EXECUTE FUNCTION revshare_refuse();
ALTER TABLE sales_sale ENABLE ALWAYS TRIGGER sales_sale_no_truncate;
""" + _AUDIT_SALE


class Migration(migrations.Migration):
    dependencies = [("revshare", "0006_signals")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    PARTS + FUNCTIONS + TRIGGERS,
                    ONE_TABLE + "".join(f"DROP FUNCTION {name};\n" for name in FUNCTION_NAMES),
                ),
            ],
            state_operations=[
                migrations.AddField("sale", "part", models.IntegerField(db_default=0, default=0)),
                migrations.AlterField("sale", "seq", models.BigIntegerField(primary_key=True, serialize=False)),
                migrations.AlterField("sale", "sale_id", models.TextField(db_collation="C")),
                migrations.RemoveIndex("sale", "sales_by_file"),
                migrations.AddConstraint(
                    "sale", models.UniqueConstraint(fields=("sale_id", "part"), name="sales_once_in_part")
                ),
            ],
        ),
    ]
