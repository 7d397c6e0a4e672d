"""Debts take what cycles release of reserves, beside a part of what is earned."""

from django.db import migrations, models

VIEW = "CREATE OR REPLACE VIEW audit.recouped AS SELECT debt_id, cycle_id, earned_micros AS earned, amount_micros AS amount{more} FROM recoupments_recouped;"
NEW = VIEW.format(more=", released_micros AS released")
OLD = "DROP VIEW audit.recouped;\n" + VIEW.format(more="")
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM recoupments_recouped WHERE released_micros <> 0) THEN
        RAISE EXCEPTION 'debts of this instance took released reserves, which the version before does not know';
    END IF;
END $$;
"""


def _limit(of):
    return models.CheckConstraint(
        condition=models.Q(("amount_micros__gt", 0), ("amount_micros__lte", of)), name="recoupments_recouped_of_earnings"
    )


class Migration(migrations.Migration):
    dependencies = [("revshare", "0021_two_roles")]
    operations = [
        migrations.AddField(
            model_name="recouped", name="released_micros", field=models.BigIntegerField(default=0)
        ),
        migrations.RemoveConstraint(model_name="recouped", name="recoupments_recouped_of_earnings"),
        migrations.AddConstraint(
            model_name="recouped", constraint=_limit(models.F("earned_micros") + models.F("released_micros"))
        ),
        migrations.RunSQL(NEW, OLD),
        migrations.RunSQL("", REFUSE_LOSS),
    ]
