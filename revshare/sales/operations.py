"""Sales and refunds in, by COPY."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any

import duckdb
from django.db import connection

from revshare.files.bounds import bounds
from revshare.files.lookalikes import except_lookalikes, remember_looks
from revshare.files.models import IngestedFile
from revshare.files.repeats import except_repeated
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
from revshare.lake import copy_in, copy_out, csv_scan
from revshare.sales.rules import Refund, beyond_their_sale

CONTENT = (
    "at_us", "stream", "model", "dataset_version", "currency", "micros", "refund_of", "fees_micros", "tax_micros",
    "customer_id", "generation_id",
)  # fmt: skip
# The stored sale beside an incoming one, by the names of CONTENT.
STORED = {
    "at_us": "(extract(epoch FROM s.sold_at) * 1000000)::bigint",  # exactly: EXTRACT gives numeric
    "micros": "s.gross_micros",
}
TYPES = {"at_us": "BIGINT", "micros": "BIGINT", "fees_micros": "BIGINT", "tax_micros": "BIGINT"}
TEXTS = ("sale_id", "stream", "model", "dataset_version", "currency", "refund_of", "customer_id", "generation_id")
FETCH_ROWS = 20_000
# Columns of the table, and what fills them.
COLUMNS = {
    "sale_id": "sale_id", "sold_at": "make_timestamptz(at_us) AS sold_at", "stream": "stream", "model": "model",
    "dataset_version": "dataset_version", "currency": "currency", "gross_micros": "micros", "refund_of": "refund_of",
    "fees_micros": "fees_micros", "tax_micros": "tax_micros", "customer_id": "customer_id",
    "generation_id": "generation_id", "row": "row",
}  # fmt: skip
# Of these, those with a default, and the column of the file that they come from.
OPTIONAL = {
    "model": "model", "dataset_version": "dataset_version", "refund_of": "refund_of", "fees_micros": "fees",
    "tax_micros": "tax", "customer_id": "customer_id", "generation_id": "generation_id",
}  # fmt: skip


class SalesIntake:
    """Takes sales files."""

    kind = "sales"
    plain = None
    numbered = True

    def check(self, work: Work) -> None:
        # What cannot be read is NULL, and only then is it asked why.
        work.con.execute(
            f"CREATE OR REPLACE VIEW typed AS SELECT *, {instant_us('sold_at')} AS at_us, "
            f"{micros('gross_amount')} AS micros, {micros('fees')} AS fees_micros, {micros('tax')} AS tax_micros "
            "FROM raw"
        )
        work.con.execute("CREATE OR REPLACE VIEW accepted AS SELECT * FROM typed ANTI JOIN exceptions USING (row)")
        latest = int((work.act.at + timedelta(days=FUTURE_DAYS)).timestamp()) * 1_000_000
        printable = work.printable
        work.except_rows(
            "SELECT row, 'quarantined' AS outcome, CASE "
            + id_checks("sale_id", printable=printable)
            + f"WHEN at_us IS NULL OR at_us > {latest} THEN CASE {instant_checks('sold_at', latest)} END "
            + id_checks("stream", printable=printable)
            + f"WHEN model = '' AND dataset_version = '' THEN {reason('target_missing', 'model')} "
            + f"WHEN model <> '' AND dataset_version <> '' THEN {reason('target_ambiguous', 'model')} "
            + id_checks("model", required=False, printable=printable)
            + id_checks("dataset_version", required=False, printable=printable)
            + currency_checks("currency")
            + f"WHEN micros IS NULL THEN CASE {amount_checks('gross_amount')} END "
            + f"WHEN fees <> '' AND fees_micros IS NULL THEN CASE {amount_checks('fees')} END "
            + f"WHEN tax <> '' AND tax_micros IS NULL THEN CASE {amount_checks('tax')} END "
            + id_checks("refund_of", required=False, printable=printable)
            + text_checks("customer_id", "generation_id")
            + f"WHEN refund_of <> '' AND micros > 0 THEN {reason('refund_positive', 'gross_amount')} "
            + "END AS reason FROM typed"
        )
        content = f"struct_pack({', '.join(f'{name} := {name}' for name in CONTENT)})"
        except_repeated(work, key=("sale_id",), content=content)

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'sale'", column="sale_id", table=("sales_sale", "sale_id"))
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM sales_sale)")
            any_stored = cursor.fetchone()[0]
        if any_stored:
            _against_stored(work)
        _judge_refunds(work)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        remember_looks(work, kind="'sale'", column="sale_id")
        blank, count = _blank_columns(work), work.number("SELECT count(*) FROM accepted")
        columns = {name: text for name, text in COLUMNS.items() if name not in blank}
        # In order of ids, which mostly is that of time too: the indexes grow at their ends.
        rows = copy_in(
            work.con,
            f"SELECT {', '.join(columns.values())}, {_reserve(count)} + row_number() OVER (ORDER BY sale_id), "
            f"{file.pk} FROM accepted ORDER BY sale_id",
            table="sales_sale", columns=", ".join((*columns, "seq", "file_id")),
            quoted=[name for name in TEXTS if name in columns],
        )  # fmt: skip
        if rows:
            with connection.cursor() as cursor:
                cursor.execute("SELECT brin_summarize_new_values('sales_by_time')")
                cursor.execute("SELECT brin_summarize_new_values('sales_by_file')")
                cursor.execute("ANALYZE sales_sale")
        return {}


def _reserve(count: int) -> int:
    """Takes the next `count` numbers of arrival for this transaction, which alone has the lock of the intake; returns
    the one before the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('sales_sale', 'seq'))")
        first = int(cursor.fetchone()[0])
        cursor.execute("SELECT setval(pg_get_serial_sequence('sales_sale', 'seq'), %s)", [first + max(count, 1) - 1])
    return first - 1


