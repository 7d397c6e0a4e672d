"""Holds, batches of payments and results: tables, what the database refuses, what auditors may read."""

import django.db.models.deletion
from django.db import migrations, models

# Fixed from the start of each table, but for what its moves below change.
FIXED = {
    "payouts_hold": ("contributor_id", "currency", "reason", "placed_at", "placed_by"),
    "payouts_batch": ("currency", "cycle_id", "prepared_at", "prepared_by"),
    "payouts_payment": (
        "batch_id", "payment_key", "contributor_id", "payee_id", "name", "currency", "amount_minor", "amount_micros",
        "balance_micros", "statement", "destination_sha256",
    ),
}


def _same(table):
    """What of a row must be as it was."""
    now, before = (", ".join(f"{row}.{name}" for name in FIXED[table]) for row in ("NEW", "OLD"))
    return f"({now}) IS NOT DISTINCT FROM ({before})"


FUNCTIONS = """
CREATE FUNCTION revshare_hold_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_at IS NOT NULL OR NEW.released_at IS NULL OR NOT (%(hold)s) THEN
        RAISE EXCEPTION 'UPDATE on payouts_hold is refused: a hold is only ever released, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- A batch is made whole, and then moves by the table of moves; what was approved is what was prepared.
CREATE FUNCTION revshare_batch_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found record;
BEGIN
    IF (OLD.state, NEW.state) NOT IN (('preparing', 'draft'), ('draft', 'approved'), ('approved', 'exported'),
            ('draft', 'cancelled'), ('approved', 'cancelled')) OR NOT (%(batch)s)
        OR OLD.state <> 'preparing' AND (NEW.digest, NEW.payments_count, NEW.total_minor)
            IS DISTINCT FROM (OLD.digest, OLD.payments_count, OLD.total_minor)
        OR NEW.state <> 'approved' AND (NEW.approved_at, NEW.approved_by, NEW.approved_digest)
            IS DISTINCT FROM (OLD.approved_at, OLD.approved_by, OLD.approved_digest)
        OR NEW.state <> 'exported' AND (NEW.exported_at, NEW.exported_by) IS DISTINCT FROM (OLD.exported_at, OLD.exported_by)
        OR NEW.state <> 'cancelled' AND (NEW.cancelled_at, NEW.cancelled_by)
            IS DISTINCT FROM (OLD.cancelled_at, OLD.cancelled_by) THEN
        RAISE EXCEPTION 'payment batch %% cannot move from %% to %% like this', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT count(*) AS payments, coalesce(sum(amount_minor), 0) AS minor,
           count(*) FILTER (WHERE currency <> NEW.currency OR state <> 'live') AS others
        INTO found FROM payouts_payment WHERE batch_id = NEW.id;
    IF found.payments <> NEW.payments_count OR found.minor <> NEW.total_minor OR found.others > 0 THEN
        RAISE EXCEPTION 'payment batch %% says %% payments of %% in all, and has %% of %%', NEW.id, NEW.payments_count,
            NEW.total_minor, found.payments, found.minor USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION revshare_batch_prepared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT state FROM payouts_batch WHERE id = NEW.id) = 'preparing' OR NEW.state <> 'preparing' THEN
        RAISE EXCEPTION 'payment batch %% was not prepared from its beginning to its end', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

-- A payment ends once: by the bank's results after its batch was exported, or with a batch that is given up.
CREATE FUNCTION revshare_payment_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE batch text;
BEGIN
    SELECT state INTO batch FROM payouts_batch WHERE id = NEW.batch_id;
    IF NOT (%(payment)s) OR (batch, OLD.state, NEW.state) NOT IN (
            ('exported', 'live', 'paid'), ('exported', 'live', 'returned'), ('exported', 'paid', 'returned'),
            ('cancelled', 'live', 'cancelled')) THEN
        RAISE EXCEPTION 'payment %% of a batch that is %% cannot move from %% to %% like this', OLD.payment_key, batch,
            OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
""" % {name: _same(f"payouts_{name}") for name in ("hold", "batch", "payment")}


