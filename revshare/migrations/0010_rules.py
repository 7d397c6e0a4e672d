"""Pools are divided into parts, by several measures; some of their money is set aside for the commons or for later."""

from importlib import import_module

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

_immutability = import_module("revshare.migrations.0002_immutability")
_movements = import_module("revshare.migrations.0009_movements")
_changed = _movements._changed

# What contributors get of a pool and what is set aside come to the pool, in money and in units.
CHECK = _changed(
    _movements.CHECK,
    ("p.distributable_micros, p.denominator_ticks\n",
     "p.distributable_micros - coalesce(r.amount, 0) AS due,\n"
     "                    p.denominator_ticks - coalesce(r.units, 0) AS units\n"),
    ("FROM ledger_pool_control k JOIN pools_pool p ON p.id = k.pool_id\n",
     "FROM ledger_pool_control k JOIN pools_pool p ON p.id = k.pool_id\n"
     "                LEFT JOIN (SELECT pool_id, sum(amount_micros) AS amount, sum(units) AS units FROM allocation_rest\n"
     "                    WHERE cycle_id = %2$s AND reason <> \'\'\'\' GROUP BY pool_id) r ON r.pool_id = p.id\n"),
    ("f.amount <> k.distributable_micros", "f.amount <> k.due"),
    ("f.ticks <> k.denominator_ticks", "f.ticks <> k.units"),
)
# Lines name the part of the pool, and what is counted.
SHA256 = _changed(
    _movements.SHA256,
    ("e.dataset_version,\n            e.distributable_micros", "e.dataset_version, e.part, e.measure,\n            e.distributable_micros"),
    ("p.model, p.dataset_version, p.distributable_micros", "p.model, p.dataset_version, p.part, p.measure, p.distributable_micros"),
    ("p.model, p.dataset_version) AS line", "p.model, p.dataset_version, p.part) AS line"),
)
# Once frozen, a manifest may still be told apart by class, once.
_OLD_MANIFEST_MOVES = _movements._function(_immutability.FUNCTIONS, "revshare_manifest_moves")
MANIFEST_MOVES = _changed(
    _OLD_MANIFEST_MOVES,
    ("IF OLD.frozen_at IS NOT NULL OR NEW.dataset_version <> OLD.dataset_version THEN",
     "IF OLD.frozen_at IS NOT NULL AND OLD.classes = '[]' AND NEW.classes <> '[]' AND to_jsonb(OLD) - 'classes' - "
     "'classes_sha256' - 'opted_out_records' = to_jsonb(NEW) - 'classes' - 'classes_sha256' - 'opted_out_records' THEN\n"
     "        RETURN NEW;\n    END IF;\n"
     "    IF OLD.frozen_at IS NOT NULL OR NEW.dataset_version <> OLD.dataset_version THEN"),
)
LINES = _changed(_movements.LINES, ("p.model, p.dataset_version) AS line", "p.model, p.dataset_version, p.part) AS line"))
POOLS = _changed(
    _movements.POOLS,
    ("denominator_ticks AS denominator\n",
     "denominator_ticks AS denominator,\n       nullif(part, \'\') AS part, measure, deducted_micros AS deducted, commons_micros AS commons\n"),
)
OLD_POOLS = "DROP VIEW audit.pool;" + _movements.POOLS


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0009_movements'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='pool',
            options={'ordering': ['cycle_id', 'table', 'model', 'dataset_version', 'part', 'currency']},
        ),
        migrations.RemoveConstraint(
            model_name='pool',
            name='pools_once',
        ),
        migrations.RemoveConstraint(
            model_name='pool',
            name='pools_conserve',
        ),
        migrations.RemoveConstraint(
            model_name='pool',
            name='pools_signs',
        ),
        migrations.RemoveConstraint(
            model_name='rest',
            name='allocation_rest_once',
        ),
        migrations.RemoveConstraint(
            model_name='rest',
            name='allocation_rest_signs',
        ),
        migrations.RemoveConstraint(
            model_name='sale',
            name='sales_one_target',
        ),
        migrations.AddField(
            model_name='manifest',
            name='frozen_arrival',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='manifest',
            name='opted_out_records',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='manifest',
            name='classes',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='manifest',
            name='classes_sha256',
            field=models.TextField(db_default='', default=''),
        ),
        migrations.AddField(
            model_name='pool',
            name='commons_micros',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='pool',
            name='deducted_micros',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='pool',
            name='measure',
            field=models.TextField(db_default='assets', default='assets'),
        ),
        migrations.AddField(
            model_name='pool',
            name='part',
            field=models.TextField(db_collation='C', db_default='', default=''),
        ),
        migrations.AddField(
            model_name='rest',
            name='contributor',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor'),
        ),
        migrations.AddField(
            model_name='rest',
            name='reason',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='rest',
            name='units',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='sale',
            name='plan',
            field=models.TextField(db_collation='C', db_default='', default=''),
        ),
        migrations.AlterField(
            model_name='rest',
            name='bucket',
            field=models.TextField(choices=[('contributor', 'Contributor'), ('platform', 'Platform'), ('suspense', 'Suspense'), ('carried', 'Carried'), ('commons', 'Commons'), ('held', 'Held')]),
        ),
        migrations.AddConstraint(
            model_name='pool',
            constraint=models.UniqueConstraint(fields=('cycle', 'kind', 'table', 'model', 'dataset_version', 'part', 'currency'), name='pools_once'),
        ),
        migrations.AddConstraint(
            model_name='pool',
            constraint=models.CheckConstraint(condition=models.Q(('net_micros', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('distributable_micros'), '+', models.F('commons_micros')), '+', models.F('platform_micros')), '+', models.F('carried_out_micros')), '-', models.F('carried_in_micros')))), name='pools_conserve'),
        ),
        migrations.AddConstraint(
            model_name='pool',
            constraint=models.CheckConstraint(condition=models.Q(('carried_in_micros__lte', 0), ('carried_out_micros__lte', 0), ('commons_micros__gte', 0), ('denominator_ticks__gte', 0), ('distributable_micros__gte', 0), models.Q(('platform_micros__gte', 0), ('platform_micros__gte', models.F('deducted_micros')), _connector='OR')), name='pools_signs'),
        ),
        migrations.AddConstraint(
            model_name='rest',
            constraint=models.UniqueConstraint(fields=('pool', 'bucket', 'reason', 'contributor'), name='allocation_rest_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='rest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_micros__lt', 0), ('bucket', 'carried')), models.Q(('bucket', 'platform'), models.Q(('amount_micros', 0), _negated=True)), models.Q(('amount_micros__gt', 0), ('bucket', 'suspense')), models.Q(('amount_micros__gte', 0), ('bucket__in', ['commons', 'held'])), _connector='OR'), name='allocation_rest_signs'),
        ),
        migrations.AddConstraint(
            model_name='rest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('bucket', 'held'), ('contributor__isnull', False)), models.Q(models.Q(('bucket', 'held'), _negated=True), ('contributor__isnull', True)), _connector='OR'), name='allocation_rest_held_for_somebody'),
        ),
        migrations.AddConstraint(
            model_name='sale',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('model', ''), ('dataset_version', ''), _connector='OR'), models.Q(models.Q(('model', ''), _negated=True), models.Q(('dataset_version', ''), _negated=True), models.Q(('customer_id', ''), _negated=True), _connector='OR')), name='sales_one_target'),
        ),
        migrations.RunSQL(MANIFEST_MOVES + CHECK + SHA256 + LINES + POOLS, OLD_POOLS + _movements.LINES + _movements.SHA256 + _movements.CHECK + _OLD_MANIFEST_MOVES),
    ]
