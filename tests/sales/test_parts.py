"""A large file is stored as a partition of its own: the books are those that the same rows make in small lots."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from revshare.audit_trail.operations import Act
from revshare.files.models import QuarantinedRow
from revshare.ingest.operations import ingest
from revshare.sales import storing
from revshare.sales.models import Sale
from revshare.sales.queries import Range, canonical_lines, last_seq, sums_by_target
from tests.ownership import owner
from tests.stories import Story

pytestmark = pytest.mark.django_db
HEADER = "sale_id,sold_at,stream,model,dataset_version,currency,gross_amount,refund_of,fees,tax,customer_id\n"
FIRST = HEADER + (
    "s2,2026-06-02T00:00:00.000001Z,generation,m,,USD,10.00,,0.30,,c1\n"
    "s1,2026-06-01T02:00:00+02:00,generation,,ds@1,JPY,999999999999,,,1.5,客\n"
    "r1,2026-06-03T00:00:00Z,generation,m,,USD,-4.00,s2,,,\n"
    "s2,2026-06-02T00:00:00.000001Z,generation,m,,USD,10.00,,0.30,,c1\n"
    "u1,1999-12-31T23:59:59Z,subscription,m,,USD,-0.000001,,,,\n"
    "bad,2026-06-03T00:00:00Z,generation,m,,USD,1e5,,,,\n"
)
# A refund of the first file's sale, one too many, one of a sale yet to come; a duplicate and a conflict with the first.
SECOND = HEADER + (
    "r2,2026-06-04T00:00:00Z,generation,m,,USD,-6.00,s2,,,\n"
    "r3,2026-06-05T00:00:00Z,generation,m,,USD,-0.01,s2,,,\n"
    "r4,2026-06-05T00:00:00Z,generation,m,,USD,-1,s3,,,\n"
    "r1,2026-06-03T00:00:00Z,generation,m,,USD,-4,s2,,,\n"
    "s1,2026-06-01T00:00:00Z,generation,,ds@1,JPY,1,,,1.5,客\n"
    "s9,2026-06-01T00:00:00Z,generation,m,,USD,1,,,,\n"
)
THIRD = HEADER + "s3,2026-06-01T00:00:00Z,generation,m,,USD,1,,,,\n"
FIELDS = (
    "seq", "sale_id", "sold_at", "stream", "model", "dataset_version", "currency", "gross_micros", "refund_of",
    "fees_micros", "tax_micros", "customer_id", "generation_id", "row",
)  # fmt: skip
Write = Callable[[str, str | bytes], Path]


def books(texts: list[str], large: tuple[bool, ...], *, file: Write, act: Act) -> dict[str, object]:
    """What some files leave behind, in a transaction that is rolled back. `large`: which are stored as large ones."""
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        with owner(), connection.cursor() as cursor:
            cursor.execute("ALTER SEQUENCE sales_arrival RESTART")
            cursor.execute("ALTER TABLE files_quarantined_row ALTER COLUMN id RESTART")
        reports = []
        for text, alone in zip(texts, large, strict=True):
            patch.setattr(storing, "PARTITION_ROWS", 1 if alone else 1_000)
            reports.append(ingest(kind="sales", path=file("sales.csv", text), act=act))
        everything = [
            Range(report.file.loaded_at.replace(year=1900), report.file.loaded_at, 0, last_seq())
            for report in reports[:1]
        ]
        left = {
            "sales": list(Sale.objects.values_list(*FIELDS)),
            "reports": [(r.file.rows_accepted, r.file.rows_duplicate, r.file.sum_accepted, r.facts) for r in reports],
            "waiting": sorted(QuarantinedRow.objects.filter(state="open").values_list("line", "reason")),
            "sums": sums_by_target(everything),
            "lines": b"".join(canonical_lines(everything)),
        }
        parts = set(Sale.objects.filter(file_id=reports[0].file.pk).values_list("part", flat=True))
        assert parts == ({reports[0].file.pk} if large[0] else {0})
        transaction.set_rollback(True)
    return left


@pytest.mark.parametrize("large", [(True, True, True), (True, False, False), (False, True, True), (True, True, False)])
def test_the_books_are_those_of_small_lots(large: tuple[bool, ...], file: Write, act: Act) -> None:
    texts = [FIRST, SECOND, THIRD]
    small = books(texts, (False, False, False), file=file, act=act)
    assert books(texts, large, file=file, act=act) == small
    assert [sale[1] for sale in small["sales"]] == ["r1", "s1", "s2", "u1", "r2", "s9", "s3", "r4"]  # type: ignore[attr-defined]
    assert [count for count, *_ in small["reports"]] == [4, 2, 1]  # type: ignore[attr-defined]


def test_a_row_released_later_joins_the_lots_since_its_file_is_closed(
    file: Write, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "PARTITION_ROWS", 1)
    refund = HEADER + (
        "s1,2026-06-01T00:00:00Z,generation,m,,USD,5,,,,\nr1,2026-06-02T00:00:00Z,generation,m,,USD,-5,s2,,,\n"
    )
    first = ingest(kind="sales", path=file("a.csv", refund), act=act).file.pk
    sale = HEADER + "s2,2026-06-01T00:00:00Z,generation,m,,USD,5,,,,\n"
    report = ingest(kind="sales", path=file("b.csv", sale), act=act)
    assert report.facts["released_refunds"] == 1
    assert list(Sale.objects.values_list("sale_id", "file_id", "part")) == [
        ("s1", first, first), ("s2", report.file.pk, report.file.pk), ("r1", first, 0),
    ]  # fmt: skip


def test_a_cycle_over_large_files_verifies(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "PARTITION_ROWS", 1)
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"), ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("late", "2026-01-11T00:00:00Z", "m", "USD", "1"))
    story.publish("jan", "2026-01-01", "2026-02-01")
    story.sales(
        ("s2", "2026-01-12T00:00:00Z", "m", "USD", "10"), ("r1", "2026-02-05T00:00:00Z", "m", "USD", "-4", "s1")
    )
    story.publish("feb", "2026-02-01", "2026-03-01")
    assert set(Sale.objects.values_list("part", flat=True)) == set(Sale.objects.values_list("file_id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT s.sale_id, c.key, s.late FROM audit.sale s JOIN audit.cycle c ON c.id = s.cycle_id")
        assert set(cursor.fetchall()) == {
            ("s1", "jan", False), ("late", "jan", False), ("s2", "feb", True), ("r1", "feb", False),
        }  # fmt: skip
