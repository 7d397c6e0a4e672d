"""Double entry: journals, their legs, and the payables ledger below them. Only `operations` writes here.

Named accounts ("sales", "platform", …) have legs one by one. What is owed to contributors is kept in a subsidiary
ledger, one entry per pool and contributor: written once, it is the allocation, the leg that credits the contributor's
account, and the line of the statement. Controls hold the sums of each pool's entries, which the database compares with
the entries themselves before it takes them.
"""

from django.db import models
from django.db.models import Q

from revshare.ledger.rules import ACCOUNTS


class Journal(models.Model):
    """One posting. It is open inside its transaction only: the database lets nobody commit a journal that is not
    sealed, and a sealed one does not change. `legs_sha256` and `hash` chain it to the one before (`rules`)."""

    seq = models.BigIntegerField(primary_key=True)
    kind = models.TextField()
    key = models.TextField()  # the natural key: the cycle, the file, the payment batch
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
        return f"{self.seq} {self.kind} {self.key}"


class NamedLeg(models.Model):
    """A debit (D) or credit (C) of a named account; or of a contributor's, `payable:ID`, by anything but the allocation
    of a cycle: a *movement* (a payment, an adjustment …), which the statement of the next cycle lists."""

    id = models.BigAutoField(primary_key=True)
    journal = models.ForeignKey(Journal, on_delete=models.PROTECT, related_name="named_legs", db_index=False)
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
                condition=Q(account__regex=ACCOUNTS),
            ),
        ]
        indexes = [models.Index(fields=["account", "currency"], name="ledger_leg_by_account")]

    def __str__(self) -> str:
        return f"{self.side} {self.account} {self.amount_micros} {self.currency}"


class PoolControl(models.Model):
    """The sums of the entries of one pool. `sha256`: over its contributors, numerators and amounts (`rules`)."""

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="pool_controls")
    pool = models.OneToOneField("revshare.Pool", on_delete=models.PROTECT, related_name="control")
    entries = models.BigIntegerField()
    numerator_ticks = models.BigIntegerField()
    amount_micros = models.BigIntegerField()
    residue_micros = models.BigIntegerField()  # handed out one by one to the largest remainders
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "ledger_pool_control"

    def __str__(self) -> str:
        return f"{self.pool_id}: {self.entries} entries, {self.amount_micros}"


class AccountControl(models.Model):
    """The sums over the contributors' accounts that a cycle touched in one currency. `credited`: how many got more than
    nothing. `sha256`: over contributors, opening balances and earnings (`rules`)."""

    cycle = models.ForeignKey("revshare.Cycle", on_delete=models.PROTECT, related_name="account_controls")
    currency = models.CharField(max_length=3, db_collation="C")
    accounts = models.BigIntegerField()
    credited = models.BigIntegerField()
    opening_micros = models.DecimalField(max_digits=38, decimal_places=0)
    earned_micros = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "ledger_account_control"
        constraints = [models.UniqueConstraint(fields=["cycle", "currency"], name="ledger_account_control_once")]

    def __str__(self) -> str:
        return f"{self.accounts} accounts, {self.earned_micros} {self.currency}"


class Leg(models.Model):
    """Every leg: of named accounts, and of contributors' accounts, one for each that a cycle credited. A view."""

    id = models.BigIntegerField(primary_key=True)
    journal = models.ForeignKey(Journal, on_delete=models.DO_NOTHING, related_name="legs")
    account = models.TextField()
    currency = models.CharField(max_length=3)
    side = models.CharField(max_length=1)
    amount_micros = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "ledger_every_leg"

    def __str__(self) -> str:
        return f"{self.side} {self.account} {self.amount_micros} {self.currency}"
