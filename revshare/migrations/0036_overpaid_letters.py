"""A letter says that an overpayment is going to be taken back, before it is."""

from django.db import migrations, models

KINDS = ("invitation", "statement_published", "action_needed", "claim_decided", "security", "destination", "overpaid")
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM mail_message WHERE kind = 'overpaid') THEN
        RAISE EXCEPTION 'this instance holds letters about overpayments, which the version before does not know';
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0035_first_passwords")]
    operations = [
        migrations.RemoveConstraint("message", "mail_message_kind"),
        migrations.AlterField("message", "kind", models.TextField(choices=[(kind, kind) for kind in KINDS])),
        migrations.AddConstraint(
            "message", models.CheckConstraint(condition=models.Q(("kind__in", KINDS)), name="mail_message_kind")
        ),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
