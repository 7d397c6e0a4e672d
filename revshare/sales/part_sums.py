"""What the sales of a large file come to, counted while they come in and kept beside them: whoever adds up a period
that holds them all does not read them (ADR 32).

A part of the table of sales is closed when it is attached. So its sums are as fixed as its sales; `verify` adds those
up and compares. Parts without sums are read.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from revshare.files.work import Work
from revshare.money import INT64_MAX
from revshare.sales.models import PartSum

MOST = 5_000  # rows of a part; if customers make them more, they are not told apart
GROUPS = "refund_of <> '' AS refunds, stream, model, dataset_version, currency"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Group(NamedTuple):
    """Sales that neither pools nor reviews tell apart. `customer_id`: None of all customers."""

    refunds: bool  # of known sales
    stream: str
    model: str
    dataset_version: str
    currency: str
    customer_id: str | None
    net_micros: int
    sales: int
    first_us: int
    last_us: int


def add_up(work: Work, *, names_customers: bool) -> list[Group] | None:
    """The sums of the accepted rows; None if they are too many, or one is too large. `names_customers`: whether some
    row does."""
    customers = work.number("SELECT approx_count_distinct(customer_id) FROM accepted") if names_customers else 1
    found = _groups(work, "customer_id") if customers <= MOST else None
    return _groups(work, "NULL::VARCHAR") if found is None else found


def _groups(work: Work, customer: str) -> list[Group] | None:
    found = work.con.execute(
        f"SELECT {GROUPS}, {customer} AS customer, sum(micros), count(*), min(at_us), max(at_us) FROM accepted "
        f"GROUP BY ALL LIMIT {MOST + 1}"
    ).fetchall()
    groups = [Group(*row) for row in found]
    few = len(groups) <= MOST and all(abs(group.net_micros) <= INT64_MAX for group in groups)
    return groups if few else None


def keep(groups: list[Group], *, part: int, first_seq: int, last_seq: int) -> None:
    """Keeps the sums of all sales of a part. In the transaction that attaches it, and before that."""
    bounds = {
        "part_id": part, "first_seq": first_seq, "last_seq": last_seq,
        "first_at": _instant(min(group.first_us for group in groups)),
        "last_at": _instant(max(group.last_us for group in groups)),
    }  # fmt: skip
    PartSum.objects.bulk_create(
        PartSum(
            **bounds, refunds=group.refunds, stream=group.stream, model=group.model,
            dataset_version=group.dataset_version, currency=group.currency, customer_id=group.customer_id,
            net_micros=group.net_micros, sales=group.sales,
        )
        for group in groups
    )  # fmt: skip


def _instant(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
