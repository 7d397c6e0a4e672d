"""Sales and refunds in: judged by themselves, against each other and against what is stored."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any

import duckdb
from django.db import connection

from revshare.files.lookalikes import except_lookalikes, remember_looks
from revshare.files.models import IngestedFile, Void
from revshare.files.repeats import except_repeated
from revshare.files.rules import (
    FUTURE_DAYS,
    amount_checks,
    currency_checks,
    id_checks,
    instant_checks,
    reason,
    text_checks,
)
from revshare.files.voiding import IS_VOID
from revshare.files.work import Work
from revshare.lake import copy_in, copy_out, csv_scan
from revshare.sales.columns import COLUMNS, CONTENT
from revshare.sales.rules import Refund, beyond_their_sale
from revshare.sales.storing import silent_columns, store

FETCH_ROWS = 20_000
# What was refunded of a sale, of files that count.
REFUNDS = (
    "SELECT sum(r.gross_micros) FROM sales_sale r WHERE r.refund_of <> '' AND r.refund_of = {0} "
    f"AND NOT {IS_VOID.format('r')}"
)


class SalesIntake:
    """Takes sales files."""

    kind = "sales"
    plain = None
    numbered = True

    def check(self, work: Work) -> None:
        _judge(work)
        content = f"struct_pack({', '.join(f'{column.judged} := {column.judged}' for column in CONTENT)})"
        except_repeated(work, key=("sale_id",), content=content)

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'sale'", column="sale_id", table=("sales_sale", "sale_id"))
        if _ids_reach_stored(work):
            _against_stored(work)
        _judge_refunded(work)
        _judge_refunds(work)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        if not file.rows_quarantined:
            work.let_go()
        remember_looks(work, kind="'sale'", column="sale_id")
        store(work, file_id=file.pk, apart=_reuses_void_ids(work))
        return {}


def _judge(work: Work) -> None:
    """Makes the view `judged` of every row, its values read and the reason why it cannot be taken; and the views
    `accepted` and `amounts` over it."""
    silent = silent_columns(work)
    values = ", ".join(column.read(says_nothing=column in silent) for column in COLUMNS)
    spoken = ", ".join(column.judged for column in COLUMNS if column not in silent)
    work.con.execute("SET preserve_insertion_order = false")  # every row has its number
    work.con.execute(
        f"CREATE OR REPLACE TABLE seen AS SELECT row, {spoken}, CASE {_reasons(work)} END AS reason "
        f"FROM (SELECT row, sold_at, gross_amount, fees, tax, {values} FROM raw)"
    )
    # What nothing is said in takes as much memory as other columns: it is in the view alone.
    shown = ", ".join(column.read(says_nothing=True) if column in silent else column.judged for column in COLUMNS)
    work.con.execute(f"CREATE OR REPLACE VIEW judged AS SELECT row, {shown}, reason FROM seen")
    work.except_rows("SELECT row, 'quarantined' AS outcome, reason FROM judged")
    work.con.execute("CREATE OR REPLACE VIEW amounts AS SELECT row, micros FROM judged")
    work.con.execute(
        "CREATE OR REPLACE VIEW accepted AS SELECT * EXCLUDE (reason) FROM judged ANTI JOIN exceptions USING (row)"
    )


def _reasons(work: Work) -> str:
    """WHEN … THEN branches that give the reason why a row cannot be taken. What cannot be read is NULL, and only then
    is it asked why."""
    ids = partial(id_checks, printable=work.printable, words=work.words)
    latest = int((work.act.at + timedelta(days=FUTURE_DAYS)).timestamp()) * 1_000_000
    return (
        ids("sale_id")
        + f"WHEN at_us IS NULL OR at_us > {latest} THEN CASE {instant_checks('sold_at', latest)} END "
        + ids("stream")
        # A customer's fee names no model where the policy divides it by what the customer used.
        + "WHEN model = '' AND dataset_version = '' AND customer_id = '' "
        + f"THEN {reason('target_missing', 'model')} "
        + f"WHEN model <> '' AND dataset_version <> '' THEN {reason('target_ambiguous', 'model')} "
        + ids("model", required=False)
        + ids("dataset_version", required=False)
        + currency_checks("currency")
        + f"WHEN micros IS NULL THEN CASE {amount_checks('gross_amount')} END "
        + f"WHEN fees_micros IS NULL AND fees <> '' THEN CASE {amount_checks('fees')} END "
        + f"WHEN tax_micros IS NULL AND tax <> '' THEN CASE {amount_checks('tax')} END "
        + ids("refund_of", required=False)
        + text_checks("customer_id", "generation_id", words=work.words)
        + ids("plan", required=False)
        + f"WHEN refund_of <> '' AND micros > 0 THEN {reason('refund_positive', 'gross_amount')} "
    )


def _ids_reach_stored(work: Work) -> bool:
    """Whether any stored id lies between the first and the last of the file's: only then can one be the same."""
    ((low, high),) = work.con.execute("SELECT min(sale_id), max(sale_id) FROM accepted").fetchall()
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM sales_sale WHERE sale_id BETWEEN %s AND %s)", [low, high])
        return bool(cursor.fetchone()[0])


