"""Saved mappings of foreign headers; by which a file was read stands with the file."""

import django.db.models.deletion
from django.db import migrations, models

TABLE = "files_mapping"
TRIGGERS = {
    "no_change": f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()",
    "no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()",
}
CREATE = "".join(
    f"CREATE TRIGGER {TABLE}_{name} {body};\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_{name};\n"
    for name, body in TRIGGERS.items()
)
DROP = "".join(f"DROP TRIGGER {TABLE}_{name} ON {TABLE};\n" for name in TRIGGERS)
PROTECT = django.db.models.deletion.PROTECT


class Migration(migrations.Migration):
    dependencies = [("revshare", "0025_reviews")]
    operations = [
        migrations.CreateModel(
            name="ColumnMapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.TextField(db_collation="C", unique=True)),
                ("kind", models.TextField()),
                ("columns", models.JSONField()),
                ("made_at", models.DateTimeField()),
                ("made_by", models.TextField()),
            ],
            options={"db_table": TABLE, "ordering": ["name"]},
        ),
        migrations.AddField("ingestedfile", "mapping", models.ForeignKey(
            blank=True, db_index=False, null=True, on_delete=PROTECT, related_name="files", to="revshare.columnmapping")),
        migrations.AddField("upload", "mapping", models.ForeignKey(
            blank=True, db_index=False, null=True, on_delete=PROTECT, related_name="+", to="revshare.columnmapping")),
        migrations.RunSQL(CREATE, DROP),
    ]
