"""What contributors pass on of their earnings, by their splits."""

import django.db.models.deletion
from django.db import migrations, models

TABLE = "allocation_passed_on"
# Rows are written once, and only while their cycle is calculated, as in 0002.
TRIGGERS = {
    "no_change": f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()",
    "no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()",
    "only_while_open": f"AFTER INSERT ON {TABLE} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "
    "revshare_only_while_open('cycle_id', 'cycles_cycle', 'id', 'p.state = ''locked''')",
}
CREATE = "".join(
    f"CREATE TRIGGER {TABLE}_{name} {body};\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_{name};\n"
    for name, body in TRIGGERS.items()
) + f"""
CREATE VIEW audit.passed_on AS
SELECT cycle_id, contributor_id, payee_id, currency, earned_micros AS earned, share_millionths, amount_micros AS amount
FROM {TABLE};
"""
DROP = "DROP VIEW audit.passed_on;\n" + "".join(f"DROP TRIGGER {TABLE}_{name} ON {TABLE};\n" for name in TRIGGERS)
REFUSE_LOSS = f"""
DO $$ BEGIN
    IF EXISTS (SELECT FROM {TABLE}) THEN
        RAISE EXCEPTION 'this instance holds what contributors passed on by splits, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0014_currencies")]
    operations = [
        migrations.CreateModel(
            name="PassedOn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(db_collation="C", max_length=3)),
                ("earned_micros", models.BigIntegerField()),
                ("share_millionths", models.IntegerField()),
                ("amount_micros", models.BigIntegerField()),
                ("contributor", models.ForeignKey(
                    db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="revshare.contributor")),
                ("cycle", models.ForeignKey(
                    on_delete=django.db.models.deletion.PROTECT, related_name="+", to="revshare.cycle")),
                ("payee", models.ForeignKey(
                    db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="revshare.contributor")),
            ],
            options={
                "db_table": TABLE,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("cycle", "contributor", "payee", "currency"), name="allocation_passed_on_once"),
                    models.CheckConstraint(name="allocation_passed_on_part", condition=models.Q(
                        ("amount_micros__gte", 0), ("amount_micros__lte", models.F("earned_micros")),
                        ("earned_micros__gt", 0), ("share_millionths__gte", 1), ("share_millionths__lte", 1000000))),
                    models.CheckConstraint(name="allocation_passed_on_to_another", condition=models.Q(
                        ("payee", models.F("contributor")), _negated=True)),
                ],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
