"""Rows of files that are kept as they came: what is missing, of nobody or too much is named by `verify`."""

import pytest

from revshare.verification.operations import verify
from tests.stories import Story
from tests.verification.test_operations import without_triggers

pytestmark = pytest.mark.django_db

# What is done, and the invariant and the place that must be named.
DEFECTS = {
    "a measure is gone": ("DELETE FROM measures_measure WHERE contributor_id = 'ben'", "I12", "file "),
    "a measure is another": ("UPDATE measures_measure SET value_micros = value_micros + 1", "I12", "sums"),
    "a measure is of no file": ("UPDATE measures_measure SET file_id = 0 WHERE contributor_id = 'ann'", "I25", "of file 0"),
    "a measure is of nobody": ("UPDATE measures_measure SET contributor_id = 'x' WHERE contributor_id = 'ann'", "I25", "x"),
    "a score is gone": ("DELETE FROM measures_output WHERE contributor_id = 'ben'", "I12", "file "),
    "a score is too high": ("UPDATE measures_output SET score_millionths = 600001 WHERE contributor_id = 'ann'", "I16", "s1"),
    "a score is of no file": ("UPDATE measures_output SET file_id = 0", "I25", "of file 0"),
    "a score is of nobody": ("UPDATE measures_output SET contributor_id = 'x' WHERE contributor_id = 'ann'", "I25", "x"),
    "usage is gone": ("DELETE FROM measures_usage", "I12", "file "),
    "usage is of no file": ("UPDATE measures_usage SET file_id = 0", "I25", "of file 0"),
    "a consent is gone": ("DELETE FROM consents_consent", "I12", "file "),
    "a rate is gone": ("DELETE FROM rates_rate", "I12", "file "),
    "a split is gone": ("DELETE FROM splits_split WHERE ends_on IS NULL", "I12", "file "),
    "a split is too much": (
        "UPDATE splits_split SET share_millionths = 500001 WHERE payee_id = 'cy'", "I16", "splits of ann on 2026-03-01",
    ),
    "the end of a split is gone": ("DELETE FROM splits_split WHERE ends_on = '2026-05-01'", "I16", "splits of ann"),
    "a model is gone": ("DELETE FROM manifests_training", "I12", "file "),
}  # fmt: skip


@pytest.fixture(scope="module")
def files(told: Story) -> None:
    """A row or two of every kind, one of them released from quarantine."""
    told.take("models", ("model", "dataset_version"), [("m", "v")])
    told.take("measures", ("contributor_id", "measure", "start", "end", "value"), [
        ("ann", "revenue", "2026-01-01", "2026-02-01", "12.5"), ("ben", "revenue", "2026-01-01", "2026-02-01", "1"),
        ("nobody", "revenue", "2026-01-01", "2026-02-01", "1"),
    ])  # fmt: skip
    told.take("contributors", ("contributor_id", "contributor_name"), [("ann", "Ann"), ("ben", "Ben"), ("cy", "Cy")])
    told.take("consents", ("contributor_id", "decision", "effective_at"), [("ann", "opt_out", "2026-01-05T00:00:00Z")])
    told.take("rates", ("date", "base", "quote", "rate", "source"), [("2026-01-05", "EUR", "USD", "1.1", "ECB")])
    told.take("splits", ("contributor_id", "payee_id", "share", "start", "end"), [
        ("ann", "ben", "0.5", "2026-01-01", ""), ("ann", "ben", "0.5", "2026-01-01", "2026-05-01"),
        ("ann", "cy", "0.5", "2026-03-01", ""), ("ann", "ben", "0.5", "2026-05-01", "2026-06-01"),
    ])  # fmt: skip
    told.take("outputs", ("sale_id", "contributor_id", "score"), [("s1", "ann", "0.6"), ("s1", "ben", "0.4")])
    told.take("usage", ("customer_id", "model", "day", "units"), [("c", "m", "2026-01-05", "3")])


def test_sound_rows_are_clean(files: None) -> None:
    assert verify(cycles=[]).findings == []


@pytest.mark.parametrize("what", DEFECTS)
def test_a_defect_is_found_and_named(files: None, what: str) -> None:
    deed, invariant, where = DEFECTS[what]
    without_triggers(deed)
    found = verify(cycles=[]).findings
    assert any(one.invariant == invariant and where in one.where for one in found), found
