"""Parts of sales have indexes of their own, which name no part: by number, by id, and one of refunds (ADR 13). Indexes of
the whole table would have to name it, and take twice as long to build. There and back no sale changes.
"""

from importlib import import_module

from django.db import migrations, models

_movements = import_module("revshare.migrations.0009_movements")
_two_roles = import_module("revshare.migrations.0021_two_roles")

# Refunds with what they refund, in its order; and those that name no sale, in the order of their arrival.
INDEX = """
CREATE FUNCTION revshare_index_sales(part text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (seq)', part || '_seq', part);
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (sale_id)', part || '_once', part);
    EXECUTE format('CREATE INDEX %I ON %I (refund_of, seq) WHERE refund_of <> '''' OR gross_micros < 0',
                   part || '_refunds', part);
END $$;
"""
_ATTACH = "    EXECUTE format('ALTER TABLE sales_sale ATTACH PARTITION"
ATTACH = _movements._changed(_two_roles.ATTACH_SALES, (_ATTACH, f"    PERFORM revshare_index_sales(part);\n{_ATTACH}"))
PARTS = """
DO $$ DECLARE part text; BEGIN
    FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sales_sale'::regclass LOOP
        {deed};
    END LOOP;
END $$;
"""
FORWARD = """
ALTER TABLE sales_sale DROP CONSTRAINT sales_sale_pkey, DROP CONSTRAINT sales_once_in_part;
DROP INDEX sales_by_refunded, sales_unlinked;
""" + INDEX + ATTACH + PARTS.format(deed="PERFORM revshare_index_sales(part)")
BACK = _two_roles.ATTACH_SALES + "DROP FUNCTION revshare_index_sales(text);\n" + PARTS.format(
    deed="EXECUTE format('DROP INDEX %I, %I, %I', part || '_seq', part || '_once', part || '_refunds')"
) + """
ALTER TABLE sales_sale ADD CONSTRAINT sales_sale_pkey PRIMARY KEY (seq, part);
ALTER TABLE sales_sale ADD CONSTRAINT sales_once_in_part UNIQUE (sale_id, part);
CREATE INDEX sales_by_refunded ON sales_sale (refund_of) WHERE NOT (refund_of = '');
CREATE INDEX sales_unlinked ON sales_sale (seq) WHERE gross_micros < 0 AND refund_of = '';
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0030_portal")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(FORWARD, BACK)],
            state_operations=[
                migrations.RemoveConstraint("sale", "sales_once_in_part"),
                migrations.RemoveIndex("sale", "sales_by_refunded"),
                migrations.RemoveIndex("sale", "sales_unlinked"),
            ],
        ),
    ]
