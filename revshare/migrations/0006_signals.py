"""Rows of files, kept as they came: what pools may be divided by besides assets, consents, exchange rates, splits; and
the mix of a model's dataset versions."""

import django.db.models.deletion
from django.db import migrations, models


# Rows of files, written once: no UPDATE, no DELETE, no TRUNCATE, as in 0002.
APPEND_ONLY = (
    "measures_measure", "measures_output", "measures_usage", "consents_consent", "rates_rate", "splits_split",
)


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
# What came in would be lost on the way back.
HELD = " OR ".join(f"EXISTS (SELECT FROM {table})" for table in APPEND_ONLY)
REFUSE_LOSS = f"""
DO $$ BEGIN
    IF {HELD} OR EXISTS (SELECT FROM manifests_training WHERE mix IS NOT NULL) THEN
        RAISE EXCEPTION 'this instance holds consents, rates, measures, splits or mixes, which the version before cannot keep';
    END IF;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0005_bulk_intake'),
    ]

    operations = [
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asset_id', models.TextField(blank=True, db_collation='C')),
                ('scope', models.TextField(blank=True, db_collation='C')),
                ('effective_at', models.DateTimeField()),
                ('decision', models.TextField(choices=[('opt_out', 'opt_out'), ('opt_in', 'opt_in')], db_collation='C')),
                ('source', models.TextField(blank=True)),
                ('arrival', models.BigIntegerField()),
            ],
            options={
                'db_table': 'consents_consent',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Measure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('measure', models.TextField(db_collation='C')),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('value_micros', models.BigIntegerField()),
                ('arrival', models.BigIntegerField()),
            ],
            options={
                'db_table': 'measures_measure',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Output',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sale_id', models.TextField(db_collation='C')),
                ('role', models.TextField(choices=[('output', 'output'), ('style', 'style'), ('modified', 'modified')], db_collation='C')),
                ('score_millionths', models.IntegerField()),
                ('arrival', models.BigIntegerField()),
            ],
            options={
                'db_table': 'measures_output',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Rate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField()),
                ('base', models.CharField(db_collation='C', max_length=3)),
                ('quote', models.CharField(db_collation='C', max_length=3)),
                ('rate', models.DecimalField(decimal_places=12, max_digits=24)),
                ('source', models.TextField()),
                ('arrival', models.BigIntegerField()),
            ],
            options={
                'db_table': 'rates_rate',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Split',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('share_millionths', models.IntegerField()),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(null=True)),
                ('reason', models.TextField(blank=True, choices=[('', ''), ('agency', 'agency'), ('co_author', 'co_author'), ('estate', 'estate')], db_collation='C')),
                ('arrival', models.BigIntegerField()),
            ],
            options={
                'db_table': 'splits_split',
                'ordering': ['-id'],
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
                ('arrival', models.BigIntegerField()),
            ],
            options={
                'db_table': 'measures_usage',
                'ordering': ['-id'],
            },
        ),
        migrations.AddField(
            model_name='training',
            name='mix',
            field=models.DecimalField(decimal_places=6, max_digits=18, null=True),
        ),
        migrations.AlterField(
            model_name='ingestedfile',
            name='kind',
            field=models.TextField(choices=[('contributors', 'contributors'), ('attributions', 'attributions'), ('consents', 'consents'), ('rates', 'rates'), ('models', 'models'), ('sales', 'sales'), ('measures', 'measures'), ('outputs', 'outputs'), ('usage', 'usage'), ('splits', 'splits')]),
        ),
        migrations.AlterField(
            model_name='upload',
            name='kind',
            field=models.TextField(choices=[('contributors', 'contributors'), ('attributions', 'attributions'), ('consents', 'consents'), ('rates', 'rates'), ('models', 'models'), ('sales', 'sales'), ('measures', 'measures'), ('outputs', 'outputs'), ('usage', 'usage'), ('splits', 'splits')]),
        ),
        migrations.AddConstraint(
            model_name='training',
            constraint=models.CheckConstraint(condition=models.Q(('mix__gt', 0), ('mix__lt', 1000000000000)), name='manifests_training_mix'),
        ),
        migrations.AddField(
            model_name='consent',
            name='contributor',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor'),
        ),
        migrations.AddField(
            model_name='consent',
            name='file',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile'),
        ),
        migrations.AddField(
            model_name='measure',
            name='contributor',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor'),
        ),
        migrations.AddField(
            model_name='measure',
            name='file',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile'),
        ),
        migrations.AddField(
            model_name='output',
            name='contributor',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor'),
        ),
        migrations.AddField(
            model_name='output',
            name='file',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile'),
        ),
        migrations.AddField(
            model_name='rate',
            name='file',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile'),
        ),
        migrations.AddField(
            model_name='split',
            name='contributor',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor'),
        ),
        migrations.AddField(
            model_name='split',
            name='file',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile'),
        ),
        migrations.AddField(
            model_name='split',
            name='payee',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor'),
        ),
        migrations.AddField(
            model_name='usage',
            name='file',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.ingestedfile'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.UniqueConstraint(fields=('contributor', 'asset_id', 'scope', 'effective_at'), name='consents_consent_once'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.CheckConstraint(condition=models.Q(('decision__in', ('opt_out', 'opt_in'))), name='consents_consent_decision'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.CheckConstraint(condition=models.Q(('arrival__gte', models.F('file'))), name='consents_consent_arrival'),
        ),
        migrations.AddConstraint(
            model_name='measure',
            constraint=models.UniqueConstraint(fields=('measure', 'starts_on', 'ends_on', 'contributor'), name='measures_measure_once'),
        ),
        migrations.AddConstraint(
            model_name='measure',
            constraint=models.CheckConstraint(condition=models.Q(('value_micros__gte', 0)), name='measures_measure_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='measure',
            constraint=models.CheckConstraint(condition=models.Q(('ends_on__gt', models.F('starts_on'))), name='measures_measure_has_days'),
        ),
        migrations.AddConstraint(
            model_name='measure',
            constraint=models.CheckConstraint(condition=models.Q(('arrival__gte', models.F('file'))), name='measures_measure_arrival'),
        ),
        migrations.AddConstraint(
            model_name='output',
            constraint=models.UniqueConstraint(fields=('sale_id', 'role', 'contributor'), name='measures_output_once'),
        ),
        migrations.AddConstraint(
            model_name='output',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ('output', 'style', 'modified'))), name='measures_output_role'),
        ),
        migrations.AddConstraint(
            model_name='output',
            constraint=models.CheckConstraint(condition=models.Q(('score_millionths__gte', 0), ('score_millionths__lte', 1000000)), name='measures_output_part'),
        ),
        migrations.AddConstraint(
            model_name='output',
            constraint=models.CheckConstraint(condition=models.Q(('arrival__gte', models.F('file'))), name='measures_output_arrival'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.UniqueConstraint(fields=('base', 'quote', 'date'), name='rates_rate_once'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.CheckConstraint(condition=models.Q(('rate__gt', 0), ('rate__lt', 1000000000000)), name='rates_rate_positive'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.CheckConstraint(condition=models.Q(('base', models.F('quote')), _negated=True), name='rates_rate_of_another'),
        ),
        migrations.AddConstraint(
            model_name='rate',
            constraint=models.CheckConstraint(condition=models.Q(('arrival__gte', models.F('file'))), name='rates_rate_arrival'),
        ),
        migrations.AddConstraint(
            model_name='split',
            constraint=models.UniqueConstraint(condition=models.Q(('ends_on', None)), fields=('contributor', 'payee', 'starts_on'), name='splits_split_opened_once'),
        ),
        migrations.AddConstraint(
            model_name='split',
            constraint=models.UniqueConstraint(condition=models.Q(('ends_on', None), _negated=True), fields=('contributor', 'payee', 'starts_on'), name='splits_split_ended_once'),
        ),
        migrations.AddConstraint(
            model_name='split',
            constraint=models.CheckConstraint(condition=models.Q(('share_millionths__gte', 1), ('share_millionths__lte', 1000000)), name='splits_split_part'),
        ),
        migrations.AddConstraint(
            model_name='split',
            constraint=models.CheckConstraint(condition=models.Q(('payee', models.F('contributor')), _negated=True), name='splits_split_to_another'),
        ),
        migrations.AddConstraint(
            model_name='split',
            constraint=models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gt', models.F('starts_on')), _connector='OR'), name='splits_split_has_days'),
        ),
        migrations.AddConstraint(
            model_name='split',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ('', 'agency', 'co_author', 'estate'))), name='splits_split_reason'),
        ),
        migrations.AddConstraint(
            model_name='split',
            constraint=models.CheckConstraint(condition=models.Q(('arrival__gte', models.F('file'))), name='splits_split_arrival'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.UniqueConstraint(fields=('customer_id', 'model', 'day'), name='measures_usage_once'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.CheckConstraint(condition=models.Q(('units__gte', 1)), name='measures_usage_positive'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.CheckConstraint(condition=models.Q(('arrival__gte', models.F('file'))), name='measures_usage_arrival'),
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
