"""Sales and refunds, append-only. Which cycle a sale belongs to follows from its date and its place in the sequence
(`cycles.Window`), so that closing a cycle touches no sale.

The table has a partition for each large file, and one for all that comes in small lots (migration 0006)."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q


class Sale(models.Model):
    # Order of arrival; a lock closes over all up to a number. The database refuses a number at or below those it has.
    seq = models.BigIntegerField(primary_key=True)
    sale_id = models.TextField(db_collation="C")  # once, whatever the part: see migration 0006
    sold_at = models.DateTimeField()
    stream = models.TextField(db_collation="C")
    model = models.TextField(default="", db_default="", db_collation="C")
    dataset_version = models.TextField(default="", db_default="", db_collation="C")
    currency = models.CharField(max_length=3, db_collation="C")
    gross_micros = models.BigIntegerField()
    refund_of = models.TextField(default="", db_default="", db_collation="C")
    fees_micros = models.BigIntegerField(null=True)
    tax_micros = models.BigIntegerField(null=True)
    customer_id = models.TextField(default="", db_default="")
    plan = models.TextField(default="", db_default="", db_collation="C")  # the customer's; a rate may go by it
    generation_id = models.TextField(default="", db_default="")
    # Written by the file's own transaction, by the million: no look-up per row (`verify` looks them all up).
    file = models.ForeignKey(
        "revshare.IngestedFile", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    row = models.BigIntegerField()  # position in the file, or the id of its quarantined row if released from there
    part = models.IntegerField(default=0, db_default=0)  # the large file whose partition it is in; 0: small lots

    class Meta:
        db_table = "sales_sale"
        ordering = ["seq"]
        constraints = [
            models.CheckConstraint(
                name="sales_one_target",
                condition=(Q(model="") | Q(dataset_version=""))
                & (~Q(model="") | ~Q(dataset_version="") | ~Q(customer_id="")),
            ),
            models.CheckConstraint(
                name="sales_refund_not_positive", condition=Q(refund_of="") | Q(gross_micros__lte=0)
            ),
        ]
        indexes = [
            # By blocks of the table: sales that lie together are of about the same time.
            BrinIndex(fields=["sold_at"], name="sales_by_time", pages_per_range=32),
        ]  # and those that each part has for itself: revshare_index_sales

    def __str__(self) -> str:
        return self.sale_id

    @property
    def kind(self) -> str:
        return "refund" if self.refund_of or self.gross_micros < 0 else "sale"


class PartSum(models.Model):
    """What the sales of a closed part come to, by all that pools and reviews tell apart (`part_sums`). The bounds are
    those of the whole part. `customer_id`: NULL in all rows of a part that would have too many."""

    part = models.ForeignKey(
        "revshare.IngestedFile", on_delete=models.PROTECT, related_name="+", db_column="part"
    )  # a part bears the number of its file
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    refunds = models.BooleanField()  # of known sales
    stream = models.TextField(db_collation="C")
    model = models.TextField(db_collation="C")
    dataset_version = models.TextField(db_collation="C")
    currency = models.CharField(max_length=3, db_collation="C")
    customer_id = models.TextField(null=True)
    net_micros = models.BigIntegerField()
    sales = models.BigIntegerField()

    class Meta:
        db_table = "sales_part_sum"
        ordering = ["part_id", "id"]
        constraints = [
            models.CheckConstraint(
                name="sales_part_sum_bounds",
                condition=Q(first_seq__lte=F("last_seq"), first_at__lte=F("last_at"), sales__gt=0),
            ),
        ]
        indexes = [models.Index(fields=["first_at"], name="sales_part_sum_by_time")]

    def __str__(self) -> str:
        return f"part {self.part_id}: {self.stream} {self.model or self.dataset_version} {self.currency}"
