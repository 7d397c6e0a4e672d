"""Files that are void, and closed cycles computed again: what comes out differently, and what becomes of it."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

_parts = import_module("revshare.migrations.0007_parts_of_sales")
_changed = import_module("revshare.migrations.0009_movements")._changed
_function = import_module("revshare.migrations.0009_movements")._function

APPEND_ONLY = (
    "files_void", "allocation_correction", "pools_carry_correction", "restatements_restatement", "restatements_line",
    "restatements_step",
)
FUNCTIONS = """
CREATE FUNCTION revshare_last_restatement(cycle bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT r.id FROM restatements_restatement r JOIN restatements_step s ON s.restatement_id = r.id AND s.action = 'post'
    WHERE r.cycle_id = cycle ORDER BY s.journal_id DESC LIMIT 1
$$;

-- What it is compared with is a published cycle and the last of its restatements that was posted.
CREATE FUNCTION revshare_restatement_drafted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM cycles_cycle WHERE id = NEW.cycle_id AND state IN ('published', 'settled');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'cycle % is not published: there is nothing to restate', NEW.cycle_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.base_id IS DISTINCT FROM revshare_last_restatement(NEW.cycle_id) THEN
        RAISE EXCEPTION 'restatement % does not go by the last one that was posted', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Its lines are there before it is: once it stands, none is added.
CREATE FUNCTION revshare_restatement_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM restatements_restatement WHERE id IN (SELECT restatement_id FROM new_rows)) THEN
        RAISE EXCEPTION 'INSERT into restatements_line is refused: the restatement is drafted'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- Approved by another person, over its digest; posted once approved; and void once another was posted.
CREATE FUNCTION revshare_restatement_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r restatements_restatement;
BEGIN
    SELECT * INTO r FROM restatements_restatement WHERE id = NEW.restatement_id;
    IF r.base_id IS DISTINCT FROM revshare_last_restatement(r.cycle_id) OR NEW.digest <> r.digest
        OR NEW.action = 'approve' AND NEW."by" = r.drafted_by
        OR NEW.action = 'post' AND NOT EXISTS (
            SELECT FROM restatements_step WHERE restatement_id = r.id AND action = 'approve')
        OR NEW.action = 'post' AND NOT EXISTS (
            SELECT FROM ledger_journal WHERE seq = NEW.journal_id AND kind = 'restatement' AND sealed) THEN
        RAISE EXCEPTION 'restatement % cannot %: it is not approved over this digest, or another was posted since',
            r.id, NEW.action USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Only what nobody got yet, and never below nothing.
CREATE FUNCTION revshare_correct_rest() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE left_over numeric;
BEGIN
    SELECT t.amount_micros + NEW.amount_micros + coalesce((
            SELECT sum(amount_micros) FROM allocation_correction WHERE rest_id = t.id), 0)
        INTO left_over FROM allocation_rest t WHERE t.id = NEW.rest_id AND t.bucket IN ('suspense', 'held')
            AND NOT EXISTS (SELECT FROM allocation_release WHERE rest_id = t.id)
            AND NOT EXISTS (SELECT FROM allocation_held_release WHERE rest_id = t.id);
    IF left_over IS NULL OR left_over < 0 THEN
        RAISE EXCEPTION 'rest % cannot be corrected by %', NEW.rest_id, NEW.amount_micros
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Corrections come with the posting of a restatement, not later.
CREATE FUNCTION revshare_corrected_by() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM restatements_step WHERE journal_id = NEW.journal_id)
        OR NOT EXISTS (SELECT FROM ledger_journal WHERE seq = NEW.journal_id AND kind = 'restatement') THEN
        RAISE EXCEPTION 'journal % is no restatement that is being posted', NEW.journal_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Windows come with the lock of their cycle; those of a restatement, with its posting.
