"""What the sales of a large file come to is kept beside its part: it comes with the part, and stays as it is (ADR 32).

Parts that were attached before have no sums, and are read as before.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

_movements = import_module("revshare.migrations.0009_movements")
_indexes = import_module("revshare.migrations.0031_indexes_of_sales")

TABLE = "sales_part_sum"
TRIGGERS = {
    "no_change": "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()",
    "no_truncate": "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()",
    "with_their_part": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
    "EXECUTE FUNCTION revshare_sums_come()",
}
FUNCTIONS = """
CREATE FUNCTION revshare_sums_come() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE own integer;
BEGIN
    FOR own IN SELECT DISTINCT part FROM new_rows LOOP
        PERFORM revshare_just_coming(own);
        IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'sales_sale'::regclass
                   AND inhrelid = to_regclass('sales_sale_' || own)) THEN
            RAISE EXCEPTION 'sums of part % are refused: it is closed', own USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- Numbers of arrival go on within a part and are there once each: so they say how many sales it has.
CREATE FUNCTION revshare_check_part_sums(file integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE wrong boolean;
BEGIN
    EXECUTE format(
        'SELECT (min(k.first_seq), max(k.first_seq), min(k.last_seq), max(k.last_seq), sum(k.sales))
             IS DISTINCT FROM (p.first, p.first, p.last, p.last, p.last - p.first + 1)
         FROM sales_part_sum k CROSS JOIN (SELECT min(seq) AS first, max(seq) AS last FROM %I) p
         WHERE k.part = %s GROUP BY p.first, p.last', 'sales_sale_' || file, file) INTO wrong;
    IF wrong THEN
        RAISE EXCEPTION 'the sums of part % are not of its sales', file USING ERRCODE = 'check_violation';
    END IF;
END $$;
"""
_OLD_ATTACH = _indexes.ATTACH
_BEFORE = "    EXECUTE format('ALTER TABLE sales_sale ATTACH PARTITION"
ATTACH = _movements._changed(_OLD_ATTACH, (_BEFORE, f"    PERFORM revshare_check_part_sums(file);\n{_BEFORE}"))
FORWARD = FUNCTIONS + ATTACH + "".join(
    f"CREATE TRIGGER {TABLE}_{name} {body.format(table=TABLE)};\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_{name};\n"
    for name, body in TRIGGERS.items()
)
BACK = (
    "".join(f"DROP TRIGGER {TABLE}_{name} ON {TABLE};\n" for name in TRIGGERS) + _OLD_ATTACH
    + "DROP FUNCTION revshare_check_part_sums(integer), revshare_sums_come();\n"
)


class Migration(migrations.Migration):
    dependencies = [("revshare", "0043_names_of_neighbours")]
    operations = [
        migrations.CreateModel(
            name="PartSum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_seq", models.BigIntegerField()),
                ("last_seq", models.BigIntegerField()),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("refunds", models.BooleanField()),
                ("stream", models.TextField(db_collation="C")),
                ("model", models.TextField(db_collation="C")),
                ("dataset_version", models.TextField(db_collation="C")),
                ("currency", models.CharField(db_collation="C", max_length=3)),
                ("customer_id", models.TextField(null=True)),
                ("net_micros", models.BigIntegerField()),
                ("sales", models.BigIntegerField()),
                ("part", models.ForeignKey(
                    db_column="part", on_delete=django.db.models.deletion.PROTECT, related_name="+",
                    to="revshare.ingestedfile")),
            ],
            options={
                "db_table": TABLE,
                "ordering": ["part_id", "id"],
                "indexes": [models.Index(fields=["first_at"], name="sales_part_sum_by_time")],
                "constraints": [models.CheckConstraint(
                    condition=Q(first_at__lte=F("last_at"), first_seq__lte=F("last_seq"), sales__gt=0),
                    name="sales_part_sum_bounds")],
            },
        ),
        migrations.RunSQL(FORWARD, BACK),
    ]
