"""Rows that break a rule, each on a line of its own: what a test of any kind of file asks of them."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from revshare.audit_trail.operations import Act
from revshare.files.models import QuarantinedRow
from revshare.files.operations import Report
from revshare.files.queries import totals
from revshare.ingest.operations import ingest
from tests.files import forms

Case = tuple[dict[str, str], str | None]
"""What differs from a good row, and the reason; None: accepted."""

BAD_IDS = {
    "": "id_missing", "x" * 201: "id_too_long", " a": "id_characters", "a ": "id_characters", "a\tb": "id_characters",
    "a\u200bb": "id_characters", "a\u00a0b": "id_characters", "\ufeffa": "id_characters", "a\u202eb": "id_characters",
}  # fmt: skip
EXACT_IDS = (
    "NA",
    "null",
    "None",
    "NaN",
    "007",
    "7",
    "1e5",
    "123456789012345678901234567890",
    "=1+1",
    "two words",
    "作品",
)
BAD_AMOUNTS = (
    "NaN",
    "1e400",
    "1_0",
    "１２",
    "0x10",
    "1,234.50",
    " 5 ",
    "+5",
    "",
    "-",
    ".5",
    "5.",
    "00.5",
    "Infinity",
    "1E5",
    "=1+1",
)
BAD_DAYS = {
    "": "day_syntax", "2026-6-1": "day_syntax", "01.06.2026": "day_syntax", "2026-06-01T00:00:00Z": "day_syntax",
    "２０２６-06-01": "day_syntax", " 2026-06-01": "day_syntax", "1780000000": "day_syntax", "infinity": "day_syntax",
    "2026-02-30": "day_impossible", "2026-13-01": "day_impossible", "2026-00-10": "day_impossible",
    "1969-12-31": "day_impossible", "9999-01-01": "day_impossible",
}  # fmt: skip


def conserved(report: Report) -> Report:
    now = totals(report.file)
    assert now.rows_in == now.accepted + now.duplicate + now.quarantined
    if now.sum_in is not None:
        assert now.sum_in == now.sum_accepted + now.sum_duplicate + now.sum_quarantined
    assert not any((settings.REVSHARE_HOME / "spool").iterdir())
    return report


def found(report: Report) -> dict[int, str]:
    return dict(QuarantinedRow.objects.filter(file=report.file).values_list("line", "reason"))


def take_in_hostile(
    *, kind: str, form: str, good: dict[str, str], cases: Sequence[Case], folder: Path, act: Act
) -> Report:
    """Takes in a file of a row per case and asserts that each bad one is in quarantine, on its line, with its reason,
    as it was read; and that nothing is lost."""
    rows = [good | changes for changes, _ in cases]
    path = forms.write(folder, kind, form, rows, list(good))
    report = conserved(ingest(kind=kind, path=path, act=act))
    expected, line = {}, forms.FIRST_LINE[form]
    for row, (_, reason) in zip(rows, cases, strict=True):
        if reason:
            expected[line] = reason
        line += 1 + (sum(value.count("\n") for value in row.values()) if form.startswith("csv") else 0)
    assert found(report) == expected
    kept = QuarantinedRow.objects.filter(file=report.file).order_by("line").values_list("row", flat=True)
    bad = [row for row, (_, reason) in zip(rows, cases, strict=True) if reason]
    assert [{name: row[name] for name in good} for row in kept] == bad
    return report
