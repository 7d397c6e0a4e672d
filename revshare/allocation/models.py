"""Every pool split, to the micro, with what explains each amount."""

from django.db import models
from django.db.models import Q


class Allocation(models.Model):
    """One amount of one pool. For a contributor: pool × numerator ÷ denominator, by largest remainder. These rows are
    also the earned lines of the statements: written once, shown there."""

    class Bucket(models.TextChoices):
        CONTRIBUTOR = "contributor"
        PLATFORM = "platform"
        SUSPENSE = "suspense"
        CARRIED = "carried"

    id = models.BigAutoField(primary_key=True)
    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="+", db_index=False)
    pool = models.ForeignKey("revshare.Pool", on_delete=models.PROTECT, related_name="allocations", db_index=False)
    currency = models.CharField(max_length=3, db_collation="C")
    bucket = models.TextField(choices=Bucket.choices)
    contributor = models.ForeignKey(
        "revshare.Contributor", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    numerator_ticks = models.BigIntegerField(default=0)
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "allocation_allocation"
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "bucket", "contributor"], nulls_distinct=False, name="allocation_once"
            ),
            models.CheckConstraint(
                name="allocation_contributor_named",
                condition=Q(bucket="contributor", contributor__isnull=False)
                | (~Q(bucket="contributor") & Q(contributor__isnull=True)),
            ),
            models.CheckConstraint(
                name="allocation_signs",
                condition=Q(bucket="carried", amount_micros__lte=0) | (~Q(bucket="carried") & Q(amount_micros__gte=0)),
            ),
            models.CheckConstraint(
                name="allocation_bucket_known",
                condition=Q(bucket__in=["contributor", "platform", "suspense", "carried"]),
            ),
        ]
        indexes = [models.Index(fields=["contributor", "cycle", "currency"], name="allocation_by_contributor")]

    def __str__(self) -> str:
        return f"{self.pool_id} {self.bucket} {self.amount_micros}"
