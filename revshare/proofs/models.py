"""What published cycles have committed to. Append-only."""

from django.db import models


class Commitment(models.Model):
    """The signed text of a published cycle (`rules.commitment_text`), which has the roots of the trees over
    its statements. `secret`: from which all chance in these comes; whoever knows it can tell whose leaf is whose, so
    nothing shows it."""

    cycle = models.OneToOneField("revshare.Cycle", on_delete=models.PROTECT, related_name="commitment")
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    public_key = models.CharField(max_length=64)  # Ed25519, hex
    signature = models.CharField(max_length=128)  # of the text's bytes, hex
    trees = models.JSONField()  # {currency: SHA-256 of the lake's file of its tree}
    secret = models.BinaryField(max_length=32)
    made_at = models.DateTimeField()
    made_by = models.TextField()

    class Meta:
        db_table = "proofs_commitment"
        ordering = ["-cycle_id"]

    def __str__(self) -> str:
        return f"commitment of cycle {self.cycle_id}"
