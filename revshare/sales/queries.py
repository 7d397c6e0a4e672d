"""Reads over sales: those in given ranges of date and arrival."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from revshare.bulk import copied_out
from revshare.sales.columns import microseconds


@dataclass(frozen=True)
class Range:
    """Sales dated in [starts_at, ends_at) that arrived as number (after_seq, upto_seq]."""

    starts_at: datetime
    ends_at: datetime
    after_seq: int
    upto_seq: int
    voided: tuple[int, ...] = ()  # files whose sales do not count


@dataclass(frozen=True)
class Sum:
    """What sales to one target come to. For a refund of a known sale, stream and target are those of that sale."""

    stream: str
    model: str
    dataset_version: str
    currency: str
    net_micros: int
    count: int
    deducted_micros: int = 0  # tax and fees, if they are asked for
    rate: str = ""  # of the policy's rate table, where it has several
    day: date | None = None  # of the exchange rate, if there is one


def within(ranges: Sequence[Range], sale: str = "s") -> tuple[str, list[Any]]:
    """SQL of whether a sale (the table's name in the query) is in one of the ranges, and its parameters."""
    bounds = f"{sale}.sold_at >= %s AND {sale}.sold_at < %s AND {sale}.seq > %s AND {sale}.seq <= %s"
    conditions, params = [], list[Any]()
    for r in ranges:
        conditions.append(f"({bounds} AND {sale}.file_id <> ALL(%s))" if r.voided else f"({bounds})")
        params += [r.starts_at, r.ends_at, r.after_seq, r.upto_seq, *([list(r.voided)] if r.voided else [])]
    return "(" + (" OR ".join(conditions) or "false") + ")", params


def refunded(ranges: Sequence[Range]) -> tuple[str, list[Any]]:
    """SQL of whether a sale `t` is the one that a refund `s` of these ranges is of, and its parameters. Where a file is
    void, the same ids may have come again later."""
    voided = sorted({file for r in ranges for file in r.voided})
    there = "t.sale_id = s.refund_of AND t.seq <= %s" + (" AND t.file_id <> ALL(%s)" if voided else "")
    return there, [max((r.upto_seq for r in ranges), default=0), *([voided] if voided else [])]


def whole_parts(ranges: Sequence[Range], *, by_customer: bool = False) -> list[int]:
    """The parts whose sums are kept (`part_sums`) and of which each sale counts in these ranges. `by_customer`: of
    these only those that tell customers apart."""
    bounds = "first_at >= %s AND last_at < %s AND first_seq > %s AND last_seq <= %s AND part <> ALL(%s)"
    condition = " OR ".join([f"({bounds})"] * len(ranges)) or "false"
    params = [item for r in ranges for item in (r.starts_at, r.ends_at, r.after_seq, r.upto_seq, list(r.voided))]
    told_apart = "HAVING bool_and(customer_id IS NOT NULL)" if by_customer else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT part FROM sales_part_sum WHERE {condition} GROUP BY part {told_apart}", params)
        return sorted(part for (part,) in cursor.fetchall())


def sums_by_target(ranges: Sequence[Range], *, read_all: bool = False) -> list[Sum]:
    """Net sales by stream, target and currency. A refund counts on its own date, against what it refunds: which that is
    may change while its part does not, so refunds are always read. They are few. `read_all`: read every sale, also of
    parts whose sums are kept."""
    where, params = within(ranges)
    there, known = refunded(ranges)
    parts = [] if read_all else whole_parts(ranges)
    query = (
        "SELECT stream, model, dataset_version, currency, sum(micros)::text, sum(number)::bigint FROM ("
        "SELECT s.stream, s.model, s.dataset_version, s.currency, sum(s.gross_micros) AS micros, count(*) AS number "
        f"FROM sales_sale s WHERE s.refund_of = '' AND {where} AND s.part <> ALL(%s) GROUP BY 1, 2, 3, 4 "
        "UNION ALL "
        "SELECT stream, model, dataset_version, currency, net_micros, sales "
        "FROM sales_part_sum WHERE part = ANY(%s) AND NOT refunds "
        "UNION ALL "
        "SELECT coalesce(t.stream, s.stream), coalesce(t.model, s.model), "
        "coalesce(t.dataset_version, s.dataset_version), s.currency, sum(s.gross_micros), count(*) "
        f"FROM sales_sale s LEFT JOIN sales_sale t ON {there} WHERE s.refund_of <> '' AND {where} "
        "GROUP BY 1, 2, 3, 4) parts GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [*params, parts, parts, *known, *params])
        return [
            Sum(stream, model, version, currency, int(net), number)
            for stream, model, version, currency, net, number in cursor.fetchall()
        ]


def count(ranges: Sequence[Range]) -> int:
    where, params = within(ranges)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM sales_sale s WHERE {where}", params)
        return int(cursor.fetchone()[0])


def last_seq() -> int:
    """The number of the sale that arrived last; 0 before the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM sales_sale")
        return int(cursor.fetchone()[0])


Lines = Callable[[Sequence[Range]], Iterable[bytes]]
"""What gives the lines of the sales in these ranges, as `canonical_lines` does."""


def canonical_lines(
    ranges: Sequence[Range], *, first_id: str = "", before_id: str = ""
) -> Generator[bytes, None, None]:
    """The sales as bytes that depend on nothing but the sales: CSV, every value quoted, in code-point order of sale id;
    instants in microseconds since 1970. `first_id`, `before_id`: only ids from the one up to, and without, the
    other."""
    where, params = within(ranges)
    for sign, bound in ((">=", first_id), ("<", before_id)):
        if bound:
            where, params = f"{where} AND s.sale_id {sign} %s", [*params, bound]
    query = (
        f"SELECT s.sale_id, {microseconds('s.sold_at')}, s.stream, s.model, s.dataset_version, "
        f"s.currency, s.gross_micros, s.refund_of FROM sales_sale s WHERE {where} ORDER BY s.sale_id"
    )
    return (rows.data for rows in copied_out(query, params, options=", FORCE_QUOTE *"))


def middle_id(ranges: Sequence[Range]) -> str:
    """A sale id before which about half of these sales stand, by a sample of one page in thirty; '' if that has none of
    them."""
    where, params = within(ranges)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s.sale_id) "
            f"FROM sales_sale s TABLESAMPLE SYSTEM (3) WHERE {where}",
            params,
        )
        return cursor.fetchone()[0] or ""
