"""Reads: the statements of a cycle as its trees take them, what a cycle commits to, a statement's proof."""

import io
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from django.db import connection

from revshare.bulk import copied_out
from revshare.cycles.models import Cycle
from revshare.errors import NotFound
from revshare.lake import part
from revshare.ledger.models import AccountControl, Journal
from revshare.ledger.queries import ALLOCATION_JOURNAL
from revshare.pools.models import Pool
from revshare.proofs.models import Commitment
from revshare.proofs.rules import PROOF_FORMAT, CycleFacts, PoolFacts, Step, TreeFacts
from revshare.proofs.tree import Statements, parts_of
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import canonical_text

TREES = "trees"
COLUMNS = ("adjusted", "withheld", "held", "paid")
SORT_MEMORY = "256MB"
# Every statement of a cycle with the hash of its canonical text, as `revshare_statement_sha256` builds it for one, but
# for all at once: a million calls would take minutes.
CONTENTS = """
    WITH line AS (
        SELECT e.statement_no, e.contributor_id, p.currency, p.kind, e.opening_micros, e.earned_micros, e.amount_micros,
               row_number() OVER places AS line,
               concat_ws(E'\\t', 'line', row_number() OVER places, 'earned', p."table", p.model, p.dataset_version,
                         p.part, p.measure, p.distributable_micros, e.numerator_ticks, p.denominator_ticks,
                         e.amount_micros)
                   || E'\\n' AS text
        FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id WHERE e.cycle_id = {cycle:d} AND p.currency = %s
        WINDOW places AS (PARTITION BY e.statement_no
                          ORDER BY p.kind = 'movements', p."table", p.model, p.dataset_version, p.part)),
    statement AS (
        SELECT statement_no, contributor_id, currency, sum(opening_micros) AS opening, sum(earned_micros) AS earned,
               count(*) FILTER (WHERE kind = 'sales') AS lines,
               coalesce(sum(amount_micros) FILTER (WHERE kind = 'movements'), 0) AS moved,
               string_agg(text, '' ORDER BY line) FILTER (WHERE kind = 'sales') AS text
        FROM line GROUP BY statement_no, contributor_id, currency),
    movement AS (
        SELECT contributor_id, currency, kind, key, amount_micros,
               row_number() OVER (PARTITION BY contributor_id, currency ORDER BY journal_id) AS line
        FROM ledger_movement WHERE cycle_id = {cycle:d} AND currency = %s),
    moved AS (
        SELECT s.statement_no, string_agg(
                   concat_ws(E'\\t', 'line', s.lines + m.line, m.kind, m.key, m.amount_micros) || E'\\n', ''
                   ORDER BY m.line) AS text
        FROM statement s JOIN movement m USING (contributor_id, currency) GROUP BY s.statement_no)
    SELECT s.statement_no, s.earned, s.opening + s.earned + s.moved AS closing,
           encode(sha256(convert_to(concat(
               E'statement\\t', c.key, '-', to_char(s.statement_no, 'FM000000000'), E'\\ncycle\\t', c.key,
               E'\\npolicy\\t', y.sha256, E'\\ncontributor\\t', s.contributor_id, E'\\ncurrency\\t', s.currency,
               E'\\nopening\\t', s.opening, E'\\nearned\\t', s.earned, {columns}
               E'\\nclosing\\t', s.opening + s.earned + s.moved, E'\\njournal\\t', coalesce(j.hash, ''), E'\\n',
               s.text, m.text), 'UTF8')), 'hex') AS content
    FROM statement s
    JOIN cycles_cycle c ON c.id = {cycle:d} JOIN policies_policy y ON y.id = c.policy_id
    LEFT JOIN ledger_journal j ON j.kind = 'allocation' AND j.key = c.key
    LEFT JOIN moved m USING (statement_no)
    LEFT JOIN statements_moved k
        ON k.cycle_id = c.id AND k.contributor_id = s.contributor_id AND k.currency = s.currency
    ORDER BY s.statement_no
"""
TYPES = {"ordinal": pa.int32(), "earned": pa.int64(), "closing": pa.int64(), "content": pa.string()}


