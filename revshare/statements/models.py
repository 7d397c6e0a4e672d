"""What a contributor is told: numbered and frozen."""

from django.db import models

NUMBERS_PER_CYCLE = 1_000_000_000


class Statement(models.Model):
    """One contributor, one currency, one cycle. A view over the ledger's folios, which are written once, when the
    cycle is calculated. Contributors see it when the cycle
    is published. Id and number hold the cycle and the place in it (`queries.by_number`, `queries.by_id`)."""

    id = models.BigIntegerField(primary_key=True)
    number = models.TextField()
    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.DO_NOTHING, related_name="statements")
    ordinal = models.IntegerField()  # 1, 2, 3 … in the cycle
    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.DO_NOTHING, related_name="statements")
    currency = models.CharField(max_length=3)
    lines = models.IntegerField()
    opening_micros = models.BigIntegerField()
    earned_micros = models.BigIntegerField()
    adjusted_micros = models.BigIntegerField()
    withheld_micros = models.BigIntegerField()
    held_micros = models.BigIntegerField()
    paid_micros = models.BigIntegerField()
    closing_micros = models.BigIntegerField()
    content_sha256 = models.TextField()
    first_no = models.IntegerField()  # names the folio in which it stands (`ledger.places`)

    class Meta:
        managed = False
        db_table = "statements_statement"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.number
