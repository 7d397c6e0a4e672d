"""What had been opted out of a manifest before it was frozen, told without looking into the lake."""

from django.db import migrations, models
from django.db.models import Value


class Migration(migrations.Migration):
    dependencies = [("revshare", "0010_rules")]
    operations = [
        migrations.AddField(
            "manifest", "class_totals", models.JSONField(db_default=Value([], models.JSONField()), default=list)
        ),
        migrations.AddField("manifest", "decided_upto", models.BigIntegerField(null=True)),
    ]
