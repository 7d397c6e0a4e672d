"""Who gets a part of what a contributor is owed, from which day to which. Append-only.

A split may come without its end. It is ended by a row that says the same and gives the end as well: two rows then
stand for one split (`queries.in_force`).
"""

from django.db import models
from django.db.models import F, Q

from revshare.money import MICROS_PER_UNIT

REASONS = ("", "agency", "co_author", "estate")


class Split(models.Model):
    """A part of a contributor's money that is a payee's."""

    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False)
    payee = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="+", db_index=False)
    share_millionths = models.IntegerField()
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)  # the first day that no longer counts
    reason = models.TextField(blank=True, choices=[(name, name) for name in REASONS], db_collation="C")
    file = models.ForeignKey("revshare.IngestedFile", on_delete=models.PROTECT, related_name="+", db_index=False)
    arrival = models.BigIntegerField()  # `files.row_tables`

    class Meta:
        db_table = "splits_split"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["contributor", "payee", "starts_on"], condition=Q(ends_on=None), name="splits_split_opened_once"
            ),
            models.UniqueConstraint(
                fields=["contributor", "payee", "starts_on"], condition=~Q(ends_on=None), name="splits_split_ended_once"
            ),
            models.CheckConstraint(
                name="splits_split_part", condition=Q(share_millionths__gte=1, share_millionths__lte=MICROS_PER_UNIT)
            ),
            models.CheckConstraint(name="splits_split_to_another", condition=~Q(payee=F("contributor"))),
            models.CheckConstraint(
                name="splits_split_has_days", condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on"))
            ),
            models.CheckConstraint(name="splits_split_reason", condition=Q(reason__in=REASONS)),
            models.CheckConstraint(name="splits_split_arrival", condition=Q(arrival__gte=F("file"))),
        ]

    def __str__(self) -> str:
        return f"{self.contributor_id} to {self.payee_id} from {self.starts_on}"
