"""What pools may be divided by besides assets: the rows of files, kept as they came."""

import django.db.models.deletion
from django.db import migrations, models


# Rows of files, written once: no UPDATE, no DELETE, no TRUNCATE, as in 0002.
APPEND_ONLY = ("measures_measure", "measures_output", "measures_usage")


def _triggers():
    """(table, trigger, what follows CREATE TRIGGER name)."""
    for table in APPEND_ONLY:
        yield table, "no_change", f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"
        yield table, "no_truncate", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"


CREATE = "".join(
    f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for table, name, body in _triggers()
)
DROP = "".join(f"DROP TRIGGER {table}_{name} ON {table};\n" for table, name, _ in _triggers())


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0005_bulk_intake'),
    ]

    operations = [
        migrations.AlterField(
            model_name='ingestedfile',
            name='kind',
            field=models.TextField(choices=[('contributors', 'contributors'), ('attributions', 'attributions'), ('models', 'models'), ('sales', 'sales'), ('measures', 'measures'), ('outputs', 'outputs'), ('usage', 'usage')]),
        ),
        migrations.AlterField(
            model_name='upload',
            name='kind',
            field=models.TextField(choices=[('contributors', 'contributors'), ('attributions', 'attributions'), ('models', 'models'), ('sales', 'sales'), ('measures', 'measures'), ('outputs', 'outputs'), ('usage', 'usage')]),
        ),
        migrations.CreateModel(
            name='Measure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('measure', models.TextField(db_collation='C')),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('value_micros', models.BigIntegerField()),
                ('contributor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor')),
                ('file', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile')),
            ],
            options={
                'db_table': 'measures_measure',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('measure', 'starts_on', 'ends_on', 'contributor'), name='measures_measure_once'), models.CheckConstraint(condition=models.Q(('value_micros__gte', 0)), name='measures_measure_not_negative'), models.CheckConstraint(condition=models.Q(('ends_on__gt', models.F('starts_on'))), name='measures_measure_has_days')],
            },
        ),
        migrations.CreateModel(
            name='Output',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sale_id', models.TextField(db_collation='C')),
                ('role', models.TextField(choices=[('output', 'output'), ('style', 'style'), ('modified', 'modified')], db_collation='C')),
                ('score_millionths', models.IntegerField()),
                ('contributor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor')),
                ('file', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile')),
            ],
            options={
                'db_table': 'measures_output',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('sale_id', 'role', 'contributor'), name='measures_output_once'), models.CheckConstraint(condition=models.Q(('role__in', ('output', 'style', 'modified'))), name='measures_output_role'), models.CheckConstraint(condition=models.Q(('score_millionths__gte', 0), ('score_millionths__lte', 1000000)), name='measures_output_part')],
            },
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('customer_id', models.TextField(db_collation='C')),
                ('model', models.TextField(db_collation='C')),
                ('day', models.DateField()),
                ('units', models.BigIntegerField()),
                ('file', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile')),
            ],
            options={
                'db_table': 'measures_usage',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('customer_id', 'model', 'day'), name='measures_usage_once'), models.CheckConstraint(condition=models.Q(('units__gte', 1)), name='measures_usage_positive')],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
