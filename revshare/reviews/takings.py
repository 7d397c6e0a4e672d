"""What a cycle's sales come to by buyer, by model or dataset version, and by file. Kept with its review, so that later
cycles can be compared with it without reading its sales again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from revshare.sales.queries import Range, whole_parts, within

CUSTOMER, MODEL, FILE = "customer", "model", "file"
WHAT = (CUSTOMER, MODEL, FILE)
KEPT = 200
LEAST_PART = 1000  # what is less than one in so many of a currency's net sales is not kept
TARGET = "CASE WHEN model <> '' THEN model ELSE dataset_version END"
QUERY = """
    WITH sold AS (
        SELECT currency, customer_id, {target} AS target, file_id, sum(gross_micros) AS micros, count(*) AS sales
        FROM sales_sale s WHERE {where} AND s.part <> ALL(%s) GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT currency, customer_id, {target}, part, net_micros, sales FROM sales_part_sum WHERE part = ANY(%s)
    ), summed AS (
        SELECT grouping(customer_id, target, file_id) AS what, currency,
               coalesce(customer_id, target, file_id::text, '') AS name, sum(micros) AS micros, sum(sales) AS sales
        FROM sold GROUP BY GROUPING SETS ((currency), (currency, customer_id), (currency, target), (currency, file_id))
    ), ranked AS (
        SELECT s.*, row_number() OVER (
                   PARTITION BY s.currency, s.what ORDER BY s.micros DESC, s.name COLLATE "C") AS place
        FROM summed s JOIN summed n ON n.currency = s.currency AND n.what = 7
        WHERE s.what = 7 OR s.name <> '' AND s.micros > 0 AND s.micros * {least} >= n.micros
    )
    SELECT what, currency, name, micros::text, sales::bigint FROM ranked WHERE place <= {kept}
    ORDER BY currency, what, name COLLATE "C"
"""
# PostgreSQL's grouping(): a bit for each column that a row is not grouped by.
GROUPS = {3: CUSTOMER, 5: MODEL, 6: FILE}


@dataclass(frozen=True)
class Sold:
    """What came in from one buyer, for one model or by one file."""

    micros: int
    sales: int


@dataclass(frozen=True)
class Takings:
    """Of one currency: all, and by what and name those that are not small."""

    net_micros: int
    by: Mapping[str, Mapping[str, Sold]]

    def as_json(self) -> dict[str, Any]:
        by = {
            what: {name: [sold.micros, sold.sales] for name, sold in names.items()} for what, names in self.by.items()
        }
        return {"net_micros": self.net_micros, "by": by}


def takings_of(ranges: Sequence[Range]) -> dict[str, Takings]:
    """By currency."""
    where, params = within(ranges)
    parts = whole_parts(ranges, by_customer=True)
    nets: dict[str, int] = {}
    by: dict[str, dict[str, dict[str, Sold]]] = {}
    with connection.cursor() as cursor:
        query = QUERY.format(where=where, target=TARGET, least=LEAST_PART, kept=KEPT)
        cursor.execute(query, [*params, parts, parts])
        for what, currency, name, micros, sales in cursor.fetchall():
            names = by.setdefault(currency, {each: {} for each in WHAT})
            if what in GROUPS:
                names[GROUPS[what]][name] = Sold(int(micros), sales)
            else:
                nets[currency] = int(micros)
    return {currency: Takings(nets[currency], names) for currency, names in by.items()}


def from_json(kept: Mapping[str, Any]) -> dict[str, Takings]:
    return {
        currency: Takings(
            item["net_micros"],
            {what: {name: Sold(*sold) for name, sold in names.items()} for what, names in item["by"].items()},
        )
        for currency, item in kept.items()
    }
