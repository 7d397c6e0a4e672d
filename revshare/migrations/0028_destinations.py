"""Where contributors' money goes: one row for each that they name, which nothing changes."""

import django.db.models.deletion
from django.db import migrations, models

TABLE = "payouts_destination"
TRIGGERS = {
    "no_change": f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()",
    "no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()",
}
CREATE = "".join(
    f"CREATE TRIGGER {TABLE}_{name} {body};\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_{name};\n"
    for name, body in TRIGGERS.items()
)
DROP = "".join(f"DROP TRIGGER {TABLE}_{name} ON {TABLE};\n" for name in TRIGGERS)


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0027_access'),
    ]

    operations = [
        migrations.CreateModel(
            name='Destination',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('set_at', models.DateTimeField()),
                ('set_by', models.TextField()),
                ('usable_from', models.DateTimeField()),
                ('contributor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='destinations', to='revshare.contributor')),
            ],
            options={
                'db_table': 'payouts_destination',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='DestinationNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.TextField()),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('destination', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='notice', to='revshare.destination')),
            ],
            options={
                'db_table': 'payouts_destination_notice',
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='destination',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='payouts_destination_says_where'),
        ),
        migrations.AddConstraint(
            model_name='destination',
            constraint=models.CheckConstraint(condition=models.Q(('usable_from__gt', models.F('set_at'))), name='payouts_destination_cools_off'),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