def _blank_columns(work: Work) -> set[str]:
    """Columns in which the whole file says nothing, and which the table fills by itself."""
    seen = bounds(work.spool) if work.spool else {}
    return {name for name, source in OPTIONAL.items() if seen.get(source) == ("", "")}


def _against_stored(work: Work) -> None:
    """A sale id that is stored already: a duplicate if the content is the same, else a conflict."""
    columns = ", ".join(f"{STORED.get(name, f's.{name}')} AS {name}" for name in CONTENT)
    _fetch(
        work, ids="SELECT sale_id AS id FROM accepted", target="stored",
        query=f"SELECT s.sale_id, {columns} FROM sales_sale s JOIN incoming_id i ON i.id = s.sale_id",
        types={"sale_id": "VARCHAR", **{name: TYPES.get(name, "VARCHAR") for name in CONTENT}},
    )  # fmt: skip
    same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM s.{name}" for name in CONTENT)
    work.except_rows(
        f"SELECT a.row, CASE WHEN {same} THEN 'duplicate' ELSE 'quarantined' END AS outcome, "
        f"CASE WHEN {same} THEN '' ELSE 'conflicting_duplicate@sale_id' END AS reason "
        "FROM accepted a JOIN stored s USING (sale_id)"
    )


def _judge_refunds(work: Work) -> None:
    """Refunds against the sales they name, be those stored or in this file."""
    refunds = (
        "CREATE OR REPLACE TEMP TABLE refund AS SELECT row, sale_id, at_us, currency, micros, refund_of FROM accepted "
        "WHERE refund_of <> ''"
    )
    work.con.execute(refunds)
    if not work.number("SELECT count(*) FROM refund"):
        return
    work.con.execute(
        "CREATE OR REPLACE TEMP TABLE own_target AS SELECT sale_id, micros, currency, refund_of FROM accepted "
        "SEMI JOIN (SELECT DISTINCT refund_of AS sale_id FROM refund) named USING (sale_id)"
    )
    _fetch(
        work, ids="SELECT DISTINCT refund_of AS id FROM refund", target="stored_target",
        query="SELECT s.sale_id, s.gross_micros, s.currency, s.refund_of, coalesce("
        "(SELECT sum(r.gross_micros) FROM sales_sale r WHERE r.refund_of <> '' AND r.refund_of = s.sale_id), 0)"
        "::bigint FROM sales_sale s JOIN incoming_id i ON i.id = s.sale_id",
        types={"sale_id": "VARCHAR", "micros": "BIGINT", "currency": "VARCHAR", "refund_of": "VARCHAR",
               "before": "BIGINT"},
    )  # fmt: skip
    work.con.execute(
        "CREATE OR REPLACE TEMP TABLE target AS SELECT * FROM stored_target "
        "UNION ALL SELECT *, 0 AS before FROM own_target"
    )
    work.except_rows(
        "SELECT r.row, 'quarantined' AS outcome, CASE "
        "WHEN t.micros IS NULL THEN 'refund_of_unknown_sale@refund_of' "
        "WHEN t.refund_of <> '' OR t.micros < 0 THEN 'refund_of_refund@refund_of' "
        "WHEN t.currency <> r.currency THEN 'refund_currency@currency' END AS reason "
        "FROM refund r LEFT JOIN target t ON t.sale_id = r.refund_of"
    )
    work.con.execute(refunds)
    _except_beyond_their_sales(work)


def _except_beyond_their_sales(work: Work) -> None:
    """Refunds that are more than is left of their sales."""
    work.con.execute(
        "WITH beyond AS (SELECT t.sale_id, t.micros, t.before FROM target t "
        "JOIN (SELECT refund_of, sum(micros) AS micros FROM refund GROUP BY refund_of) r ON r.refund_of = t.sale_id "
        "WHERE t.micros + t.before + r.micros < 0) "
        "SELECT b.sale_id, b.micros, b.before, r.at_us, r.sale_id, r.row, r.micros FROM beyond b "
        "JOIN refund r ON r.refund_of = b.sale_id ORDER BY b.sale_id"
    )
    draft = work.scratch / "beyond.csv"
    with draft.open("w") as file:
        for (_, sale, before), group in groupby(_fetched(work.con), key=lambda line: line[:3]):
            refunds = [Refund(*line[3:]) for line in group]
            rows = beyond_their_sale(sale_micros=sale, refunded_micros=before, refunds=refunds)
            file.writelines(f"{row}\n" for row in rows)
    work.except_rows(
        "SELECT row, 'quarantined' AS outcome, 'refund_exceeds_sale@gross_amount' AS reason "
        f"FROM {csv_scan(draft, {'row': 'BIGINT'})}"
    )


def _fetched(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """The rows of the query that was run, some at a time."""
    while rows := con.fetchmany(FETCH_ROWS):
        yield from rows


def _fetch(work: Work, *, ids: str, target: str, query: str, types: dict[str, str]) -> None:
    """Makes a table of DuckDB from what a query of PostgreSQL finds for the ids (`incoming_id`) of one of DuckDB."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_id")
        cursor.execute('CREATE TEMP TABLE incoming_id (id text COLLATE "C") ON COMMIT DROP')
        copy_in(work.con, ids, table="incoming_id", columns="id")
        cursor.execute("ANALYZE incoming_id")
    draft = work.scratch / "fetched.copy"
    copy_out(query, draft)
    work.con.execute(f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT * FROM {csv_scan(draft, types)}")
    draft.unlink()
