"""The notice of a new destination is a letter of the queue; its address only goes, with its contributor's other data.
A destination cools off for as long as the rules say, whoever adds it."""

from datetime import timedelta

from django.db import migrations, models

TABLE = "payouts_destination_notice"
FUNCTION = """
CREATE FUNCTION revshare_notice_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'address' <> to_jsonb(OLD) - 'address' OR NEW.address NOT IN ('', OLD.address) THEN
        RAISE EXCEPTION 'the notice of destination % goes to the address that was known then', OLD.destination_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
TRIGGERS = {
    "moves": f"BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION revshare_notice_moves()",
    "no_delete": f"BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()",
    "no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()",
}
CREATE = FUNCTION + "".join(
    f"CREATE TRIGGER {TABLE}_{name} {body};\nALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_{name};\n"
    for name, body in TRIGGERS.items()
)
DROP = "".join(f"DROP TRIGGER {TABLE}_{name} ON {TABLE};\n" for name in TRIGGERS) + "DROP FUNCTION revshare_notice_moves();"
KINDS = ("invitation", "statement_published", "action_needed", "claim_decided", "security", "destination")
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM mail_message WHERE kind = 'destination') THEN
        RAISE EXCEPTION 'this instance holds letters about destinations, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0032_chosen_late_sales")]
    operations = [
        migrations.RemoveField("destinationnotice", "sent_at"),
        migrations.AlterField("destinationnotice", "address", models.TextField(blank=True)),
        migrations.RemoveConstraint("message", "mail_message_kind"),
        migrations.AlterField("message", "kind", models.TextField(choices=[(kind, kind) for kind in KINDS])),
        migrations.AddConstraint(
            "message", models.CheckConstraint(condition=models.Q(("kind__in", KINDS)), name="mail_message_kind")
        ),
        migrations.RemoveConstraint("destination", "payouts_destination_cools_off"),
        migrations.AddConstraint(
            "destination",
            models.CheckConstraint(
                condition=models.Q(("usable_from__gte", models.F("set_at") + timedelta(days=7))),
                name="payouts_destination_cools_off",
            ),
        ),
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
