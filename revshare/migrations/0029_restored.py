"""An instance that came out of a backup neither publishes nor pays until it is reconciled, whoever asks the database."""

from django.db import migrations, models
from django.db.models import Q

TRIGGERS = {
    ("continuity_restoration", "no_delete"): "BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()",
    ("continuity_restoration", "no_truncate"):
        "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()",
    ("continuity_restoration", "moves"):
        "BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_restoration_moves()",
    ("cycles_cycle", "reconciled"):
        "BEFORE UPDATE ON {table} FOR EACH ROW WHEN (NEW.state = 'published' AND OLD.state <> 'published') "
        "EXECUTE FUNCTION revshare_reconciled('cycles', 'key', 'result_digest')",
    ("payouts_batch", "reconciled"):
        "BEFORE UPDATE ON {table} FOR EACH ROW WHEN (NEW.state IN ('approved', 'exported') AND OLD.state <> NEW.state) "
        "EXECUTE FUNCTION revshare_reconciled('batches', 'id', 'digest')",
}
CREATE = """
-- What a restore expects to be done again is said by the heads given to it; that it is reconciled is said once.
CREATE FUNCTION revshare_restoration_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.reconciled_at IS NOT NULL OR (NEW.id, NEW.backup_sha256, NEW.restored_at, NEW.restored_by)
        IS DISTINCT FROM (OLD.id, OLD.backup_sha256, OLD.restored_at, OLD.restored_by) THEN
        RAISE EXCEPTION 'UPDATE on continuity_restoration is refused: a restore is only ever reconciled, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION revshare_reconciled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE moved jsonb := to_jsonb(NEW);
BEGIN
    IF EXISTS (SELECT FROM continuity_restoration WHERE reconciled_at IS NULL
               AND expected->TG_ARGV[0]->>(moved->>TG_ARGV[1]) IS DISTINCT FROM moved->>TG_ARGV[2]) THEN
        RAISE EXCEPTION '% % on % is refused: this instance was restored and is not reconciled', TG_OP,
            moved->>TG_ARGV[1], TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
""" + "".join(
    f"CREATE TRIGGER {table}_{name} {body.format(table=table)};\n"
    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for (table, name), body in TRIGGERS.items()
)
DROP = (
    "".join(f"DROP TRIGGER {table}_{name} ON {table};\n" for table, name in TRIGGERS)
    + "DROP FUNCTION revshare_reconciled(); DROP FUNCTION revshare_restoration_moves();"
)
# A version that does not know that it is closed would open it.
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM continuity_restoration WHERE reconciled_at IS NULL) THEN
        RAISE EXCEPTION 'this instance was restored and is not reconciled, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0029_fencing")]
    operations = [
        migrations.CreateModel(
            name="Restoration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("backup_sha256", models.CharField(blank=True, max_length=64)),
                ("restored_at", models.DateTimeField()),
                ("restored_by", models.TextField()),
                ("expected", models.JSONField(blank=True, default=dict)),
                ("reconciled_at", models.DateTimeField(blank=True, null=True)),
                ("reconciled_by", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "continuity_restoration",
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        name="continuity_reconciled_by_somebody",
                        condition=Q(reconciled_at__isnull=True, reconciled_by="")
                        | Q(reconciled_at__isnull=False) & ~Q(reconciled_by="")),
                ],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