CREATE FUNCTION revshare_window_open() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE closed text;
BEGIN
    WITH held AS (SELECT p.id FROM cycles_cycle p JOIN new_rows w ON w.cycle_id = p.id
                  WHERE w.restatement_id IS NULL AND p.state = 'open' FOR SHARE OF p)
    SELECT w.cycle_id::text INTO closed FROM new_rows w
    WHERE w.restatement_id IS NULL AND w.cycle_id NOT IN (SELECT id FROM held)
        OR w.restatement_id IS NOT NULL AND (
            NOT EXISTS (SELECT FROM restatements_restatement r JOIN cycles_cycle c ON c.id = r.cycle_id
                        WHERE r.id = w.restatement_id AND (w.cycle_id, w.starts_at, w.ends_at, w.after_seq, w.upto_seq)
                            = (r.cycle_id, c.starts_at, c.ends_at, r.after_seq, r.upto_seq))
            OR EXISTS (SELECT FROM restatements_step WHERE restatement_id = w.restatement_id AND action = 'post'))
    LIMIT 1;
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'INSERT into cycles_window is refused: cycles_cycle % is closed', closed
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
"""
FUNCTION_NAMES = (
    "revshare_window_open", "revshare_corrected_by", "revshare_correct_rest", "revshare_restatement_moves",
    "revshare_restatement_lines", "revshare_restatement_drafted",
)


def _triggers():
    """(table, trigger, what follows CREATE TRIGGER name)."""
    for table in APPEND_ONLY:
        yield table, "no_change", (
            f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"
        )
    for table, name, function in (
        ("restatements_restatement", "drafted", "revshare_restatement_drafted"),
        ("restatements_step", "moves", "revshare_restatement_moves"),
        ("allocation_correction", "left", "revshare_correct_rest"),
        ("allocation_correction", "posted", "revshare_corrected_by"),
        ("pools_carry_correction", "posted", "revshare_corrected_by"),
    ):
        yield table, name, f"BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
    yield "restatements_line", "drafted", (
        "AFTER INSERT ON restatements_line REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
        "EXECUTE FUNCTION revshare_restatement_lines()"
    )


def _made(triggers):
    return "".join(
        f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
        for table, name, body in triggers
    )


OLD_WINDOW = "revshare_only_while_open('cycle_id', 'cycles_cycle', 'id', 'p.state = ''open''')"


def _window(function):
    table, name = "cycles_window", "only_while_open"
    body = f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION {function}"
    return f"DROP TRIGGER {table}_{name} ON {table};\n" + _made([(table, name, body)])


_OLD_SALES = "".join(
    _function(_parts.FUNCTIONS, name) for name in ("revshare_sales_arrived", "revshare_attach_sales"))
# The ids of a file that is void may come again: in a partition of their own, or beside one.
COUNTS = "AND NOT EXISTS (SELECT FROM files_void v WHERE v.file_id = s.file_id)"
SALES = _changed(
    _OLD_SALES,
    ("ON s.sale_id = n.sale_id WHERE s.part <> 0)", f"ON s.sale_id = n.sale_id WHERE s.part <> 0 {COUNTS})"),
    ("ON s.sale_id = n.sale_id WHERE s.part <> %s'", f"ON s.sale_id = n.sale_id WHERE s.part <> %s {COUNTS}'"),
)
# What a restatement took is in no cycle: the pools of its cycle do not have it.
AUDIT_SALE = "DROP VIEW audit.sale;\n" + _changed(
    _parts._AUDIT_SALE,
    ("w.cycle_id,", "CASE WHEN w.restatement_id IS NULL THEN w.cycle_id END AS cycle_id,"),
    ("coalesce(w.late, false) AS late", "coalesce(w.late, false) AS late, w.restatement_id"),
    ("LEFT JOIN cycles_window w ON",
     """LEFT JOIN (SELECT w.*, ARRAY(SELECT jsonb_array_elements_text(coalesce(r.pinned, c.pinned)->'voided')::bigint) AS voided
           FROM cycles_window w JOIN cycles_cycle c ON c.id = w.cycle_id
           LEFT JOIN restatements_restatement r ON r.id = w.restatement_id OFFSET 0) w
    ON s.file_id <> ALL(w.voided) AND"""),
)
AUDIT = """
CREATE VIEW audit.void AS SELECT file_id, reason, arrival, voided_at, voided_by FROM files_void;
CREATE VIEW audit.restatement AS
SELECT r.id, r.cycle_id, r.number, r.words, r.digest, r.drafted_by, a.by AS approved_by, p.by AS posted_by, p.journal_id
FROM restatements_restatement r
LEFT JOIN restatements_step a ON a.restatement_id = r.id AND a.action = 'approve'
LEFT JOIN restatements_step p ON p.restatement_id = r.id AND p.action = 'post';
CREATE VIEW audit.restatement_line AS
SELECT restatement_id, bucket, "table" AS stream, nullif(model, '') AS model,
       nullif(dataset_version, '') AS dataset_version, part, currency, reason, contributor_id, old_micros AS old,
       new_micros AS new, new_micros - old_micros AS difference
