"""Sales in: what is accepted, what is a duplicate, what waits."""

from collections.abc import Callable
from pathlib import Path

import pytest

from revshare.audit_trail.operations import Act
from revshare.files.models import QuarantinedRow
from revshare.ingest.operations import ingest
from revshare.sales.models import Sale

pytestmark = pytest.mark.django_db
HEADER = "sale_id,sold_at,stream,model,currency,gross_amount,refund_of\n"
Write = Callable[[str, str | bytes], Path]


def test_a_refund_waits_for_its_sale_and_is_then_taken_in(file: Write, act: Act) -> None:
    refund = file("r.csv", HEADER + "r1,2026-06-03T00:00:00Z,generation,m,USD,-4.00,s1\n")
    first = ingest(kind="sales", path=refund, act=act)
    assert (first.file.rows_accepted, first.file.rows_quarantined) == (0, 1)
    assert QuarantinedRow.objects.get().reason == "refund_of_unknown_sale@refund_of"
    sale = file("s.csv", HEADER + "s1,2026-06-01T00:00:00Z,generation,m,USD,10.00,\n")
    assert ingest(kind="sales", path=sale, act=act).facts["released_refunds"] == 1
    assert list(Sale.objects.order_by("sale_id").values_list("sale_id", "gross_micros")) == [
        ("r1", -4_000_000), ("s1", 10_000_000),
    ]  # fmt: skip
    assert QuarantinedRow.objects.get().state == "accepted"
