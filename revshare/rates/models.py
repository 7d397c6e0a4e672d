"""What currencies were worth on a day, by whom. Append-only."""

from django.db import models
from django.db.models import F, Q

MAX_RATE = 10**12


class Rate(models.Model):
    """1 of `base` is `rate` of `quote`."""

    date = models.DateField()
    base = models.CharField(max_length=3, db_collation="C")
    quote = models.CharField(max_length=3, db_collation="C")
    rate = models.DecimalField(max_digits=24, decimal_places=12)
    source = models.TextField()
    file = models.ForeignKey("revshare.IngestedFile", on_delete=models.PROTECT, related_name="+", db_index=False)
    arrival = models.BigIntegerField()  # `files.row_tables`

    class Meta:
        db_table = "rates_rate"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["base", "quote", "date"], name="rates_rate_once"),
            # For PostgreSQL NaN is greater than every number: the upper bound keeps it out.
            models.CheckConstraint(name="rates_rate_positive", condition=Q(rate__gt=0, rate__lt=MAX_RATE)),
            models.CheckConstraint(name="rates_rate_of_another", condition=~Q(base=F("quote"))),
            models.CheckConstraint(name="rates_rate_arrival", condition=Q(arrival__gte=F("file"))),
        ]

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate} {self.quote} on {self.date}"
