"""What a contributor is told: numbered and frozen."""

from django.db import models
from django.db.models import F, Q


class Statement(models.Model):
    """One contributor, one currency, one cycle. It is written once, when the cycle is calculated, and shown to the
    contributor when the cycle is published. Its earned lines are the contributor's allocations."""

    id = models.BigAutoField(primary_key=True)
    number = models.TextField(unique=True)
    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="statements", db_index=False)
    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.PROTECT, related_name="statements")
    currency = models.CharField(max_length=3, db_collation="C")
    opening_micros = models.BigIntegerField()
    earned_micros = models.BigIntegerField()
    adjusted_micros = models.BigIntegerField(default=0)
    withheld_micros = models.BigIntegerField(default=0)
    held_micros = models.BigIntegerField(default=0)
    paid_micros = models.BigIntegerField(default=0)
    closing_micros = models.BigIntegerField()
    content_sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "statements_statement"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["cycle", "contributor", "currency"], name="statements_once"),
            models.CheckConstraint(
                name="statements_add_up",
                condition=Q(
                    closing_micros=F("opening_micros")
                    + F("earned_micros")
                    + F("adjusted_micros")
                    - F("withheld_micros")
                    - F("held_micros")
                    - F("paid_micros")
                ),
            ),
        ]
        indexes = [models.Index(fields=["contributor", "currency", "-id"], name="statements_by_contributor")]

    def __str__(self) -> str:
        return self.number
