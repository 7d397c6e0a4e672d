"""What is unusual about a calculated cycle, what an approver said to it, and the gate: no cycle is approved without a
review of its result, or while a finding that blocks is not overridden."""

import django.db.models.deletion
from django.db import migrations, models

TABLES = ("reviews_review", "reviews_finding", "reviews_decision")
FUNCTIONS = """
-- A decision is on a finding that blocks, of the same cycle, and not by who prepared it.
CREATE FUNCTION revshare_review_decides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM reviews_finding WHERE id = NEW.finding_id AND cycle_id = NEW.cycle_id AND blocks) THEN
        RAISE EXCEPTION 'finding % is of another cycle, or blocks nothing', NEW.finding_id USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM cycles_cycle WHERE id = NEW.cycle_id
               AND NEW."by" IN (locked_by, calculated_by, submitted_by)) THEN
        RAISE EXCEPTION 'finding %: % prepared the cycle, another person decides', NEW.finding_id, NEW."by"
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION revshare_review_gate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE open integer;
BEGIN
    IF NOT EXISTS (SELECT FROM reviews_review WHERE cycle_id = NEW.id AND result_digest = NEW.result_digest) THEN
        RAISE EXCEPTION 'cycle % cannot be approved: its result was not reviewed', NEW.key
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT min(f.number) INTO open FROM reviews_finding f WHERE f.cycle_id = NEW.id AND f.blocks AND coalesce(
        (SELECT d.action FROM reviews_decision d WHERE d.finding_id = f.id ORDER BY d.id DESC LIMIT 1), '') <> 'override';
    IF open IS NOT NULL THEN
        RAISE EXCEPTION 'cycle % cannot be approved: finding % is not overridden', NEW.key, open
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def _triggers():
    """(table, trigger, what follows CREATE TRIGGER name)."""
    for table in TABLES:
        yield table, "no_change", f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"
        yield table, "no_truncate", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"
        yield table, "only_while_open", (
            f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION "
            "revshare_only_while_open('cycle_id', 'cycles_cycle', 'id', 'p.state IN (''calculated'', ''in_review'')')")
    yield "reviews_decision", "decides", (
        "BEFORE INSERT ON reviews_decision FOR EACH ROW EXECUTE FUNCTION revshare_review_decides()")
    yield "cycles_cycle", "review_gate", (
        "BEFORE UPDATE ON cycles_cycle FOR EACH ROW WHEN (OLD.state = 'in_review' AND NEW.state = 'approved') "
        "EXECUTE FUNCTION revshare_review_gate()")


CREATE = FUNCTIONS + "".join(
    f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for table, name, body in _triggers()
) + """
CREATE VIEW audit.review AS SELECT id, cycle_id, before_id, result_digest, facts, made_at, made_by FROM reviews_review;

CREATE VIEW audit.review_finding AS
SELECT id, cycle_id, number, rule, subject, currency, blocks, says, measured, review_id FROM reviews_finding;

CREATE VIEW audit.review_decision AS SELECT id, finding_id, cycle_id, action, reason, at, "by" FROM reviews_decision;
"""
DROP = "DROP VIEW audit.review, audit.review_finding, audit.review_decision;\n" + "".join(
    f"DROP TRIGGER {table}_{name} ON {table};\n" for table, name, _ in _triggers()
) + "DROP FUNCTION revshare_review_decides(); DROP FUNCTION revshare_review_gate();"
RULES = ("contributors", "pools", "concentration", "sales", "assets")
PROTECT = django.db.models.deletion.PROTECT


class Migration(migrations.Migration):
    dependencies = [("revshare", "0024_reserves_set_off")]
    operations = [
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("result_digest", models.CharField(max_length=64)),
                ("facts", models.JSONField()),
                ("made_at", models.DateTimeField()),
                ("made_by", models.TextField()),
                ("before", models.ForeignKey(
                    blank=True, db_index=False, null=True, on_delete=PROTECT, related_name="+", to="revshare.cycle")),
                ("cycle", models.OneToOneField(on_delete=PROTECT, related_name="review", to="revshare.cycle")),
            ],
            options={"db_table": "reviews_review", "ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.IntegerField()),
                ("rule", models.TextField(choices=[(rule, rule) for rule in RULES])),
                ("subject", models.TextField(db_collation="C")),
                ("currency", models.CharField(blank=True, db_collation="C", default="", max_length=3)),
                ("blocks", models.BooleanField()),
                ("says", models.TextField()),
                ("measured", models.JSONField()),
                ("contributor", models.ForeignKey(
                    blank=True, db_index=False, null=True, on_delete=PROTECT, related_name="+", to="revshare.contributor")),
                ("cycle", models.ForeignKey(
                    db_index=False, on_delete=PROTECT, related_name="findings", to="revshare.cycle")),
                ("review", models.ForeignKey(
                    db_index=False, on_delete=PROTECT, related_name="findings", to="revshare.review")),
            ],
            options={"db_table": "reviews_finding", "ordering": ["cycle_id", "number"]},
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("action", models.TextField(choices=[("override", "override"), ("stop", "stop")])),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                ("by", models.TextField()),
                ("cycle", models.ForeignKey(db_index=False, on_delete=PROTECT, related_name="+", to="revshare.cycle")),
                ("finding", models.ForeignKey(on_delete=PROTECT, related_name="decisions", to="revshare.finding")),
            ],
            options={"db_table": "reviews_decision", "ordering": ["-id"]},
        ),
        migrations.AddConstraint(model_name="finding", constraint=models.UniqueConstraint(
            fields=("cycle", "number"), name="reviews_finding_once")),
        migrations.AddConstraint(model_name="finding", constraint=models.CheckConstraint(
            condition=models.Q(("rule__in", RULES)), name="reviews_finding_rule_known")),
        migrations.AddConstraint(model_name="decision", constraint=models.CheckConstraint(
            condition=models.Q(("action__in", ("override", "stop"))), name="reviews_decision_known")),
        migrations.AddConstraint(model_name="decision", constraint=models.CheckConstraint(
            condition=models.Q(("reason", ""), _negated=True), name="reviews_decision_says_why")),
        migrations.RunSQL(CREATE, DROP),
    ]
