"""Files that came in: their identity, their control totals, and the rows that could not be taken."""

from django.db import models
from django.db.models import Q

from revshare.files.formats import KINDS


class ColumnMapping(models.Model):
    """What the columns of somebody's files are called here: names of theirs to names of ours (`files.mapped`). It never
    changes; a file says by which it was read."""

    name = models.TextField(unique=True, db_collation="C")
    kind = models.TextField()
    columns = models.JSONField()
    made_at = models.DateTimeField()
    made_by = models.TextField()

    class Meta:
        db_table = "files_mapping"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class IngestedFile(models.Model):
    """A file taken in, once. Counts are those of the day it was loaded; what quarantine released later is added on
    reading (`queries.totals`), so that rows_in = accepted + duplicate + quarantined holds at any time."""

    kind = models.TextField(choices=[(kind, kind) for kind in KINDS])
    sha256 = models.CharField(max_length=64)
    name = models.TextField()
    size_bytes = models.BigIntegerField()
    format = models.TextField()
    rows_in = models.BigIntegerField()
    rows_accepted = models.BigIntegerField()
    rows_duplicate = models.BigIntegerField()
    rows_quarantined = models.BigIntegerField()
    # Control totals in micros over all currencies, of the amounts that can be read; null where a kind has no amount.
    sum_in = models.DecimalField(max_digits=38, decimal_places=0, null=True)
    sum_accepted = models.DecimalField(max_digits=38, decimal_places=0, null=True)
    sum_duplicate = models.DecimalField(max_digits=38, decimal_places=0, null=True)
    sum_quarantined = models.DecimalField(max_digits=38, decimal_places=0, null=True)
    unknown_columns = models.JSONField(default=list)
    mapping = models.ForeignKey(
        ColumnMapping, null=True, blank=True, on_delete=models.PROTECT, related_name="files", db_index=False
    )
    loaded_at = models.DateTimeField()
    loaded_by = models.TextField()

    class Meta:
        db_table = "files_file"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "sha256"], name="files_same_bytes_once"),
            models.CheckConstraint(
                name="files_rows_conserved",
                condition=Q(
                    rows_in=models.F("rows_accepted") + models.F("rows_duplicate") + models.F("rows_quarantined")
                ),
            ),
            models.CheckConstraint(
                name="files_sums_conserved",
                condition=Q(sum_in__isnull=True)
                | Q(sum_in=models.F("sum_accepted") + models.F("sum_duplicate") + models.F("sum_quarantined")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Void(models.Model):
    """That a file should not have come: its rows count in no cycle that is locked from then on. Append-only; what was
    calculated with them stays, until it is restated."""

    file = models.OneToOneField(IngestedFile, primary_key=True, on_delete=models.PROTECT, related_name="void")
    reason = models.TextField()
    arrival = models.BigIntegerField()  # the last one that had come by then (`queries.last_arrival`)
    voided_at = models.DateTimeField()
    voided_by = models.TextField()

    class Meta:
        db_table = "files_void"
        ordering = ["-file_id"]
        constraints = [models.CheckConstraint(name="files_void_says_why", condition=~Q(reason=""))]

    def __str__(self) -> str:
        return f"file {self.file_id} void"


class QuarantinedRow(models.Model):
    """A row that breaks a rule, kept whole until somebody decides. `row` holds the known columns as they were read."""

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"  # taken in later, when what it waited for had come
        DUPLICATE = "duplicate"  # on a retry it proved to be one
        DISMISSED = "dismissed"  # will never be taken in; somebody said why

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(IngestedFile, on_delete=models.PROTECT, related_name="quarantine")
    line = models.BigIntegerField()
    reason = models.TextField()
    row = models.JSONField()
    amount_micros = models.BigIntegerField(null=True)
    state = models.TextField(choices=State.choices, default=State.OPEN)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.TextField(default="", blank=True)
    decision = models.TextField(default="", blank=True)

    class Meta:
        db_table = "files_quarantined_row"
        ordering = ["file_id", "line"]
        constraints = [
            models.UniqueConstraint(fields=["file", "line"], name="files_quarantined_line_once"),
            models.CheckConstraint(
                name="files_quarantine_decided",
                condition=Q(state="open") | (Q(decided_at__isnull=False) & ~Q(decided_by="")),
            ),
        ]
        indexes = [models.Index(fields=["reason"], condition=Q(state="open"), name="files_quarantine_open")]

    def __str__(self) -> str:
        return f"{self.file_id}:{self.line} {self.reason}"


class FoldedId(models.Model):
    """An accepted id that looks like another one, beside what it looks like, to catch a look-alike that comes later.

    Only ids that look like something other than themselves are kept here (`rules.looks_like`).
    """

    kind = models.TextField()  # "contributor", "sale", "dataset", "model", "asset <dataset version>"
    identifier = models.TextField(db_collation="C")
    looks_like = models.TextField(db_collation="C")

    class Meta:
        db_table = "files_folded_id"
        constraints = [models.UniqueConstraint(fields=["kind", "identifier"], name="files_folded_once")]
        indexes = [models.Index(fields=["kind", "looks_like"], name="files_folded_by_look")]

    def __str__(self) -> str:
        return f"{self.kind} {self.identifier}"


class Upload(models.Model):
    """Bytes handed in through a page or the API, waiting in the exchange folder for a worker to take them in."""

    kind = models.TextField(choices=[(kind, kind) for kind in KINDS])
    name = models.TextField()
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    uploaded_at = models.DateTimeField()
    uploaded_by = models.TextField()
    file = models.ForeignKey(IngestedFile, null=True, on_delete=models.PROTECT, related_name="uploads")
    mapping = models.ForeignKey(
        ColumnMapping, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        db_table = "files_upload"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
