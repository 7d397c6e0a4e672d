"""In which currency a contributor is paid, and payments out of balances in another."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

_payouts = import_module("revshare.migrations.0011_payouts")

TABLE = "payouts_currency"
NEW_FIXED = ("account_currency", "account_micros", "rate_upper", "rate_lower", "rate_on", "rate_source")
_SAME = _payouts._same("payouts_payment")


def _moves(fixed):
    """What of a payment must be as it was, besides what was always."""
    body = _payouts.FUNCTIONS.split("CREATE FUNCTION revshare_payment_moves(")[1].split("$$;")[0]
    assert body.count(_SAME) == 1
    names = (*_payouts.FIXED["payouts_payment"], *fixed)
    now, before = (", ".join(f"{row}.{name}" for name in names) for row in ("NEW", "OLD"))
    same = f"({now}) IS NOT DISTINCT FROM ({before})"
    return f"CREATE OR REPLACE FUNCTION revshare_payment_moves({body.replace(_SAME, same)}$$;"


# A payment of before was out of a balance in its own currency.
OF_BEFORE = """
ALTER TABLE payouts_payment DISABLE TRIGGER payouts_payment_moves;
UPDATE payouts_payment SET account_currency = currency, account_micros = amount_micros;
ALTER TABLE payouts_payment ENABLE ALWAYS TRIGGER payouts_payment_moves;
"""
TRIGGERS = {
    "no_change": f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()",
    "no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()",
}
CREATE = "".join(
    f"CREATE TRIGGER {TABLE}_{name} {body};\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_{name};\n"
    for name, body in TRIGGERS.items()
)
DROP = "".join(f"DROP TRIGGER {TABLE}_{name} ON {TABLE};\n" for name in TRIGGERS)
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM payouts_currency) OR EXISTS (SELECT FROM payouts_payment WHERE account_currency <> currency) THEN
        RAISE EXCEPTION 'this instance pays in other currencies than it owes, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0016_recoupment'),
    ]

    operations = [
        migrations.CreateModel(
            name='PayoutCurrency',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(blank=True, db_collation='C', default='', max_length=3)),
                ('source', models.TextField()),
                ('set_at', models.DateTimeField()),
                ('set_by', models.TextField()),
            ],
            options={
                'verbose_name_plural': 'payout currencies',
                'db_table': 'payouts_currency',
                'ordering': ['-id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='payment',
            name='payouts_payment_within_balance',
        ),
        migrations.RemoveConstraint(
            model_name='payment',
            name='payouts_one_live_payment',
        ),
        migrations.AddField(
            model_name='payment',
            name='account_currency',
            field=models.CharField(db_collation='C', default='', max_length=3),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='payment',
            name='account_micros',
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='payment',
            name='rate_lower',
            field=models.DecimalField(blank=True, decimal_places=0, max_digits=100, null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='rate_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='rate_source',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='payment',
            name='rate_upper',
            field=models.DecimalField(blank=True, decimal_places=0, max_digits=100, null=True),
        ),
        migrations.RunSQL(OF_BEFORE, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('account_micros__lte', models.F('balance_micros'))), name='payouts_payment_within_balance'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'live')), fields=('contributor', 'account_currency'), name='payouts_one_live_payment'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('account_currency', models.F('currency')), ('account_micros', models.F('amount_micros')), ('rate_lower', None), ('rate_on', None), ('rate_upper', None)), models.Q(models.Q(('account_currency', models.F('currency')), _negated=True), ('account_micros__gt', 0), ('rate_on__isnull', False), ('rate_upper__gt', 0), ('rate_upper__lt', 1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000), ('rate_lower__gt', 0), ('rate_lower__lt', 1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000)), _connector='OR'), name='payouts_payment_converted_at_a_rate'),
        ),
        migrations.AddField(
            model_name='payoutcurrency',
            name='contributor',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payout_currencies', to='revshare.contributor'),
        ),
        migrations.AddConstraint(
            model_name='payoutcurrency',
            constraint=models.CheckConstraint(condition=models.Q(('source', ''), _negated=True), name='payouts_currency_has_source'),
        ),
        migrations.AddField(
            model_name='paymentresult',
            name='amount_micros',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='paymentresult',
            constraint=models.CheckConstraint(condition=models.Q(('amount_micros', None), ('amount_micros__gt', 0), _connector='OR'), name='payouts_result_paid_something'),
        ),
        migrations.RunSQL(CREATE + _moves(NEW_FIXED), DROP + _moves(())),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