FROM restatements_line;
"""
CREATE = FUNCTIONS + _made(_triggers()) + _window("revshare_window_open()") + SALES + AUDIT_SALE + AUDIT
DROP = (
    "DROP VIEW audit.void, audit.restatement, audit.restatement_line;\n"
    + "DROP VIEW audit.sale;\n" + _parts._AUDIT_SALE + _OLD_SALES + _window(OLD_WINDOW)
    + "".join(f"DROP TRIGGER {table}_{name} ON {table};\n" for table, name, _ in _triggers())
    + "".join(f"DROP FUNCTION {name}();\n" for name in FUNCTION_NAMES)
    + "DROP FUNCTION revshare_last_restatement(bigint);\n"
)
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM files_void) OR EXISTS (SELECT FROM restatements_restatement) THEN
        RAISE EXCEPTION 'this instance holds void files or restatements, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('revshare', '0012_claims'),
    ]

    operations = [
        migrations.CreateModel(
            name='CarryCorrection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('table', models.TextField(db_collation='C')),
                ('model', models.TextField(db_collation='C')),
                ('dataset_version', models.TextField(db_collation='C')),
                ('part', models.TextField(db_collation='C')),
                ('currency', models.CharField(db_collation='C', max_length=3)),
                ('amount_micros', models.BigIntegerField()),
            ],
            options={
                'db_table': 'pools_carry_correction',
            },
        ),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount_micros', models.BigIntegerField()),
            ],
            options={
                'db_table': 'allocation_correction',
            },
        ),
        migrations.CreateModel(
            name='Restatement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.IntegerField()),
                ('words', models.TextField()),
                ('options', models.JSONField()),
                ('pinned', models.JSONField()),
                ('after_seq', models.BigIntegerField(blank=True, null=True)),
                ('upto_seq', models.BigIntegerField(blank=True, null=True)),
                ('totals', models.JSONField()),
                ('digest', models.CharField(max_length=64)),
                ('drafted_at', models.DateTimeField()),
                ('drafted_by', models.TextField()),
            ],
            options={
                'db_table': 'restatements_restatement',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='RestatementLine',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('bucket', models.TextField(choices=[('contributor', 'contributor'), ('split', 'split'), ('platform', 'platform'), ('suspense', 'suspense'), ('commons', 'commons'), ('held', 'held'), ('carried', 'carried'), ('sales', 'sales'), ('fx', 'fx')], db_collation='C')),
                ('table', models.TextField(db_collation='C')),
                ('model', models.TextField(db_collation='C')),
                ('dataset_version', models.TextField(db_collation='C')),
                ('part', models.TextField(db_collation='C')),
                ('currency', models.CharField(db_collation='C', max_length=3)),
                ('reason', models.TextField(db_collation='C')),
                ('old_micros', models.BigIntegerField()),
                ('new_micros', models.BigIntegerField()),
            ],
            options={
                'db_table': 'restatements_line',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='RestatementStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.TextField(choices=[('approve', 'approve'), ('post', 'post')])),
                ('digest', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
                ('by', models.TextField()),
            ],
            options={
                'db_table': 'restatements_step',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Void',
            fields=[
                ('file', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='void', serialize=False, to='revshare.ingestedfile')),
                ('reason', models.TextField()),
                ('arrival', models.BigIntegerField()),
                ('voided_at', models.DateTimeField()),
                ('voided_by', models.TextField()),
            ],
            options={
                'db_table': 'files_void',
                'ordering': ['-file_id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='measure',
            name='measures_measure_once',
        ),
        migrations.RemoveConstraint(
            model_name='output',
            name='measures_output_once',
        ),
        migrations.RemoveConstraint(
            model_name='pool',
            name='pools_signs',
        ),
        migrations.RemoveConstraint(
            model_name='usage',
            name='measures_usage_once',
        ),
        migrations.AddField(
            model_name='measure',
            name='after_voids',
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='output',
            name='after_voids',
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='usage',
            name='after_voids',
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name='measure',
            constraint=models.UniqueConstraint(fields=('measure', 'starts_on', 'ends_on', 'contributor', 'after_voids'), name='measures_measure_once'),
        ),
        migrations.AddConstraint(
            model_name='output',
            constraint=models.UniqueConstraint(fields=('sale_id', 'role', 'contributor', 'after_voids'), name='measures_output_once'),
        ),
        migrations.AddConstraint(
            model_name='pool',
            constraint=models.CheckConstraint(condition=models.Q(('carried_out_micros__lte', 0), ('commons_micros__gte', 0), ('denominator_ticks__gte', 0), ('distributable_micros__gte', models.F('released_micros')), ('released_micros__gte', 0), models.Q(('platform_micros__gte', 0), ('platform_micros__gte', models.F('deducted_micros')), _connector='OR')), name='pools_signs'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.UniqueConstraint(fields=('customer_id', 'model', 'day', 'after_voids'), name='measures_usage_once'),
        ),
        migrations.AddField(
            model_name='carrycorrection',
            name='cycle',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.cycle'),
        ),
        migrations.AddField(
            model_name='carrycorrection',
            name='journal',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.journal'),
        ),
        migrations.AddField(
            model_name='correction',
            name='journal',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.journal'),
        ),
        migrations.AddField(
            model_name='correction',
            name='rest',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='revshare.rest'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='base',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.restatement'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='cycle',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='restatements', to='revshare.cycle'),
        ),
        migrations.AddField(
            model_name='restatement',
            name='policy',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.policy'),
        ),
        migrations.AddField(
            model_name='window',
            name='restatement',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='windows', to='revshare.restatement'),
        ),
        migrations.AddField(
            model_name='restatementline',
            name='contributor',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='revshare.contributor'),
        ),
        migrations.AddField(
            model_name='restatementline',
            name='restatement',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='revshare.restatement'),
        ),
        migrations.AddField(
            model_name='restatementstep',
            name='journal',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='restatement', to='revshare.journal'),
        ),
        migrations.AddField(
            model_name='restatementstep',
            name='restatement',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='revshare.restatement'),
        ),
        migrations.AddConstraint(
            model_name='void',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='files_void_says_why'),
        ),
        migrations.AddConstraint(
            model_name='carrycorrection',
            constraint=models.UniqueConstraint(fields=('journal', 'table', 'model', 'dataset_version', 'part', 'currency'), name='pools_carry_correction_once'),
        ),
        migrations.AddConstraint(
            model_name='carrycorrection',
            constraint=models.CheckConstraint(condition=models.Q(('amount_micros', 0), _negated=True), name='pools_carry_correction_something'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.UniqueConstraint(fields=('rest', 'journal'), name='allocation_correction_once'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(('amount_micros', 0), _negated=True), name='allocation_correction_something'),
        ),
        migrations.AddConstraint(
            model_name='restatement',
            constraint=models.UniqueConstraint(fields=('cycle', 'number'), name='restatements_number_once'),
        ),
        migrations.AddConstraint(
            model_name='restatement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('after_seq__isnull', True), ('upto_seq__isnull', True)), ('upto_seq__gt', models.F('after_seq')), _connector='OR'), name='restatements_late_range'),
        ),
        migrations.AddConstraint(
            model_name='restatementline',
            constraint=models.UniqueConstraint(fields=('restatement', 'bucket', 'contributor', 'currency', 'table', 'model', 'dataset_version', 'part', 'reason'), name='restatements_line_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='restatementline',
            constraint=models.CheckConstraint(condition=models.Q(('old_micros', models.F('new_micros')), _negated=True), name='restatements_line_differs'),
        ),
        migrations.AddConstraint(
            model_name='restatementline',
            constraint=models.CheckConstraint(condition=models.Q(('bucket__in', ('contributor', 'split', 'platform', 'suspense', 'commons', 'held', 'carried', 'sales', 'fx'))), name='restatements_line_bucket'),
        ),
        migrations.AddConstraint(
            model_name='restatementline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('bucket__in', ['contributor', 'split', 'held']), ('contributor__isnull', False)), models.Q(models.Q(('bucket__in', ['contributor', 'split', 'held']), _negated=True), ('contributor__isnull', True)), _connector='OR'), name='restatements_line_of_somebody'),
        ),
        migrations.AddConstraint(
            model_name='restatementstep',
            constraint=models.UniqueConstraint(fields=('restatement', 'action'), name='restatements_step_once'),
        ),
        migrations.AddConstraint(
            model_name='restatementstep',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('action', 'approve'), ('journal__isnull', True)), models.Q(('action', 'post'), ('journal__isnull', False)), _connector='OR'), name='restatements_step_allowed'),
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
