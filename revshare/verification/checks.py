"""What `verify` looks at: each check recomputes from stored inputs and names the first thing that is wrong.

Checks are set-wise SQL or walk a chain; none of them writes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from revshare.audit_trail.models import Event
from revshare.audit_trail.rules import GENESIS, event_hash
from revshare.errors import Refused
from revshare.lake import check_part
from revshare.ledger.models import Journal
from revshare.ledger.operations import legs_digest
from revshare.ledger.rules import journal_hash
from revshare.manifests.models import Part
from revshare.manifests.queries import LAKE


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be: which invariant, where, and what it is against what it should be."""

    invariant: str
    where: str
    what: str


@dataclass(frozen=True)
class SqlCheck:
    """A query whose every row is a finding: (where, is, should be)."""

    invariant: str
    says: str
    query: str


SQL_CHECKS = (
    SqlCheck(
        "I1", "net sales and what was carried in are all allocated",
        """
        SELECT c.key || ' ' || p.currency, coalesce(sum(a.amount), 0), sum(p.net + p.carried_in)
        FROM (SELECT cycle_id, currency, sum(net_micros) AS net, sum(carried_in_micros) AS carried_in FROM pools_pool
              GROUP BY 1, 2) p
        JOIN cycles_cycle c ON c.id = p.cycle_id AND c.result_digest <> ''
        LEFT JOIN (SELECT cycle_id, currency, sum(amount_micros) AS amount FROM allocation_allocation GROUP BY 1, 2) a
            ON a.cycle_id = p.cycle_id AND a.currency = p.currency
        GROUP BY 1 HAVING coalesce(sum(a.amount), 0) <> sum(p.net + p.carried_in)
        """,
    ),
    SqlCheck(
        "I2", "each journal balances in each currency, has legs, and every leg is positive",
        """
        SELECT 'journal ' || j.seq || ' ' || coalesce(l.currency, ''),
               coalesce(sum(CASE l.side WHEN 'D' THEN l.amount_micros ELSE -l.amount_micros END), 0), 0
        FROM ledger_journal j LEFT JOIN ledger_leg l ON l.journal_id = j.seq GROUP BY j.seq, l.currency
        HAVING count(l.id) = 0 OR min(l.amount_micros) <= 0 OR
            sum(CASE l.side WHEN 'D' THEN l.amount_micros ELSE -l.amount_micros END) <> 0
        """,
    ),
    SqlCheck(
        "I3", "the trial balance is zero",
        """
        SELECT currency, sum(CASE side WHEN 'D' THEN amount_micros ELSE -amount_micros END), 0 FROM ledger_leg
        GROUP BY currency HAVING sum(CASE side WHEN 'D' THEN amount_micros ELSE -amount_micros END) <> 0
        """,
    ),
    SqlCheck(
        "I4", "each contributor's allocations are what the cycle's journal credits them",
        """
        WITH due AS (
            SELECT cycle_id, currency, 'payable:' || contributor_id AS account, sum(amount_micros) AS amount
            FROM allocation_allocation a JOIN cycles_cycle c ON c.id = a.cycle_id AND c.result_digest <> ''
            WHERE bucket = 'contributor' GROUP BY 1, 2, 3
        ), moved AS (
            SELECT j.cycle_id, l.currency, l.account,
                   sum(CASE l.side WHEN 'C' THEN l.amount_micros ELSE -l.amount_micros END) AS amount
            FROM ledger_leg l JOIN ledger_journal j ON j.seq = l.journal_id
            WHERE j.kind = 'allocation' AND l.account LIKE 'payable:%%' GROUP BY 1, 2, 3
        )
        SELECT account || ' ' || currency, coalesce(moved.amount, 0), coalesce(due.amount, 0)
        FROM due FULL JOIN moved USING (cycle_id, currency, account)
        WHERE coalesce(moved.amount, 0) <> coalesce(due.amount, 0)
        """,
    ),
    SqlCheck(
        "I5", "each statement adds up, and its lines are what it earned",
        """
        SELECT 'statement ' || s.number, s.closing_micros - s.opening_micros, coalesce(l.amount, 0)
        FROM statements_statement s
        LEFT JOIN (SELECT cycle_id, contributor_id, currency, sum(amount_micros) AS amount FROM allocation_allocation
                   WHERE bucket = 'contributor' GROUP BY 1, 2, 3) l
            ON (l.cycle_id, l.contributor_id, l.currency) = (s.cycle_id, s.contributor_id, s.currency)
        WHERE s.earned_micros <> coalesce(l.amount, 0) OR s.closing_micros <> s.opening_micros + s.earned_micros
            + s.adjusted_micros - s.withheld_micros - s.held_micros - s.paid_micros
        """,
    ),
    SqlCheck(
        "I5", "everybody with an allocation has a statement",
        """
        SELECT DISTINCT c.key || ' ' || a.contributor_id || ' ' || a.currency, 0, 1
        FROM allocation_allocation a JOIN cycles_cycle c ON c.id = a.cycle_id AND c.result_digest <> ''
        LEFT JOIN statements_statement s
            ON (s.cycle_id, s.contributor_id, s.currency) = (a.cycle_id, a.contributor_id, a.currency)
        WHERE a.bucket = 'contributor' AND s.id IS NULL
        """,
    ),
    SqlCheck(
        "I5", "a contributor's last closing balance is that of their account",
        """
        WITH last AS (
            SELECT DISTINCT ON (contributor_id, currency)
                   'payable:' || contributor_id AS account, currency, closing_micros
            FROM statements_statement s JOIN cycles_cycle c ON c.id = s.cycle_id AND c.result_digest <> ''
            ORDER BY contributor_id, currency, s.id DESC
        ), balance AS (
            SELECT account, currency, sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END) AS amount
            FROM ledger_leg l JOIN ledger_journal j ON j.seq = l.journal_id JOIN cycles_cycle c ON c.id = j.cycle_id
            WHERE account LIKE 'payable:%%' AND c.result_digest <> '' GROUP BY 1, 2
        )
        SELECT account || ' ' || currency, coalesce(closing_micros, 0), coalesce(amount, 0)
        FROM last FULL JOIN balance USING (account, currency)
        WHERE coalesce(closing_micros, 0) <> coalesce(amount, 0)
        """,
    ),
    SqlCheck(
        "I6", "each statement opens with what the one before closed with",
        """
        SELECT 'statement ' || number, opening_micros, before FROM (
            SELECT s.number, s.opening_micros, coalesce(lag(s.closing_micros) OVER (
                PARTITION BY s.contributor_id, s.currency ORDER BY c.calculation NULLS LAST), 0) AS before
            FROM statements_statement s JOIN cycles_cycle c ON c.id = s.cycle_id) chained
        WHERE opening_micros <> before
        """,
    ),
    SqlCheck(
        "I10", "no two cycles and no two windows of sales overlap",
        """
        SELECT 'cycles ' || a.key || ' and ' || b.key, 1, 0 FROM cycles_cycle a JOIN cycles_cycle b
            ON a.id < b.id AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
        UNION ALL
        SELECT 'windows ' || a.id || ' and ' || b.id, 1, 0 FROM cycles_window a JOIN cycles_window b
            ON a.id < b.id AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
            AND int8range(a.after_seq, a.upto_seq, '(]') && int8range(b.after_seq, b.upto_seq, '(]')
        """,
    ),
    SqlCheck(
        "I11", "refunds of a sale are never more than the sale",
        """
        SELECT 'sale ' || t.sale_id, sum(r.gross_micros), -t.gross_micros FROM sales_sale r
        JOIN sales_sale t ON t.sale_id = r.refund_of WHERE r.refund_of <> '' GROUP BY t.sale_id, t.gross_micros
        HAVING t.gross_micros + sum(r.gross_micros) < 0
        """,
    ),
    SqlCheck(
        "I12", "rows in = accepted + duplicate + quarantined, and what was accepted is stored",
        """
        SELECT 'file ' || f.id, count(s.seq), f.rows_accepted
        FROM audit.file f LEFT JOIN sales_sale s ON s.file_id = f.id
        WHERE f.kind = 'sales' GROUP BY f.id, f.rows_accepted HAVING count(s.seq) <> f.rows_accepted
        UNION ALL
        SELECT 'file ' || f.id || ' sums', coalesce(sum(s.gross_micros), 0), f.sum_accepted
        FROM audit.file f LEFT JOIN sales_sale s ON s.file_id = f.id
        WHERE f.kind = 'sales' GROUP BY f.id, f.sum_accepted HAVING coalesce(sum(s.gross_micros), 0) <> f.sum_accepted
        UNION ALL
        SELECT 'file ' || f.id, coalesce(sum(p.rows), 0), f.rows_accepted FROM audit.file f
        LEFT JOIN manifests_part p ON p.file_id = f.id
        WHERE f.kind = 'attributions' GROUP BY f.id, f.rows_accepted HAVING coalesce(sum(p.rows), 0) <> f.rows_accepted
        UNION ALL
        SELECT 'file ' || id, rows_accepted + rows_duplicate + rows_quarantined, rows_in FROM audit.file
        WHERE rows_accepted + rows_duplicate + rows_quarantined <> rows_in
            OR sum_accepted + sum_duplicate + sum_quarantined <> sum_in
        """,
    ),
    SqlCheck(
        "I14", "the weights of a manifest sum to its assets",
        """
        SELECT 'manifest ' || m.dataset_version, coalesce(sum(w.assets_ticks), 0), 720720 * m.assets
        FROM manifests_manifest m LEFT JOIN manifests_weight w ON w.manifest_id = m.id WHERE m.frozen_at IS NOT NULL
        GROUP BY m.id HAVING coalesce(sum(w.assets_ticks), 0) <> 720720 * m.assets OR count(w.id) <> m.contributors
        """,
    ),
    SqlCheck(
        "I16", "each pool is split to the micro, each amount is the quota rounded down or up",
        """
        SELECT 'pool ' || p.id || ' ' || coalesce(a.contributor_id, ''), a.amount_micros,
               div(p.distributable_micros::numeric * a.numerator_ticks, p.denominator_ticks)
        FROM pools_pool p JOIN allocation_allocation a ON a.pool_id = p.id AND a.bucket = 'contributor'
        WHERE p.denominator_ticks > 0 AND NOT (
            a.amount_micros BETWEEN div(p.distributable_micros::numeric * a.numerator_ticks, p.denominator_ticks)
            AND div(p.distributable_micros::numeric * a.numerator_ticks + p.denominator_ticks - 1, p.denominator_ticks))
        UNION ALL
        SELECT 'pool ' || p.id, coalesce(sum(a.amount_micros), 0), p.distributable_micros FROM pools_pool p
        JOIN cycles_cycle c ON c.id = p.cycle_id AND c.result_digest <> ''
        LEFT JOIN allocation_allocation a ON a.pool_id = p.id AND a.bucket IN ('contributor', 'suspense')
        GROUP BY p.id HAVING coalesce(sum(a.amount_micros), 0) <> p.distributable_micros
            OR coalesce(sum(a.numerator_ticks), 0) NOT IN (0, p.denominator_ticks)
        """,
    ),
    SqlCheck(
        "I19", "a calculated cycle has its one allocation journal, if it moved anything",
        """
        SELECT c.key, count(j.seq), 1 FROM cycles_cycle c LEFT JOIN ledger_journal j
            ON j.cycle_id = c.id AND j.kind = 'allocation'
        WHERE c.result_digest <> '' AND EXISTS (
            SELECT 1 FROM pools_pool p WHERE p.cycle_id = c.id AND p.net_micros <> 0)
        GROUP BY c.key HAVING count(j.seq) <> 1
        """,
    ),
    SqlCheck(
        "I29", "nobody approved what they prepared, and the approval is of this result",
        """
        SELECT key, 1, 0 FROM cycles_cycle WHERE approved_by <> ''
            AND (approved_by IN (locked_by, calculated_by, submitted_by) OR approved_digest <> result_digest)
        """,
    ),
)  # fmt: skip


