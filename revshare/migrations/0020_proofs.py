"""What published cycles commit to: one signed text for each, which nothing changes."""

import django.db.models.deletion
from django.db import migrations, models

TABLE = "proofs_commitment"
TRIGGERS = {
    "no_change": "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()",
    "no_truncate": "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()",
    "only_while_open": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "
    "revshare_only_while_open('cycle_id', 'cycles_cycle', 'id', 'p.state IN (''published'', ''settled'')')",
}
CREATE = "".join(
    f"CREATE TRIGGER {TABLE}_{name} {body.format(table=TABLE)};\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_{name};\n"
    for name, body in TRIGGERS.items()
) + """
CREATE VIEW audit.commitment AS
SELECT cycle_id, text, sha256, public_key, signature, trees, made_at, made_by FROM proofs_commitment;
"""
DROP = "DROP VIEW audit.commitment;\n" + "".join(f"DROP TRIGGER {TABLE}_{name} ON {TABLE};\n" for name in TRIGGERS)


class Migration(migrations.Migration):
    dependencies = [("revshare", "0018_small")]
    operations = [
        migrations.CreateModel(
            name="Commitment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("public_key", models.CharField(max_length=64)),
                ("signature", models.CharField(max_length=128)),
                ("trees", models.JSONField()),
                ("secret", models.BinaryField(max_length=32)),
                ("made_at", models.DateTimeField()),
                ("made_by", models.TextField()),
                ("cycle", models.OneToOneField(
                    on_delete=django.db.models.deletion.PROTECT, related_name="commitment", to="revshare.cycle")),
            ],
            options={"db_table": TABLE, "ordering": ["-cycle_id"]},
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