def _triggers():
    """(table, trigger, what follows CREATE TRIGGER name)."""
    for table in FIXED:
        yield table, "no_delete", f"BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"
        name = table.removeprefix("payouts_")
        yield table, "moves", f"BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_{name}_moves()"
    yield "payouts_result", "no_change", (
        "BEFORE UPDATE OR DELETE ON payouts_result FOR EACH ROW EXECUTE FUNCTION revshare_refuse()")
    for table in (*FIXED, "payouts_result"):
        yield table, "no_truncate", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"
    for table, column, parent, condition in (
        ("payouts_payment", "batch_id", "payouts_batch", "p.state = ''preparing''"),
        ("payouts_result", "payment_id", "payouts_payment", "p.state IN (''paid'', ''returned'')"),
    ):
        yield table, "only_while_open", (
            f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
            f"EXECUTE FUNCTION revshare_only_while_open('{column}', '{parent}', 'id', '{condition}')")


TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for table, name, body in _triggers()
) + """
CREATE CONSTRAINT TRIGGER payouts_batch_prepared AFTER INSERT ON payouts_batch DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION revshare_batch_prepared();
ALTER TABLE payouts_batch ENABLE ALWAYS TRIGGER payouts_batch_prepared;
"""
DROP_FUNCTIONS = "".join(
    f"DROP FUNCTION revshare_{name}() CASCADE;" for name in ("hold_moves", "batch_moves", "batch_prepared", "payment_moves")
)
VIEWS = """
CREATE VIEW audit.batch AS
SELECT id, currency, state, digest, total_minor, payments_count AS payments, prepared_by AS created_by,
       nullif(approved_by, '') AS approved_by
FROM payouts_batch;

CREATE VIEW audit.payment AS
SELECT batch_id, payment_key, contributor_id, currency, amount_minor, destination_sha256, state FROM payouts_payment;
"""
DROP_VIEWS = "DROP VIEW audit.batch, audit.payment;"
REFUSE_BACK = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM payouts_batch) OR EXISTS (SELECT FROM payouts_hold) THEN
        RAISE EXCEPTION 'this instance holds payments, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0010_rules'),
    ]

    operations = [
        migrations.AlterField(
            model_name='ingestedfile',
            name='kind',
            field=models.TextField(choices=[('contributors', 'contributors'), ('attributions', 'attributions'), ('consents', 'consents'), ('rates', 'rates'), ('models', 'models'), ('sales', 'sales'), ('measures', 'measures'), ('outputs', 'outputs'), ('usage', 'usage'), ('splits', 'splits'), ('payment_results', 'payment_results')]),
        ),
        migrations.AlterField(
            model_name='upload',
            name='kind',
            field=models.TextField(choices=[('contributors', 'contributors'), ('attributions', 'attributions'), ('consents', 'consents'), ('rates', 'rates'), ('models', 'models'), ('sales', 'sales'), ('measures', 'measures'), ('outputs', 'outputs'), ('usage', 'usage'), ('splits', 'splits'), ('payment_results', 'payment_results')]),
        ),
        migrations.CreateModel(
            name='PaymentBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(db_collation='C', max_length=3)),
                ('state', models.TextField(choices=[('preparing', 'preparing'), ('draft', 'draft'), ('approved', 'approved'), ('exported', 'exported'), ('cancelled', 'cancelled')])),
                ('payments_count', models.IntegerField(default=0)),
                ('total_minor', models.BigIntegerField(default=0)),
                ('digest', models.TextField(blank=True, default='')),
                ('prepared_at', models.DateTimeField()),
                ('prepared_by', models.TextField()),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('approved_by', models.TextField(blank=True, default='')),
                ('approved_digest', models.TextField(blank=True, default='')),
                ('exported_at', models.DateTimeField(blank=True, null=True)),
                ('exported_by', models.TextField(blank=True, default='')),
                ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                ('cancelled_by', models.TextField(blank=True, default='')),
                ('cycle', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payment_batches', to='revshare.cycle')),
            ],
            options={
                'verbose_name_plural': 'payment batches',
                'db_table': 'payouts_batch',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('payment_key', models.TextField(db_collation='C', unique=True)),
                ('payee_id', models.TextField()),
                ('name', models.TextField(blank=True)),
                ('currency', models.CharField(db_collation='C', max_length=3)),
                ('amount_minor', models.BigIntegerField()),
                ('amount_micros', models.BigIntegerField()),
                ('balance_micros', models.BigIntegerField()),
                ('statement', models.TextField()),
                ('destination_sha256', models.CharField(max_length=64)),
                ('state', models.TextField(choices=[('live', 'live'), ('paid', 'paid'), ('returned', 'returned'), ('cancelled', 'cancelled')], default='live')),
                ('contributor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='revshare.contributor')),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='revshare.paymentbatch')),
            ],
            options={
                'db_table': 'payouts_payment',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='PaymentResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('result', models.TextField(choices=[('paid', 'paid'), ('returned', 'returned')])),
                ('dated', models.DateField()),
                ('reference', models.TextField()),
                ('reason', models.TextField(blank=True, default='')),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payment_results', to='revshare.ingestedfile')),
                ('journal', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='payment_result', to='revshare.journal')),
                ('payment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='results', to='revshare.payment')),
            ],
            options={
                'db_table': 'payouts_result',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(blank=True, db_collation='C', default='', max_length=3)),
                ('reason', models.TextField()),
                ('placed_at', models.DateTimeField()),
                ('placed_by', models.TextField()),
                ('released_at', models.DateTimeField(blank=True, null=True)),
                ('released_by', models.TextField(blank=True, default='')),
                ('release_reason', models.TextField(blank=True, default='')),
                ('contributor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payment_holds', to='revshare.contributor')),
            ],
            options={
                'db_table': 'payouts_hold',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('released_at__isnull', True)), fields=('contributor', 'currency'), name='payouts_hold_once'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='payouts_hold_has_reason'), models.CheckConstraint(condition=models.Q(models.Q(('released_at__isnull', True), ('released_by', '')), models.Q(('released_at__isnull', False), models.Q(('released_by', ''), _negated=True)), _connector='OR'), name='payouts_hold_released_by_somebody')],
            },
        ),
        migrations.AddConstraint(
            model_name='paymentbatch',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('preparing', 'draft', 'approved', 'exported', 'cancelled'))), name='payouts_batch_state_known'),
        ),
        migrations.AddConstraint(
            model_name='paymentbatch',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'preparing'), models.Q(models.Q(('digest', ''), _negated=True), ('payments_count__gt', 0), ('total_minor__gt', 0)), _connector='OR'), name='payouts_batch_pays'),
        ),
        migrations.AddConstraint(
            model_name='paymentbatch',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by', ''), models.Q(models.Q(('approved_by', models.F('prepared_by')), _negated=True), ('approved_digest', models.F('digest'))), _connector='OR'), name='payouts_batch_approved_by_another'),
        ),
        migrations.AddConstraint(
            model_name='paymentbatch',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['approved', 'exported']), _negated=True), models.Q(('approved_by', ''), _negated=True), _connector='OR'), name='payouts_batch_exported_is_approved'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('live', 'paid', 'returned', 'cancelled'))), name='payouts_payment_state_known'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_micros__gt', 0), ('amount_minor__gt', 0)), name='payouts_payment_positive'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_micros__lte', models.F('balance_micros'))), name='payouts_payment_within_balance'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'live')), fields=('contributor', 'currency'), name='payouts_one_live_payment'),
        ),
        migrations.AddConstraint(
            model_name='paymentresult',
            constraint=models.UniqueConstraint(fields=('payment', 'result'), name='payouts_result_once'),
        ),
        migrations.AddConstraint(
            model_name='paymentresult',
            constraint=models.CheckConstraint(condition=models.Q(('result__in', ('paid', 'returned'))), name='payouts_result_known'),
        ),
        migrations.RunSQL(FUNCTIONS + TRIGGERS + VIEWS, DROP_VIEWS + DROP_FUNCTIONS),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_BACK),
    ]
