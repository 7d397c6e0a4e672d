"""What a pool may be divided by besides assets: measures of contributors, scores of outputs, usage of customers.

Append-only. A row counts for a cycle if it had arrived before the lock.
"""

from django.db import models
from django.db.models import F, Q

from revshare.money import MICROS_PER_UNIT

ROLES = ("output", "style", "modified")


def _file() -> models.ForeignKey:
    # Written by the file's own transaction, by the million: no look-up per row (`verify` looks them all up).
    return models.ForeignKey(
        "revshare.IngestedFile", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )


def _contributor() -> models.ForeignKey:
    # Known when the row came in, and contributors never go; no look-up per row either.
    return models.ForeignKey(
        "revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )


def _after_voids() -> models.IntegerField:
    # How many files of the kind were void by then: what a void file said may be said again, by one that comes later.
    return models.IntegerField(default=0, db_default=0)


class Measure(models.Model):
    """What is measured of a contributor over some days, such as the revenue of their own licences."""

    measure = models.TextField(db_collation="C")
    starts_on = models.DateField()
    ends_on = models.DateField()  # the first day that no longer counts
    contributor = _contributor()
    value_micros = models.BigIntegerField()
    file = _file()
    arrival = models.BigIntegerField()  # `files.row_tables`
    after_voids = _after_voids()

    class Meta:
        db_table = "measures_measure"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["measure", "starts_on", "ends_on", "contributor", "after_voids"], name="measures_measure_once"
            ),
            models.CheckConstraint(name="measures_measure_not_negative", condition=Q(value_micros__gte=0)),
            models.CheckConstraint(name="measures_measure_has_days", condition=Q(ends_on__gt=F("starts_on"))),
            models.CheckConstraint(name="measures_measure_arrival", condition=Q(arrival__gte=F("file"))),
        ]

    def __str__(self) -> str:
        return f"{self.measure} of {self.contributor_id} from {self.starts_on} to {self.ends_on}"


class Output(models.Model):
    """How much of what a sale sold is a contributor's, by the model that made it, or by who is named or modified."""

    sale_id = models.TextField(db_collation="C")  # the sale's own id; it may come later than the score
    role = models.TextField(choices=[(role, role) for role in ROLES], db_collation="C")
    contributor = _contributor()
    score_millionths = models.IntegerField()
    file = _file()
    arrival = models.BigIntegerField()  # `files.row_tables`
    after_voids = _after_voids()

    class Meta:
        db_table = "measures_output"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["sale_id", "role", "contributor", "after_voids"], name="measures_output_once"
            ),
            models.CheckConstraint(name="measures_output_role", condition=Q(role__in=ROLES)),
            models.CheckConstraint(
                name="measures_output_part",
                condition=Q(score_millionths__gte=0, score_millionths__lte=MICROS_PER_UNIT),
            ),
            models.CheckConstraint(name="measures_output_arrival", condition=Q(arrival__gte=F("file"))),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.sale_id} by {self.contributor_id}"


class Usage(models.Model):
    """How much a customer used a model on a day."""

    customer_id = models.TextField(db_collation="C")
    model = models.TextField(db_collation="C")
    day = models.DateField()
    units = models.BigIntegerField()
    file = _file()
    arrival = models.BigIntegerField()  # `files.row_tables`
    after_voids = _after_voids()

    class Meta:
        db_table = "measures_usage"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["customer_id", "model", "day", "after_voids"], name="measures_usage_once"),
            models.CheckConstraint(name="measures_usage_positive", condition=Q(units__gte=1)),
            models.CheckConstraint(name="measures_usage_arrival", condition=Q(arrival__gte=F("file"))),
        ]

    def __str__(self) -> str:
        return f"{self.model} by {self.customer_id} on {self.day}"
