"""Who contributed. Private data (the e-mail address) stops here."""

from django.db import models


class Contributor(models.Model):
    """A contributor under the marketplace's own id, kept exactly as it was given (`NA`, `007`, 30 digits)."""

    id = models.TextField(primary_key=True, db_collation="C")
    # Blank by the database's own default: a column that a file leaves blank is not sent.
    name = models.TextField(default="", db_default="", blank=True)
    email = models.TextField(default="", db_default="", blank=True)
    country = models.TextField(default="", db_default="", blank=True)
    currency = models.CharField(max_length=3, default="", db_default="", blank=True)
    payee_id = models.TextField(default="", db_default="", blank=True)
    unclaimed = models.BooleanField(default=False)  # known from a manifest only: money accrues and waits
    erased_at = models.DateTimeField(null=True, blank=True)  # asked to be forgotten: no file brings a name back
    # Written by the file's own transaction, by the million: no look-up per row (`verify` looks them all up).
    file = models.ForeignKey(
        "revshare.IngestedFile", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        db_table = "contributors_contributor"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id