def _against_stored(work: Work) -> None:
    """A sale id that is stored already: a duplicate if the content is the same, else a conflict. What a void file said
    may be said again by another file; not by rows out of quarantine, which cannot be put apart."""
    columns = ", ".join(f"{column.stored} AS {column.judged}" for column in COLUMNS)
    _fetch(
        work, ids="SELECT sale_id AS id FROM accepted", target="stored",
        query=f"SELECT {columns} FROM sales_sale s JOIN incoming_id i ON i.id = s.sale_id {_counting(work)}",
        types={column.judged: column.type for column in COLUMNS},
    )  # fmt: skip
    same = " AND ".join(f"a.{column.judged} IS NOT DISTINCT FROM s.{column.judged}" for column in CONTENT)
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
        f"({REFUNDS.format('s.sale_id')}), 0)::bigint "
        f"FROM sales_sale s JOIN incoming_id i ON i.id = s.sale_id WHERE NOT {IS_VOID.format('s')}",
        types={"sale_id": "VARCHAR", "micros": "BIGINT", "currency": "VARCHAR", "refund_of": "VARCHAR",
               "before": "BIGINT"},
    )  # fmt: skip
    work.con.execute(
        "CREATE OR REPLACE TEMP TABLE target AS SELECT * FROM stored_target "
        "UNION ALL SELECT o.sale_id, o.micros, o.currency, o.refund_of, coalesce(b.before, 0) FROM own_target o "
        "LEFT JOIN refunded_before b ON b.sale_id = o.sale_id"
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


def _judge_refunded(work: Work) -> None:
    """Sales that come again after their file was void, against refunds that stayed."""
    work.con.execute("CREATE OR REPLACE TEMP TABLE refunded_before (sale_id VARCHAR, before BIGINT)")
    if not _any_void_sales():
        return
    _fetch(
        work, ids="SELECT sale_id AS id FROM accepted", target="refunded_before",
        query=f"SELECT i.id, ({REFUNDS.format('i.id')})::bigint FROM incoming_id i "
        "WHERE EXISTS (SELECT FROM sales_sale r WHERE r.refund_of <> '' AND r.refund_of = i.id)",
        types={"sale_id": "VARCHAR", "before": "BIGINT"},
    )  # fmt: skip
    work.except_rows(
        "SELECT row, 'quarantined' AS outcome, 'refund_exceeds_sale@gross_amount' AS reason "
        "FROM accepted a JOIN refunded_before b USING (sale_id) WHERE a.micros + b.before < 0"
    )


def _any_void_sales() -> bool:
    return Void.objects.filter(file__kind="sales").exists()


def _counting(work: Work) -> str:
    return "" if work.released else f"WHERE NOT {IS_VOID.format('s')}"


def _reuses_void_ids(work: Work) -> bool:
    """Whether any accepted id is stored already, in a file that is void."""
    if work.released or not _any_void_sales():
        return False
    _fetch(
        work, ids="SELECT sale_id AS id FROM accepted", target="void_before", types={"sale_id": "VARCHAR"},
        query="SELECT i.id FROM incoming_id i JOIN sales_sale s ON s.sale_id = i.id LIMIT 1",
    )  # fmt: skip
    return work.number("SELECT count(*) FROM void_before") > 0


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
