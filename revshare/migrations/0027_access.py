"""Tokens of programs by their hashes, and wrong passwords counted. The tokens that lay there in clear go."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0026_mappings'),
    ]

    operations = [
        migrations.RunSQL("DROP TABLE IF EXISTS authtoken_token", migrations.RunSQL.noop),
        migrations.CreateModel(
            name='FailedAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name_sha256', models.CharField(max_length=64)),
                ('address', models.TextField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'db_table': 'access_failed_attempt',
                'indexes': [models.Index(fields=['name_sha256', 'at'], name='access_failed_by_name'), models.Index(fields=['address', 'at'], name='access_failed_by_address')],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(max_length=64, unique=True)),
                ('purpose', models.TextField(blank=True, default='')),
                ('made_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'access_token',
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('sha256__regex', '^[0-9a-f]{64}$')), name='access_token_is_hash'), models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('made_at'))), name='access_token_expires')],
            },
        ),
    ]
