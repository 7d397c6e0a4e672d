"""Debts of contributors, what cycles take back of them, and reserves."""

import django.db.models.deletion
from django.db import migrations, models

TABLES = ("recoupments_debt", "recoupments_step", "recoupments_recouped")
FUNCTIONS = """
-- A step begins where the last one ended. What is written off is what is left.
CREATE FUNCTION revshare_debt_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE state text; owed bigint; asker text;
BEGIN
    SELECT amount_micros, asked_by INTO owed, asker FROM recoupments_debt WHERE id = NEW.debt_id FOR UPDATE;
    SELECT target INTO state FROM recoupments_step WHERE debt_id = NEW.debt_id ORDER BY id DESC LIMIT 1;
    IF NEW.source <> coalesce(state, 'asked') THEN
        RAISE EXCEPTION 'debt % is %, not %', NEW.debt_id, coalesce(state, 'asked'), NEW.source
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.action = 'write_off' THEN
        owed := owed - coalesce((SELECT sum(amount_micros) FROM recoupments_recouped WHERE debt_id = NEW.debt_id), 0);
    END IF;
    IF NEW.action <> 'decline' AND NEW.amount_micros <> owed THEN
        RAISE EXCEPTION 'debt % is %, not %', NEW.debt_id, owed, NEW.amount_micros USING ERRCODE = 'check_violation';
    END IF;
    IF NEW."by" = asker AND NOT (NEW.action = 'book' AND EXISTS (
            SELECT FROM recoupments_debt WHERE id = NEW.debt_id AND kind = 'overpayment')) THEN
        RAISE EXCEPTION 'debt % was asked for by %: another person decides', NEW.debt_id, asker
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

-- Taken back is what is booked, from its day on, and never more than is left.
CREATE FUNCTION revshare_recouped() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE owed bigint; state text; late boolean;
BEGIN
    SELECT d.amount_micros, d.starts_on >= c.ends_on INTO owed, late FROM recoupments_debt d, cycles_cycle c
        WHERE d.id = NEW.debt_id AND c.id = NEW.cycle_id FOR UPDATE OF d;
    SELECT target INTO state FROM recoupments_step WHERE debt_id = NEW.debt_id ORDER BY id DESC LIMIT 1;
    IF state IS DISTINCT FROM 'booked' OR late THEN
        RAISE EXCEPTION 'debt % cannot be taken back: it is %, or its day has not come', NEW.debt_id, coalesce(state, 'asked')
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.amount_micros > owed - coalesce(
            (SELECT sum(amount_micros) FROM recoupments_recouped WHERE debt_id = NEW.debt_id), 0) THEN
        RAISE EXCEPTION 'debt %: more would be taken back than is left', NEW.debt_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
COLUMN = """
CREATE OR REPLACE FUNCTION revshare_statement_column(kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind IN ('payment', 'returned') THEN 'paid' WHEN kind = 'withholding' THEN 'withheld'
                WHEN kind IN ({held}) THEN 'held' ELSE 'adjusted' END
$$;
"""
NEW_COLUMN = COLUMN.format(held="'reserve', 'reserve_release', 'hold'")
OLD_COLUMN = COLUMN.format(held="'reserve', 'hold'")


def _triggers():
    """(table, trigger, what follows CREATE TRIGGER name)."""
    for table in TABLES:
        yield table, "no_change", f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"
        yield table, "no_truncate", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"
    yield "recoupments_step", "moves", "BEFORE INSERT ON recoupments_step FOR EACH ROW EXECUTE FUNCTION revshare_debt_moves()"
    yield "recoupments_recouped", "left", (
        "BEFORE INSERT ON recoupments_recouped FOR EACH ROW EXECUTE FUNCTION revshare_recouped()")
    for table in ("recoupments_debt", "recoupments_recouped"):
        yield table, "only_while_open", (
            f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "
            "revshare_only_while_open('cycle_id', 'cycles_cycle', 'id', 'p.state = ''locked''')")


CREATE = FUNCTIONS + "".join(
    f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for table, name, body in _triggers()
) + """
CREATE VIEW audit.debt AS
SELECT d.id, d.contributor_id, d.currency, d.kind, d.amount_micros AS amount, d.asked_by, d.noticed_on, d.starts_on,
       coalesce((SELECT target FROM recoupments_step s WHERE s.debt_id = d.id ORDER BY s.id DESC LIMIT 1), 'asked') AS state
FROM recoupments_debt d;

CREATE VIEW audit.recouped AS
SELECT debt_id, cycle_id, earned_micros AS earned, amount_micros AS amount FROM recoupments_recouped;
"""
DROP = "DROP VIEW audit.debt, audit.recouped;\n" + "".join(
    f"DROP TRIGGER {table}_{name} ON {table};\n" for table, name, _ in _triggers()
) + "DROP FUNCTION revshare_debt_moves(); DROP FUNCTION revshare_recouped();"
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM recoupments_debt) OR EXISTS (SELECT FROM ledger_journal WHERE kind = 'reserve_release')
       OR EXISTS (SELECT FROM ledger_leg WHERE account = 'receivable') THEN
        RAISE EXCEPTION 'this instance holds debts or released reserves, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0015_restatements'),
    ]

    operations = [
        migrations.CreateModel(
            name='Debt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(db_collation='C', max_length=3)),
                ('kind', models.TextField(choices=[('advance', 'advance'), ('overpayment', 'overpayment')])),
                ('amount_micros', models.BigIntegerField()),
                ('reason', models.TextField()),
                ('asked_at', models.DateTimeField()),
                ('asked_by', models.TextField()),
                ('noticed_on', models.DateField()),
                ('starts_on', models.DateField()),
            ],
            options={
                'db_table': 'recoupments_debt',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='DebtStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.TextField(choices=[('book', 'book'), ('decline', 'decline'), ('write_off', 'write_off')])),
                ('source', models.TextField()),
                ('target', models.TextField()),
                ('text', models.TextField()),
                ('at', models.DateTimeField()),
                ('by', models.TextField()),
                ('amount_micros', models.BigIntegerField(default=0)),
            ],
            options={
                'db_table': 'recoupments_step',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Recouped',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('earned_micros', models.BigIntegerField()),
                ('amount_micros', models.BigIntegerField()),
            ],
            options={
                'db_table': 'recoupments_recouped',
                'ordering': ['-id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='namedleg',
            name='ledger_leg_account_known',
        ),
        migrations.AddConstraint(
            model_name='namedleg',
            constraint=models.CheckConstraint(condition=models.Q(('account__regex', '^(sales|platform|suspense|carried|commons|held|reserve|withholding|bank|fx|advance|receivable|payable:.+)$')), name='ledger_leg_account_known'),
        ),
        migrations.AddField(
            model_name='debt',
            name='contributor',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='debts', to='revshare.contributor'),
        ),
        migrations.AddField(
            model_name='debt',
            name='cycle',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.cycle'),
        ),
        migrations.AddField(
            model_name='debtstep',
            name='debt',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='revshare.debt'),
        ),
        migrations.AddField(
            model_name='debtstep',
            name='journal',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.journal'),
        ),
        migrations.AddField(
            model_name='recouped',
            name='cycle',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.cycle'),
        ),
        migrations.AddField(
            model_name='recouped',
            name='debt',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='recouped', to='revshare.debt'),
        ),
        migrations.AddConstraint(
            model_name='debt',
            constraint=models.UniqueConstraint(condition=models.Q(('cycle__isnull', False)), fields=('cycle', 'contributor', 'currency'), name='recoupments_debt_found_once'),
        ),
        migrations.AddConstraint(
            model_name='debt',
            constraint=models.CheckConstraint(condition=models.Q(('amount_micros__gt', 0)), name='recoupments_debt_positive'),
        ),
        migrations.AddConstraint(
            model_name='debt',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('advance', 'overpayment'))), name='recoupments_debt_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='debt',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='recoupments_debt_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='debt',
            constraint=models.CheckConstraint(condition=models.Q(('starts_on__gte', models.F('noticed_on'))), name='recoupments_debt_after_notice'),
        ),
        migrations.AddConstraint(
            model_name='debtstep',
            constraint=models.UniqueConstraint(fields=('debt', 'source'), name='recoupments_step_once'),
        ),
        migrations.AddConstraint(
            model_name='debtstep',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('action', 'book'), ('amount_micros__gt', 0), ('journal__isnull', False), ('source', 'asked'), ('target', 'booked')), models.Q(('action', 'decline'), ('amount_micros', 0), ('journal__isnull', True), ('source', 'asked'), ('target', 'declined')), models.Q(('action', 'write_off'), ('amount_micros__gt', 0), ('journal__isnull', False), ('source', 'booked'), ('target', 'written_off')), _connector='OR'), name='recoupments_step_allowed'),
        ),
        migrations.AddConstraint(
            model_name='debtstep',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='recoupments_step_says_why'),
        ),
        migrations.AddConstraint(
            model_name='recouped',
            constraint=models.UniqueConstraint(fields=('debt', 'cycle'), name='recoupments_recouped_once'),
        ),
        migrations.AddConstraint(
            model_name='recouped',
            constraint=models.CheckConstraint(condition=models.Q(('amount_micros__gt', 0), ('amount_micros__lte', models.F('earned_micros'))), name='recoupments_recouped_of_earnings'),
        ),
        migrations.RunSQL(CREATE + NEW_COLUMN, OLD_COLUMN + DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
