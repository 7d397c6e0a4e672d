"""What becomes of money in suspense that no match lets out: decided once, by somebody, with a reason."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

_movements = import_module("revshare.migrations.0009_movements")
_restatements = import_module("revshare.migrations.0015_restatements")
_OLD_CORRECT = _movements._function(_restatements.FUNCTIONS, "revshare_correct_rest")
# No restatement changes what somebody settled.
CORRECT = _movements._changed(
    _OLD_CORRECT,
    ("WHERE rest_id = t.id);\n    IF left_over",
     "WHERE rest_id = t.id)\n            AND NOT EXISTS (SELECT FROM allocation_suspense_decision "
     "WHERE rest_id = t.id AND decision <> 'share');\n    IF left_over"),
)
# Money leaves suspense once: by a cycle's release or by a decision that settles it.
CREATE = """
CREATE FUNCTION revshare_decide_suspense() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM allocation_rest WHERE id = NEW.rest_id AND bucket = 'suspense') THEN
        RAISE EXCEPTION 'rest % is not in suspense', NEW.rest_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM allocation_release WHERE rest_id = NEW.rest_id) THEN
        RAISE EXCEPTION 'rest % is released already', NEW.rest_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION revshare_release_unsettled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM allocation_suspense_decision WHERE rest_id = NEW.rest_id AND decision <> 'share') THEN
        RAISE EXCEPTION 'rest % is settled already', NEW.rest_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER allocation_suspense_decision_moves BEFORE INSERT ON allocation_suspense_decision
    FOR EACH ROW EXECUTE FUNCTION revshare_decide_suspense();
ALTER TABLE allocation_suspense_decision ENABLE ALWAYS TRIGGER allocation_suspense_decision_moves;
CREATE TRIGGER allocation_suspense_decision_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON allocation_suspense_decision
    FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse();
ALTER TABLE allocation_suspense_decision ENABLE ALWAYS TRIGGER allocation_suspense_decision_no_change;
CREATE TRIGGER allocation_release_unsettled BEFORE INSERT ON allocation_release
    FOR EACH ROW EXECUTE FUNCTION revshare_release_unsettled();
ALTER TABLE allocation_release ENABLE ALWAYS TRIGGER allocation_release_unsettled;
"""
DROP = """
DROP TRIGGER allocation_release_unsettled ON allocation_release;
DROP TRIGGER allocation_suspense_decision_no_change ON allocation_suspense_decision;
DROP TRIGGER allocation_suspense_decision_moves ON allocation_suspense_decision;
DROP FUNCTION revshare_release_unsettled(); DROP FUNCTION revshare_decide_suspense();
"""
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM allocation_suspense_decision) THEN
        RAISE EXCEPTION 'this instance holds decisions about money in suspense, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0016_payout_currency")]
    operations = [
        migrations.CreateModel(
            name="SuspenseDecision",
            fields=[
                ("rest", models.OneToOneField(
                    on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name="decision",
                    serialize=False, to="revshare.rest")),
                ("decision", models.TextField(
                    choices=[(name, name) for name in ("share", "platform", "commons")], db_collation="C")),
                ("model", models.TextField(blank=True, db_collation="C", default="")),
                ("reason", models.TextField()),
                ("decided_at", models.DateTimeField()),
                ("decided_by", models.TextField()),
                ("journal", models.ForeignKey(
                    blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                    to="revshare.journal")),
            ],
            options={
                "db_table": "allocation_suspense_decision",
                "ordering": ["-rest_id"],
                "constraints": [
                    models.CheckConstraint(
                        name="allocation_suspense_decision_moves",
                        condition=Q(decision="share", journal__isnull=True)
                        | Q(decision__in=("platform", "commons"), journal__isnull=False, model="")),
                    models.CheckConstraint(name="allocation_suspense_decision_says_why", condition=~Q(reason="")),
                ],
            },
        ),
        migrations.RunSQL(CREATE + CORRECT, _OLD_CORRECT + DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