def run_sql(check: SqlCheck) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(check.query, [])
        for where, actual, expected in cursor.fetchmany(1):
            yield Finding(check.invariant, where, f"{check.says}: it is {actual}, it should be {expected}")


def event_chain() -> Iterator[Finding]:
    """I24: events form a gapless chain, and each has the hash of its content."""
    prev_hash, expected = GENESIS, 1
    for event in Event.objects.order_by("seq").iterator(chunk_size=5000):
        own = event_hash(
            prev_hash=prev_hash, seq=event.seq, at=event.at, actor=event.actor, action=event.action,
            object=event.object, detail=event.detail,
        )  # fmt: skip
        if event.seq != expected or event.prev_hash != prev_hash or event.hash != own:
            yield Finding("I24", f"event {event.seq}", f"the chain breaks: expected event {expected}, hash {own}")
            return
        prev_hash, expected = event.hash, expected + 1


def journal_chain() -> Iterator[Finding]:
    """I24: journals form a gapless chain over their legs."""
    prev_hash, expected = GENESIS, 1
    for journal in Journal.objects.order_by("seq").iterator(chunk_size=1000):
        own = journal_hash(
            prev_hash=prev_hash, seq=journal.seq, kind=journal.kind, key=journal.key, posted_at=journal.posted_at,
            created_by=journal.created_by, reverses=journal.reverses_id, legs_count=journal.legs_count,
            legs_sha256=legs_digest(journal.seq),
        )  # fmt: skip
        if journal.seq != expected or not journal.sealed or journal.prev_hash != prev_hash or journal.hash != own:
            yield Finding("I24", f"journal {journal.seq}", f"the chain breaks: expected journal {expected}, hash {own}")
            return
        prev_hash, expected = journal.hash, expected + 1


def lake_parts() -> Iterator[Finding]:
    """I14: every part of the lake has the bytes that its name says."""
    for digest in Part.objects.order_by("pk").values_list("parquet_sha256", flat=True):
        try:
            check_part(LAKE, digest)
        except Refused as error:
            yield Finding("I14", f"part {digest[:16]}", str(error))
            return


WALKS: tuple[Callable[[], Iterator[Finding]], ...] = (event_chain, journal_chain, lake_parts)
