"""Double entry. The only writer of balances; it knows no other stage."""

from django.db import models
from django.db.models import Q


class Journal(models.Model):
    """A balanced set of legs, posted once and sealed. Journals form a gapless hash chain by `seq`."""

    seq = models.BigIntegerField(primary_key=True)
    kind = models.TextField()  # "allocation"
    key = models.TextField()  # natural key within the kind: the cycle's key
    cycle = models.ForeignKey("revshare.Cycle", null=True, on_delete=models.PROTECT, related_name="journals")
    posted_at = models.DateTimeField()
    created_by = models.TextField()
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    legs_count = models.BigIntegerField(default=0)
    legs_sha256 = models.TextField(default="")
    prev_hash = models.TextField()
    hash = models.TextField(default="")
    sealed = models.BooleanField(default=False)

    class Meta:
        db_table = "ledger_journal"
        ordering = ["-seq"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="ledger_journal_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Leg(models.Model):
    """One side of a journal: `amount_micros` > 0 on the debit (D) or credit (C) side of an account."""

    id = models.BigAutoField(primary_key=True)
    journal = models.ForeignKey(Journal, on_delete=models.PROTECT, related_name="legs", db_index=False)
    account = models.TextField(db_collation="C")
    currency = models.CharField(max_length=3, db_collation="C")
    side = models.CharField(max_length=1)
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "ledger_leg"
        constraints = [
            models.UniqueConstraint(fields=["journal", "account", "currency"], name="ledger_leg_once"),
            models.CheckConstraint(name="ledger_leg_positive", condition=Q(amount_micros__gt=0)),
            models.CheckConstraint(name="ledger_leg_side", condition=Q(side__in=["D", "C"])),
            models.CheckConstraint(
                name="ledger_leg_account_known",
                condition=Q(account__regex=r"^(sales|platform|suspense|carried|payable:.+)$"),
            ),
        ]
        indexes = [models.Index(fields=["account", "currency"], name="ledger_leg_by_account")]

    def __str__(self) -> str:
        return f"{self.side} {self.account} {self.amount_micros} {self.currency}"
