"""What a cycle's sales come to, as its lock adds it up, is kept with its window."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("revshare", "0039_analyzed_first")]
    operations = [migrations.AddField("window", "sums", models.JSONField(blank=True, null=True))]