def statements_of(cycle: Cycle) -> Iterator[tuple[str, Statements]]:
    """The statements of a cycle, a currency at a time, in code-point order of currencies. Inside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{SORT_MEMORY}'")
    names, types = pa_csv.ReadOptions(column_names=list(TYPES)), pa_csv.ConvertOptions(column_types=TYPES)
    columns = " ".join(f"E'\\n{name}\\t', coalesce(k.{name}_micros, 0)," for name in COLUMNS)
    query = CONTENTS.format(cycle=cycle.pk, columns=columns)
    for currency in sorted(AccountControl.objects.filter(cycle=cycle).values_list("currency", flat=True)):
        with closing(copied_out(query, [currency, currency])) as blocks:
            tables = [
                pa_csv.read_csv(io.BytesIO(rows.data), read_options=names, convert_options=types) for rows in blocks
            ]
        if not tables:  # somebody took the entries away; `verify` compares what is left with what was committed to
            continue
        table = pa.concat_tables(tables)
        statements = Statements(
            ordinals=table["ordinal"].to_numpy(),
            contents=np.frombuffer(bytes.fromhex("".join(table["content"].to_pylist())), "V32"),
            earned=table["earned"].to_numpy(),
            owed=np.maximum(table["closing"].to_numpy(), 0),
        )
        yield currency, statements


def pools_of(cycle: Cycle) -> list[Pool]:
    """What was shared, in the order of the commitment."""
    sold = Pool.objects.filter(cycle=cycle, kind=Pool.Kind.SALES)
    return list(sold.order_by("currency", "table", "model", "dataset_version", "part"))


def came_in(pool: Pool) -> int:
    """Net sales, what earlier cycles carried over, and what suspense released, in micros."""
    return pool.net_micros + pool.carried_in_micros + pool.released_micros


def facts_of(cycle: Cycle, trees: tuple[TreeFacts, ...]) -> CycleFacts:
    """What the cycle commits to, with these trees over its statements."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.currency, r.bucket, sum(r.amount_micros)::text FROM allocation_rest r "
            "JOIN pools_pool p ON p.id = r.pool_id WHERE r.cycle_id = %s GROUP BY 1, 2 "
            'ORDER BY p.currency, r.bucket COLLATE "C"',
            [cycle.pk],
        )
        aside = tuple((currency, bucket, int(micros)) for currency, bucket, micros in cursor.fetchall())
    journal = Journal.objects.filter(kind=ALLOCATION_JOURNAL, key=cycle.key).values_list("hash", flat=True).first()
    return CycleFacts(
        key=cycle.key, period=(cycle.starts_at.isoformat(), cycle.ends_at.isoformat(), cycle.timezone),
        policy=(f"{cycle.policy.name}@{cycle.policy.version}", cycle.policy.sha256), result_digest=cycle.result_digest,
        journal_hash=journal or "", aside=aside, trees=trees,
        pools=tuple(
            PoolFacts(
                table=pool.table, model=pool.model, dataset_version=pool.dataset_version, part=pool.part,
                currency=pool.currency, in_micros=came_in(pool),
                distributable_micros=pool.distributable_micros, denominator=pool.denominator_ticks,
            )
            for pool in pools_of(cycle)
        ),
    )  # fmt: skip


def commitment_of(key: str) -> Commitment:
    """What the cycle of this key has committed to. Raises NotFound if that is nothing (yet)."""
    commitment = Commitment.objects.filter(cycle__key=key).select_related("cycle", "cycle__policy").first()
    if commitment is None:
        raise NotFound(f"Cycle {key} has committed to nothing yet: it does a moment after it is published.")
    return commitment


def proof_of(statement: Statement) -> dict[str, Any]:
    """All that somebody needs to check a statement by themselves, as JSON takes it (`docs/proof.md`); amounts as text,
    since JavaScript's numbers are too small. Raises NotFound if its cycle has committed to nothing."""
    commitment = commitment_of(statement.cycle.key)
    parts = parts_of(part(TREES, commitment.trees[statement.currency]), statement.ordinal)
    assert parts, "the tree was made of all statements"
    return {
        "format": PROOF_FORMAT,
        "statement": canonical_text(explain(statement).content),
        "parts": [
            {
                "salt": item.salt.hex(), "earned_micros": str(item.earned_micros), "owed_micros": str(item.owed_micros),
                "path": [_step(step) for step in item.path],
            }
            for item in parts
        ],
        "commitment": commitment.text,
        "signature": commitment.signature,
        "public_key": commitment.public_key,
    }  # fmt: skip


def _step(step: Step) -> dict[str, str]:
    return {
        "side": "left" if step.is_left else "right", "hash": step.node.hash.hex(),
        "earned_micros": str(step.node.earned_micros), "owed_micros": str(step.node.owed_micros),
    }  # fmt: skip
