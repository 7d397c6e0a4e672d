"""What had been opted out of a manifest before it was frozen, told without looking into the lake; and names of sales
that nobody knew, matched later, with the money that waited for that."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q, Value

_changed = import_module("revshare.migrations.0009_movements")._changed
_rules = import_module("revshare.migrations.0010_rules")
OLD_POOLS = _rules.POOLS
MANIFEST_MOVES = _rules.MANIFEST_MOVES.replace("- 'opted_out_records'", "- 'opted_out_records' - 'class_totals'")

# Written once, as in 0006; also of a table without rows nothing is changed.
APPEND_ONLY = ("pools_match", "allocation_release")
TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
    f"FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse();\n"
    f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_change;\n"
    for table in APPEND_ONLY
) + """
CREATE TRIGGER allocation_release_only_while_open AFTER INSERT ON allocation_release
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION revshare_only_while_open('cycle_id', 'cycles_cycle', 'id', 'p.state = ''locked''');
ALTER TABLE allocation_release ENABLE ALWAYS TRIGGER allocation_release_only_while_open;
"""
REFUSE_LOSS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pools_match) THEN
        RAISE EXCEPTION 'this instance holds matches of unknown names, which the version before cannot keep';
    END IF;
END $$;
"""
POOLS = _changed(
    OLD_POOLS, ("carried_in_micros AS carried_in", "carried_in_micros + released_micros AS carried_in"),
)


def _conserve(*also):
    out = F("distributable_micros") + F("commons_micros") + F("platform_micros") + F("carried_out_micros")
    out = out - F("carried_in_micros")
    for name in also:
        out = out - F(name)
    return models.CheckConstraint(name="pools_conserve", condition=Q(net_micros=out))


def _signs(least, **also):
    return models.CheckConstraint(
        name="pools_signs",
        condition=Q(
            distributable_micros__gte=least, commons_micros__gte=0, carried_in_micros__lte=0,
            **also, carried_out_micros__lte=0, denominator_ticks__gte=0,
        ) & (Q(platform_micros__gte=0) | Q(platform_micros__gte=F("deducted_micros"))),
    )


class Migration(migrations.Migration):
    dependencies = [("revshare", "0011_payouts")]
    operations = [
        migrations.AddField(
            "manifest", "class_totals", models.JSONField(db_default=Value([], models.JSONField()), default=list)
        ),
        migrations.CreateModel(
            name="Match",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.TextField(
                    choices=[("model", "model"), ("dataset_version", "dataset_version")], db_collation="C")),
                ("name", models.TextField(db_collation="C")),
                ("stands_for", models.TextField(db_collation="C")),
                ("reason", models.TextField()),
                ("matched_at", models.DateTimeField()),
                ("matched_by", models.TextField()),
            ],
            options={
                "db_table": "pools_match",
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        name="pools_match_kind", condition=Q(kind__in=("model", "dataset_version"))),
                    models.CheckConstraint(
                        name="pools_match_says_all", condition=~Q(name="") & ~Q(stands_for="") & ~Q(reason="")),
                ],
            },
        ),
        migrations.CreateModel(
            name="Release",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount_micros", models.BigIntegerField()),
                ("cycle", models.ForeignKey(
                    on_delete=django.db.models.deletion.PROTECT, related_name="+", to="revshare.cycle")),
                ("rest", models.OneToOneField(
                    on_delete=django.db.models.deletion.PROTECT, related_name="release", to="revshare.rest")),
            ],
            options={
                "db_table": "allocation_release",
                "constraints": [
                    models.CheckConstraint(name="allocation_release_positive", condition=Q(amount_micros__gt=0))
                ],
            },
        ),
        migrations.AddField("pool", "released_micros", models.BigIntegerField(db_default=0, default=0)),
        migrations.RemoveConstraint("pool", "pools_conserve"),
        migrations.RemoveConstraint("pool", "pools_signs"),
        migrations.AddConstraint("pool", _conserve("released_micros")),
        migrations.AddConstraint("pool", _signs(F("released_micros"), released_micros__gte=0)),
        migrations.RunSQL(MANIFEST_MOVES + POOLS, OLD_POOLS + _rules.MANIFEST_MOVES),
        migrations.RunSQL(TRIGGERS, REFUSE_LOSS),
    ]
