"""Sales in other currencies than the policy's pools: what they came to, at which rate."""

import django.db.models.deletion
from django.db import migrations, models

MAX_RATE_PART = 10**99
TABLE = "fx_conversion"
# (trigger, what follows CREATE TRIGGER name): as with pools, in 0002.
TRIGGERS = (
    ("no_change", f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"),
    ("no_truncate", f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"),
    ("only_while_open",
     f"AFTER INSERT ON {TABLE} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "
     "revshare_only_while_open('cycle_id', 'cycles_cycle', 'id', 'p.state = ''locked''')"),
)
CREATE = "".join(
    f"CREATE TRIGGER {TABLE}_{name} {body};\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_{name};\n"
    for name, body in TRIGGERS
) + f"""
-- Each sum is rounded to the nearest micro: together they are at most half a micro each beside the product.
ALTER TABLE {TABLE} ADD CONSTRAINT fx_conversion_exact CHECK (
    2 * abs(amount_out_micros * rate_lower - amount_in_micros * rate_upper) <= sums * rate_lower);

CREATE VIEW audit.fx_conversion AS
SELECT cycle_id, day, base, quote, round(rate_upper * 1.0000000000000000 / rate_lower, 12) AS rate, rate_upper, rate_lower, rate_on,
       source, way, sums, amount_in_micros AS amount_in, amount_out_micros AS amount_out
FROM {TABLE};
"""
DROP = "DROP VIEW audit.fx_conversion;\n" + "".join(f"DROP TRIGGER {TABLE}_{name} ON {TABLE};\n" for name, _ in TRIGGERS)
REFUSE_LOSS = f"""
DO $$ BEGIN
    IF EXISTS (SELECT FROM {TABLE}) THEN
        RAISE EXCEPTION 'this instance holds cycles with sales in several currencies, which the version before cannot keep';
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0013_consents")]
    operations = [
        migrations.CreateModel(
            name="Conversion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("base", models.CharField(db_collation="C", max_length=3)),
                ("quote", models.CharField(db_collation="C", max_length=3)),
                ("rate_upper", models.DecimalField(decimal_places=0, max_digits=100)),
                ("rate_lower", models.DecimalField(decimal_places=0, max_digits=100)),
                ("rate_on", models.DateField()),
                ("source", models.TextField()),
                ("way", models.TextField()),
                ("sums", models.BigIntegerField()),
                ("amount_in_micros", models.BigIntegerField()),
                ("amount_out_micros", models.BigIntegerField()),
                ("cycle", models.ForeignKey(
                    db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="conversions",
                    to="revshare.cycle")),
            ],
            options={
                "db_table": TABLE,
                "ordering": ["cycle_id", "day", "base"],
                "constraints": [
                    models.UniqueConstraint(fields=("cycle", "day", "base"), name="fx_conversion_once"),
                    models.CheckConstraint(
                        condition=models.Q(("base", models.F("quote")), _negated=True), name="fx_conversion_of_another"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("rate_upper__gt", 0), ("rate_upper__lt", MAX_RATE_PART), ("sums__gt", 0),
                            ("rate_lower__gt", 0), ("rate_lower__lt", MAX_RATE_PART)),
                        name="fx_conversion_positive"),
                ],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
