"""A restatement may take chosen late sales: then what it takes is several ranges of arrivals, and each is a window."""

from importlib import import_module

from django.db import migrations, models
from django.db.models import F, Q

_restatements = import_module("revshare.migrations.0015_restatements")
_movements = import_module("revshare.migrations.0009_movements")

OLD = _movements._function(_restatements.FUNCTIONS, "revshare_window_open")
NEW = _movements._changed(
    OLD,
    ("(w.cycle_id, w.starts_at, w.ends_at, w.after_seq, w.upto_seq)", "(w.cycle_id, w.starts_at, w.ends_at)"),
    ("(r.cycle_id, c.starts_at, c.ends_at, r.after_seq, r.upto_seq))",
     """(r.cycle_id, c.starts_at, c.ends_at)
                            AND ((w.after_seq, w.upto_seq) = (r.after_seq, r.upto_seq) OR EXISTS (
                                SELECT FROM jsonb_array_elements(r.ranges) e
                                WHERE e = jsonb_build_array(w.after_seq, w.upto_seq))))"""),
)
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM restatements_restatement WHERE ranges <> '[]' OR pinned->'also' <> '[]') THEN
        RAISE EXCEPTION 'this instance holds restatements with chosen late files or sales, which the version before does '
            'not know';
    END IF;
END $$;
"""
NAME = "restatements_late_range"


def late_range(**one):
    return models.CheckConstraint(
        condition=Q(after_seq__isnull=True, upto_seq__isnull=True) | Q(upto_seq__gt=F("after_seq"), **one), name=NAME
    )


class Migration(migrations.Migration):

    dependencies = [("revshare", "0031_indexes_of_sales")]

    operations = [
        migrations.RemoveConstraint(model_name="restatement", name=NAME),
        migrations.AddField("restatement", "ranges", models.JSONField(default=list, db_default=[])),
        migrations.AddConstraint(model_name="restatement", constraint=late_range(ranges=[])),
        migrations.RunSQL(NEW, OLD),
        migrations.RunSQL(migrations.RunSQL.noop, REFUSE_LOSS),
    ]
