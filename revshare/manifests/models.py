"""Which assets of whom a dataset version holds. The rows lie in the lake; the database keeps identity and weights."""

from django.db import models
from django.db.models import Q, Value


class Manifest(models.Model):
    """One dataset version. It grows by parts until a cycle that needs it is locked; then it is frozen and weighed."""

    dataset_version = models.TextField(unique=True, db_collation="C")
    frozen_at = models.DateTimeField(null=True)
    sha256 = models.TextField(default="")  # over the weights (`rules`): the same however the rows were cut into files
    assets = models.BigIntegerField(default=0)
    records = models.BigIntegerField(default=0)
    contributors = models.BigIntegerField(default=0)
    assets_ticks = models.DecimalField(max_digits=38, decimal_places=0, default=0)
    weights_sha256 = models.TextField(default="")  # of the Parquet file of the lake that keeps the weights
    frozen_arrival = models.BigIntegerField(default=0, db_default=0)  # the last decision on consent that counts
    # Once a policy asked for them, or if some records never earn: what the classes of records say, the lake's file of
    # weights by contributor and class (`classes`; none for a single class), and how many records had been opted out.
    classes = models.JSONField(default=list)
    opted_out_records = models.BigIntegerField(default=0, db_default=0)
    classes_sha256 = models.TextField(default="", db_default="")
    # In the order of `classes`: {"records": …, "assets_ticks": …}.
    class_totals = models.JSONField(default=list, db_default=Value([], models.JSONField()))

    class Meta:
        db_table = "manifests_manifest"
        ordering = ["dataset_version"]
        constraints = [
            models.CheckConstraint(
                name="manifests_frozen_has_hash",
                condition=Q(frozen_at__isnull=True, sha256="")
                | Q(frozen_at__isnull=False, sha256__regex="^[0-9a-f]{64}$"),
            ),
        ]

    def __str__(self) -> str:
        return self.dataset_version


class Part(models.Model):
    """The accepted rows of one file, as one immutable Parquet file of the lake named by its own hash."""

    file = models.ForeignKey("revshare.IngestedFile", on_delete=models.PROTECT, related_name="parts")
    parquet_sha256 = models.CharField(max_length=64)
    rows = models.BigIntegerField()

    class Meta:
        db_table = "manifests_part"

    def __str__(self) -> str:
        return self.parquet_sha256[:16]


class PartVersion(models.Model):
    """That a part holds rows of a dataset version."""

    part = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="versions", db_index=False)
    manifest = models.ForeignKey(Manifest, on_delete=models.PROTECT, related_name="part_versions")
    rows = models.BigIntegerField()

    class Meta:
        db_table = "manifests_part_version"
        constraints = [models.UniqueConstraint(fields=["part", "manifest"], name="manifests_part_version_once")]

    def __str__(self) -> str:
        return f"{self.manifest_id} in {self.part_id}"


class Weight(models.Model):
    """What a contributor holds of a frozen manifest: 720,720 ticks to an asset, shared by its contributors. A view."""

    id = models.TextField(primary_key=True)
    manifest = models.ForeignKey(Manifest, on_delete=models.DO_NOTHING, related_name="weights")
    contributor = models.ForeignKey("revshare.Contributor", on_delete=models.DO_NOTHING, related_name="+")
    assets_ticks = models.BigIntegerField()
    weight_ticks = models.DecimalField(max_digits=38, decimal_places=6)  # ticks times the asset's weight
    # The page of the database where it stands (`places`).
    rolls_of = models.IntegerField()
    roll = models.IntegerField()

    class Meta:
        managed = False
        db_table = "manifests_weight"

    def __str__(self) -> str:
        return f"{self.manifest_id} {self.contributor_id}"


class Training(models.Model):
    """That a model was trained on a dataset version, and what part of the model's pools goes there: `mix`, beside those
    of its other versions, or none for all of them."""

    model = models.TextField(db_collation="C")
    dataset_version = models.TextField(db_collation="C")
    mix = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    file = models.ForeignKey("revshare.IngestedFile", on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "manifests_training"
        ordering = ["model", "dataset_version"]
        constraints = [
            models.UniqueConstraint(fields=["model", "dataset_version"], name="manifests_training_once"),
            # For PostgreSQL NaN is greater than every number: the upper bound keeps it out.
            models.CheckConstraint(name="manifests_training_mix", condition=Q(mix__gt=0, mix__lt=10**12)),
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.dataset_version}"
