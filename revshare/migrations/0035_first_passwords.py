"""A password that somebody else chose ends by itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("revshare", "0034_destination_letters")]
    operations = [
        migrations.AddField(
            "user", "password_ends_at", models.DateTimeField(blank=True, editable=False, null=True)
        ),
    ]
