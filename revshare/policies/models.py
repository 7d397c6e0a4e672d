"""Versioned rules of sharing. A registered version never changes."""

from django.db import models


class Policy(models.Model):
    """A policy file, kept byte for byte under its hash."""

    name = models.TextField()
    version = models.TextField()
    sha256 = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    registered_at = models.DateTimeField()
    registered_by = models.TextField()

    class Meta:
        db_table = "policies_policy"
        verbose_name_plural = "policies"
        ordering = ["name", "-id"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="policies_version_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
