"""What `verify` found, each time that a worker ran it. Append-only."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

TABLE = "verification_verdict"
CREATE = (
    f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} FOR EACH STATEMENT "
    f"EXECUTE FUNCTION revshare_refuse();\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_no_change;\n"
)


class Migration(migrations.Migration):
    dependencies = [("revshare", "0029_restored")]
    operations = [
        migrations.CreateModel(
            name="StoredVerdict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("asked_at", models.DateTimeField()),
                ("asked_by", models.TextField()),
                ("checks", models.IntegerField()),
                ("cycles", models.IntegerField()),
                ("findings_count", models.IntegerField()),
                ("findings", models.JSONField(blank=True, default=list)),
                ("run", models.OneToOneField(
                    on_delete=django.db.models.deletion.PROTECT, related_name="verdict", to="revshare.run")),
            ],
            options={
                "db_table": TABLE,
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        name="verification_verdict_names_findings",
                        condition=Q(findings_count=0, findings=[]) | Q(findings_count__gt=0) & ~Q(findings=[])),
                ],
            },
        ),
        migrations.RunSQL(CREATE, f"DROP TRIGGER {TABLE}_no_change ON {TABLE};"),
    ]
