"""Claims on assets, and the release of held money."""

import django.db.models.deletion
from django.db import migrations, models

TABLES = ("claims_claim", "claims_step", "allocation_held_release")
FUNCTION = """
-- A step begins where the last one ended, and the proof comes in time or not at all.
CREATE FUNCTION revshare_claim_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE state text; due timestamptz;
BEGIN
    SELECT due_at INTO due FROM claims_claim WHERE id = NEW.claim_id;
    SELECT target INTO state FROM claims_step WHERE claim_id = NEW.claim_id ORDER BY id DESC LIMIT 1;
    IF NEW.source <> coalesce(state, 'filed') THEN
        RAISE EXCEPTION 'claim % is %, not %', NEW.claim_id, coalesce(state, 'filed'), NEW.source
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.action = 'prove' AND NEW.at > due OR NEW.action = 'lapse' AND NEW.at <= due THEN
        RAISE EXCEPTION 'claim % cannot % at %', NEW.claim_id, NEW.action, NEW.at USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
-- Only what is held can be released.
CREATE FUNCTION revshare_release_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM allocation_rest WHERE id = NEW.rest_id AND bucket = 'held' AND amount_micros > 0) THEN
        RAISE EXCEPTION 'rest % is not held', NEW.rest_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def _triggers():
    """(table, trigger, what follows CREATE TRIGGER name)."""
    for table in TABLES:
        yield table, "no_change", f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"
        yield table, "no_truncate", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"
    yield "claims_step", "moves", "BEFORE INSERT ON claims_step FOR EACH ROW EXECUTE FUNCTION revshare_claim_moves()"
    yield "allocation_held_release", "held", (
        "BEFORE INSERT ON allocation_held_release FOR EACH ROW EXECUTE FUNCTION revshare_release_held()"
    )


CREATE = FUNCTION + "".join(
    f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for table, name, body in _triggers()
)
DROP = "".join(f"DROP TRIGGER {table}_{name} ON {table};\n" for table, name, _ in _triggers()) + (
    "DROP FUNCTION revshare_claim_moves(); DROP FUNCTION revshare_release_held();"
)
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM claims_claim) OR EXISTS (SELECT FROM allocation_held_release) THEN
        RAISE EXCEPTION 'this instance holds claims or released money, which the version before does not know';
    END IF;
END $$;
"""


def _contributor():
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="revshare.contributor")


def _id():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies = [("revshare", "0012_passed_on")]
    operations = [
        migrations.CreateModel(
            name="Claim",
            fields=[
                ("id", _id()),
                ("dataset_version", models.TextField(db_collation="C")),
                ("asset_id", models.TextField(db_collation="C")),
                ("proof", models.TextField()),
                ("filed_at", models.DateTimeField()),
                ("filed_by", models.TextField()),
                ("due_at", models.DateTimeField()),
                ("claimant", _contributor()),
            ],
            options={
                "db_table": "claims_claim",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["dataset_version", "asset_id"], name="claims_claim_by_asset")],
                "constraints": [
                    models.CheckConstraint(name="claims_claim_has_days", condition=models.Q(("due_at__gt", models.F("filed_at")))),
                    models.CheckConstraint(name="claims_claim_has_proof", condition=models.Q(("proof", ""), _negated=True)),
                ],
            },
        ),
        migrations.CreateModel(
            name="ClaimStep",
            fields=[
                ("id", _id()),
                ("action", models.TextField(choices=[
                    ("prove", "prove"), ("lapse", "lapse"), ("reject", "reject"), ("uphold", "uphold")])),
                ("source", models.TextField()),
                ("target", models.TextField()),
                ("text", models.TextField()),
                ("at", models.DateTimeField()),
                ("by", models.TextField()),
                ("claim", models.ForeignKey(
                    db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="revshare.claim")),
            ],
            options={
                "db_table": "claims_step",
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("claim", "source"), name="claims_step_once"),
                    models.CheckConstraint(name="claims_step_allowed", condition=models.Q(
                        models.Q(("action", "prove"), ("source", "filed"), ("target", "proven")),
                        models.Q(("action", "lapse"), ("source", "filed"), ("target", "lapsed")),
                        models.Q(("action", "reject"), ("source__in", ["filed", "proven"]), ("target", "rejected")),
                        models.Q(("action", "uphold"), ("source", "proven"), ("target", "upheld")), _connector="OR")),
                    models.CheckConstraint(name="claims_step_says_why", condition=models.Q(("text", ""), _negated=True)),
                ],
            },
        ),
        migrations.CreateModel(
            name="HeldRelease",
            fields=[
                ("rest", models.OneToOneField(
                    on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name="held_release", serialize=False,
                    to="revshare.rest")),
                ("contributor", _contributor()),
                ("journal", models.ForeignKey(
                    on_delete=django.db.models.deletion.PROTECT, related_name="+", to="revshare.journal")),
            ],
            options={"db_table": "allocation_held_release"},
        ),
        migrations.AddIndex("rest", models.Index(
            condition=models.Q(("bucket", "held")), fields=["reason", "contributor"], name="allocation_rest_held")),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
