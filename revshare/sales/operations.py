"""Sales and refunds in, by COPY."""

from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from django.db import connection

from revshare.contributors.operations import repeated_rows
from revshare.files.lookalikes import except_lookalikes, remember_looks
from revshare.files.models import IngestedFile
from revshare.files.rules import (
    FUTURE_DAYS,
    amount_checks,
    currency_checks,
    id_checks,
    instant_checks,
    instant_us,
    micros,
    reason,
    text_checks,
)
from revshare.files.work import Work
from revshare.lake import csv_scan
from revshare.sales.rules import Refund, beyond_their_sale

CONTENT = (
    "at_us", "stream", "model", "dataset_version", "currency", "micros", "refund_of", "fees_micros", "tax_micros",
    "customer_id", "generation_id",
)  # fmt: skip
STAGED = {
    "row": "bigint", "sale_id": 'text COLLATE "C"', "at_us": "bigint", "stream": "text", "model": "text",
    "dataset_version": "text", "currency": "text", "micros": "bigint", "refund_of": 'text COLLATE "C"',
    "fees_micros": "bigint", "tax_micros": "bigint", "customer_id": "text", "generation_id": "text",
}  # fmt: skip
TABLE = "incoming_sale"
# The microseconds of a timestamptz, exactly: EXTRACT gives numeric.
STORED_US = "(extract(epoch FROM s.sold_at) * 1000000)::bigint"


class SalesIntake:
    """Takes sales files."""

    kind = "sales"

    def check(self, work: Work) -> None:
        work.con.execute(
            "CREATE OR REPLACE VIEW accepted AS SELECT *, "
            f"{instant_us('sold_at')} AS at_us, {micros('gross_amount')} AS micros, "
            f"{micros('fees')} AS fees_micros, {micros('tax')} AS tax_micros "
            "FROM raw ANTI JOIN exceptions USING (row)"
        )
        latest = int((work.act.at + timedelta(days=FUTURE_DAYS)).timestamp()) * 1_000_000
        work.except_rows(
            "SELECT row, 'quarantined' AS outcome, CASE "
            + id_checks("sale_id")
            + instant_checks("sold_at", latest)
            + id_checks("stream")
            + f"WHEN model = '' AND dataset_version = '' THEN {reason('target_missing', 'model')} "
            + f"WHEN model <> '' AND dataset_version <> '' THEN {reason('target_ambiguous', 'model')} "
            + id_checks("model", required=False)
            + id_checks("dataset_version", required=False)
            + currency_checks("currency")
            + amount_checks("gross_amount")
            + amount_checks("fees", required=False)
            + amount_checks("tax", required=False)
            + id_checks("refund_of", required=False)
            + text_checks("customer_id", "generation_id")
            + f"WHEN refund_of <> '' AND {micros('gross_amount')} > 0 "
            + f"THEN {reason('refund_positive', 'gross_amount')} "
            + "END AS reason FROM raw"
        )
        content = f"struct_pack({', '.join(f'{name} := {name}' for name in CONTENT)})"
        work.except_rows(repeated_rows(("sale_id",), content))

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'sale'", column="sale_id", table=("sales_sale", "sale_id"))
        work.stage(TABLE, STAGED)
        _against_stored(work)
        _judge_refunds(work)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        remember_looks(work, kind="'sale'", column="sale_id")
        work.drop_excepted(TABLE)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO sales_sale (sale_id, sold_at, stream, model, dataset_version, currency, gross_micros, "
                "refund_of, fees_micros, tax_micros, customer_id, generation_id, file_id, row) "
                "SELECT sale_id, timestamptz 'epoch' + at_us * interval '1 microsecond', stream, model, "
                "dataset_version, currency, micros, refund_of, fees_micros, tax_micros, customer_id, generation_id, "
                "%s, row FROM incoming_sale ORDER BY row",
                [file.pk],
            )
            if cursor.rowcount:
                cursor.execute("ANALYZE sales_sale")
        return {}


def _against_stored(work: Work) -> None:
    """A sale id that is stored already: a duplicate if the content is the same, else a conflict."""
    pairs = {"at_us": STORED_US, "micros": "s.gross_micros"}
    same = " AND ".join(f"i.{name} IS NOT DISTINCT FROM {pairs.get(name, f's.{name}')}" for name in CONTENT)
    work.except_found(
        f"SELECT i.row, CASE WHEN {same} THEN 'duplicate' ELSE 'quarantined' END AS outcome, "
        f"CASE WHEN {same} THEN '' ELSE 'conflicting_duplicate@sale_id' END AS reason "
        f"FROM {TABLE} i JOIN sales_sale s ON s.sale_id = i.sale_id"
    )


def _judge_refunds(work: Work) -> None:
    """Refunds against the sales they name, be those stored or in this file."""
    work.drop_excepted(TABLE)
    target = (
        "LEFT JOIN LATERAL (SELECT gross_micros AS micros, currency, refund_of FROM sales_sale s "
        "WHERE s.sale_id = i.refund_of UNION ALL SELECT micros, currency, refund_of FROM incoming_sale t "
        "WHERE t.sale_id = i.refund_of) t ON true"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX ON {TABLE} (sale_id)")
    work.except_found(
        "SELECT i.row, 'quarantined' AS outcome, CASE "
        "WHEN t.micros IS NULL THEN 'refund_of_unknown_sale@refund_of' "
        "WHEN t.refund_of <> '' OR t.micros < 0 THEN 'refund_of_refund@refund_of' "
        "WHEN t.currency <> i.currency THEN 'refund_currency@currency' END AS reason "
        f"FROM incoming_sale i {target} WHERE i.refund_of <> '' "
        "AND (t.micros IS NULL OR t.refund_of <> '' OR t.micros < 0 OR t.currency <> i.currency)"
    )
    work.drop_excepted(TABLE)
    work.except_rows(
        "SELECT row, 'quarantined' AS outcome, 'refund_exceeds_sale@gross_amount' AS reason "
        f"FROM {csv_scan(_beyond_their_sales(work, target), {'row': 'BIGINT'})}"
    )


def _beyond_their_sales(work: Work, target: str) -> Path:
    """Writes the rows of refunds that are more than is left of their sales, one a line."""
    query = (
        f"WITH new AS (SELECT refund_of, sum(micros) AS micros FROM {TABLE} WHERE refund_of <> '' GROUP BY 1), "
        "old AS (SELECT refund_of, sum(gross_micros) AS micros FROM sales_sale "
        "WHERE refund_of <> '' AND refund_of IN (SELECT refund_of FROM new) GROUP BY 1), "
        "beyond AS (SELECT i.refund_of, t.micros AS sale, coalesce(old.micros, 0) AS before FROM new i "
        f"{target} LEFT JOIN old ON old.refund_of = i.refund_of "
        "WHERE t.micros + i.micros + coalesce(old.micros, 0) < 0) "
        "SELECT b.refund_of, b.sale::bigint, b.before::bigint, r.at_us, r.sale_id, r.row, r.micros FROM beyond b "
        f"JOIN {TABLE} r ON r.refund_of = b.refund_of ORDER BY b.refund_of"
    )
    draft = work.scratch / "beyond.csv"
    with connection.chunked_cursor() as cursor, draft.open("w") as file:
        cursor.execute(query)
        for (_, sale, before), group in groupby(cursor, key=lambda line: line[:3]):
            refunds = [Refund(*line[3:]) for line in group]
            rows = beyond_their_sale(sale_micros=sale, refunded_micros=before, refunds=refunds)
            file.writelines(f"{row}\n" for row in rows)
    return draft
