"""What `verify` looks at over all data: each check recomputes from stored inputs and names the first thing amiss.

Checks are set-wise SQL or walk a chain; none of them writes. Entries are summed once, by pool; row by row they are
looked at cycle by cycle (`entries`, `recompute`).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from revshare.audit_trail.models import Event
from revshare.audit_trail.rules import GENESIS, event_hash
from revshare.bulk import copied_out
from revshare.files.voiding import IS_VOID
from revshare.lake import BLOCK_BYTES, LakeDamaged, check_part, duck, literal, part, spool
from revshare.ledger.models import Journal
from revshare.ledger.operations import legs_digest
from revshare.ledger.rules import journal_hash
from revshare.manifests.models import Manifest, Part
from revshare.manifests.queries import LAKE, WEIGHTS
from revshare.manifests.rules import digest_header
from revshare.verification.findings import Finding


@dataclass(frozen=True)
class SqlCheck:
    """A query whose every row is a finding: (where, is, should be). It may read `entry_sum` and `posted` (SUMS)."""

    invariant: str
    says: str
    query: str


ENTRY_SUMS = """
    SELECT coalesce(json_agg(s), '[]')::text FROM (
        SELECT cycle_id, pool_id, count(*) AS entries, sum(numerator_ticks) AS ticks, sum(amount_micros) AS amount,
               sum(statement_lines) AS lines, count(*) FILTER (WHERE statement_lines > 0) AS accounts,
               count(*) FILTER (WHERE statement_lines > 0 AND earned_micros > 0) AS credited,
               sum(opening_micros) AS opening, sum(earned_micros) AS earned
        FROM ledger_entry GROUP BY cycle_id, pool_id) s
"""
# `entry_sum`: what ENTRY_SUMS gave, with currencies. `posted`: every leg, contributors' accounts in one sum a currency.
SUMS = """
    WITH entry_sum AS (
        SELECT s.*, p.currency, p.kind FROM json_to_recordset(%(entry_sums)s::json) AS s(
            cycle_id integer, pool_id integer, entries bigint, ticks numeric, amount numeric, lines bigint,
            accounts bigint, credited bigint, opening numeric, earned numeric)
        LEFT JOIN pools_pool p ON p.id = s.pool_id AND p.cycle_id = s.cycle_id
    ), posted AS (
        SELECT journal_id, currency, CASE side WHEN 'D' THEN amount_micros ELSE -amount_micros END AS amount, 1 AS legs,
               amount_micros > 0 AS positive
        FROM ledger_leg
        UNION ALL
        SELECT j.seq, e.currency, -e.earned, e.credited, true
        FROM entry_sum e JOIN ledger_journal j ON j.cycle_id = e.cycle_id AND j.kind = 'allocation'
    )
"""
GUARDED = (
    "'ledger_folio'::regclass, 'ledger_roll'::regclass, 'manifests_weight_page'::regclass, 'manifests_roll'::regclass"
)

SQL_CHECKS = (
    SqlCheck(
        "I1", "net sales and what was carried in are all allocated",
        """
        SELECT 'pool ' || p.id || ' of ' || c.key, coalesce(e.amount, 0) + coalesce(r.amount, 0),
               p.net_micros + p.carried_in_micros + p.released_micros
        FROM pools_pool p JOIN cycles_cycle c ON c.id = p.cycle_id AND c.result_digest <> ''
        LEFT JOIN entry_sum e ON e.pool_id = p.id AND e.cycle_id = p.cycle_id
        LEFT JOIN (SELECT cycle_id, pool_id, sum(amount_micros) AS amount FROM allocation_rest GROUP BY 1, 2) r
            ON r.pool_id = p.id AND r.cycle_id = p.cycle_id
        WHERE coalesce(e.amount, 0) + coalesce(r.amount, 0) <> p.net_micros + p.carried_in_micros + p.released_micros
            AND p.kind = 'sales'
        """,
    ),
    SqlCheck(
        "I2", "each journal balances in each currency, and every leg is positive",
        """
        SELECT 'journal ' || journal_id || ' ' || coalesce(currency, ''), sum(amount), 0 FROM posted
        GROUP BY journal_id, currency HAVING sum(amount) <> 0 OR NOT bool_and(positive)
        """,
    ),
    SqlCheck(
        "I2", "each journal has the legs it says",
        """
        SELECT 'journal ' || j.seq, coalesce(sum(l.legs), 0), j.legs_count
        FROM ledger_journal j LEFT JOIN posted l ON l.journal_id = j.seq
        GROUP BY j.seq HAVING coalesce(sum(l.legs), 0) <> j.legs_count OR j.legs_count = 0
        """,
    ),
    SqlCheck(
        "I3", "the trial balance is zero",
        "SELECT currency, sum(amount), 0 FROM posted GROUP BY currency HAVING sum(amount) <> 0",
    ),
    SqlCheck(
        "I4", "what pools give contributors is what the cycle's journal credits them",
        """
        SELECT 'cycle ' || cycle_id || ' ' || currency,
               concat_ws(' ', sum(e.accounts), sum(e.credited), sum(e.opening), sum(e.earned), sum(e.allocated)),
               concat_ws(' ', k.accounts, k.credited, k.opening_micros, k.earned_micros, k.earned_micros)
        FROM (SELECT *, CASE WHEN kind = 'movements' THEN 0 ELSE amount END AS allocated FROM entry_sum) e
        FULL JOIN ledger_account_control k USING (cycle_id, currency)
        GROUP BY cycle_id, currency, k.id
        HAVING (sum(e.accounts), sum(e.credited), sum(e.opening), sum(e.earned), sum(e.allocated))
            IS DISTINCT FROM (k.accounts, k.credited, k.opening_micros, k.earned_micros, k.earned_micros)
        """,
    ),
    SqlCheck(
        "I5", "every entry is a line of a statement",
        """
        SELECT 'cycle ' || cycle_id || ' ' || coalesce(currency, ''), sum(lines), sum(entries) FROM entry_sum
        GROUP BY cycle_id, currency HAVING sum(lines) <> sum(entries)
        """,
    ),
    SqlCheck(
        "I5", "what else moved contributors' accounts is on the statements of the cycle it is of",
        """
        SELECT 'cycle ' || cycle_id || ' ' || currency, e.amount, m.amount
        FROM (SELECT cycle_id, currency, entries, amount FROM entry_sum WHERE kind = 'movements') e
        FULL JOIN (SELECT cycle_id, currency, sum(amount_micros) AS amount, count(DISTINCT account) AS accounts
                   FROM ledger_movement GROUP BY 1, 2) m USING (cycle_id, currency)
        WHERE (e.entries, e.amount) IS DISTINCT FROM (m.accounts, m.amount)
        """,
    ),
    SqlCheck(
        "I6", "the journals of a cycle begin where those of the cycle before end",
        """
        SELECT key, journals_after, before FROM (
            SELECT *, coalesce(lag(journals_upto) OVER (ORDER BY calculation), 0) AS before
            FROM cycles_cycle WHERE calculation IS NOT NULL) c
        WHERE journals_after IS DISTINCT FROM before OR journals_upto < journals_after OR journals_upto IS NULL
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
        f"""
        SELECT 'sale ' || t.sale_id, sum(r.gross_micros), -t.gross_micros FROM sales_sale r
        JOIN sales_sale t ON t.sale_id = r.refund_of WHERE r.refund_of <> '' AND NOT {IS_VOID.format("r")}
            AND NOT {IS_VOID.format("t")} GROUP BY t.sale_id, t.gross_micros
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
        "I13", "a sale is stored once",
        f"SELECT 'sale ' || sale_id, count(*), 1 FROM sales_sale s WHERE NOT {IS_VOID.format('s')} "
        "GROUP BY sale_id HAVING count(*) > 1",
    ),
    SqlCheck(
        "I14", "the weights of a manifest sum to its assets",
        """
        SELECT 'manifest ' || m.dataset_version, coalesce(w.ticks, 0), 720720 * m.assets
        FROM manifests_manifest m LEFT JOIN (
            SELECT manifest_id, sum(ticks) AS ticks, count(ticks) AS contributors
            FROM (SELECT manifest_id, unnest(ticks) AS ticks FROM manifests_weight_page) p GROUP BY 1) w
            ON w.manifest_id = m.id
        WHERE m.frozen_at IS NOT NULL AND (coalesce(w.ticks, 0) <> 720720 * m.assets
            OR m.assets_ticks <> 720720 * m.assets OR coalesce(w.contributors, 0) <> m.contributors)
        """,
    ),
    SqlCheck(
        "I16", "each pool is split to the micro",
        """
        SELECT 'pool ' || coalesce(p.id, e.pool_id), coalesce(e.amount, 0) + coalesce(r.amount, 0),
               p.distributable_micros
        FROM (SELECT p.* FROM pools_pool p JOIN cycles_cycle c ON c.id = p.cycle_id AND c.result_digest <> ''
              WHERE p.kind = 'sales') p
        FULL JOIN (SELECT e.* FROM entry_sum e JOIN cycles_cycle c ON c.id = e.cycle_id AND c.state <> 'locked'
                   WHERE e.kind IS DISTINCT FROM 'movements') e
            ON e.pool_id = p.id AND e.cycle_id = p.cycle_id
        LEFT JOIN (SELECT pool_id, sum(amount_micros) AS amount, sum(units) AS units FROM allocation_rest
                   WHERE bucket = 'suspense' OR reason <> '' GROUP BY pool_id) r ON r.pool_id = p.id
        WHERE coalesce(e.amount, 0) + coalesce(r.amount, 0) IS DISTINCT FROM p.distributable_micros
            OR coalesce(e.ticks, 0) + coalesce(r.units, 0) <> p.denominator_ticks
        """,
    ),
    SqlCheck(
        "I16", "the entries of a pool are those that were posted",
        """
        SELECT 'pool ' || coalesce(k.pool_id, e.pool_id), concat_ws(' ', e.entries, e.ticks, e.amount),
               concat_ws(' ', k.entries, k.numerator_ticks, k.amount_micros)
        FROM ledger_pool_control k FULL JOIN entry_sum e ON e.pool_id = k.pool_id AND e.cycle_id = k.cycle_id
        WHERE (e.entries, e.ticks, e.amount) IS DISTINCT FROM (k.entries, k.numerator_ticks, k.amount_micros)
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
        "I19", "a reversal is the exact mirror of its journal",
        """
        SELECT 'journal ' || reversal || ' ' || account, sum(amount), 0 FROM (
            SELECT j.seq AS reversal, l.account, l.currency,
                   CASE l.side WHEN 'D' THEN l.amount_micros ELSE -l.amount_micros END AS amount
            FROM ledger_journal j JOIN ledger_leg l ON l.journal_id IN (j.seq, j.reverses_id)
            WHERE j.reverses_id IS NOT NULL) both_journals
        GROUP BY reversal, account, currency HAVING sum(amount) <> 0 OR count(*) <> 2
        """,
    ),
    SqlCheck(
        "I25", "sales and contributors name their file; entries and weights, a contributor",
        """
        SELECT 'sales of file ' || s.file_id, 0, 1 FROM (SELECT DISTINCT file_id FROM sales_sale) s
        LEFT JOIN files_file f ON f.id = s.file_id AND f.kind = 'sales' WHERE f.id IS NULL
        UNION ALL
        SELECT 'contributors of file ' || c.file_id, 0, 1 FROM (SELECT DISTINCT file_id FROM contributors_contributor) c
        LEFT JOIN files_file f ON f.id = c.file_id WHERE f.id IS NULL
        UNION ALL
        SELECT 'contributor ' || a.contributor_id, 0, 1 FROM ledger_account a
        LEFT JOIN contributors_contributor c ON c.id = a.contributor_id WHERE c.id IS NULL
        UNION ALL
        SELECT 'contributor ' || w.contributor_id, 0, 1
        FROM (SELECT unnest(contributors) AS contributor_id FROM manifests_roll) w
        LEFT JOIN contributors_contributor c ON c.id = w.contributor_id WHERE c.id IS NULL
        """,
    ),
    SqlCheck(
        "I29", "nobody approved what they prepared, and the approval is of this result",
        """
        SELECT key, 1, 0 FROM cycles_cycle WHERE approved_by <> ''
            AND (approved_by IN (locked_by, calculated_by, submitted_by) OR approved_digest <> result_digest)
        """,
    ),
    SqlCheck(
        "I23", "entries and weights are partitions of their table, each under its four triggers",
        f"""
        SELECT part, triggers, wanted FROM (
            SELECT 'ledger_folio_' || cycle_id AS part, 4 AS wanted FROM ledger_pool_control
            UNION SELECT 'ledger_roll_' || cycle_id, 4 FROM ledger_pool_control
            UNION SELECT 'manifests_weight_page_' || id, 4 FROM manifests_manifest WHERE frozen_at IS NOT NULL
            UNION SELECT 'manifests_roll_' || rolls_of, 4 FROM manifests_weight_page
        ) should FULL JOIN (
            SELECT c.relname::text AS part, count(t.oid) AS triggers FROM pg_inherits i
            JOIN pg_class c ON c.oid = i.inhrelid
            LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgfoid = 'revshare_refuse'::regproc AND t.tgenabled = 'A'
            WHERE i.inhparent IN ({GUARDED}) GROUP BY c.relname
        ) attached USING (part) WHERE triggers IS DISTINCT FROM wanted ORDER BY wanted IS NULL, part
        """,
    ),
    SqlCheck(
        "I23", "sales lie in partitions of their table, each under its four triggers",
        """
        SELECT c.relname, CASE WHEN bool_and(c.relkind = 'p' OR i.inhrelid IS NOT NULL) THEN count(t.oid) END, 4
        FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'sales_sale'::regclass
        LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgenabled = 'A'
            AND t.tgfoid IN ('revshare_refuse'::regproc, 'revshare_sales_arrived'::regproc)
        WHERE c.oid = 'sales_sale'::regclass OR i.inhrelid IS NOT NULL
            OR c.relkind = 'r' AND c.relname ~ '^sales_sale_[0-9]+$' AND c.relnamespace = 'public'::regnamespace
        GROUP BY c.relname HAVING NOT bool_and(c.relkind = 'p' OR i.inhrelid IS NOT NULL) OR count(t.oid) <> 4
        """,
    ),
    SqlCheck(
        "I23", "no trigger of ours is off",
        """
        SELECT t.tgname || ' on ' || c.relname, t.tgenabled, 'A' FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE starts_with(p.proname, 'revshare') AND t.tgenabled <> 'A'
        """,
    ),
)  # fmt: skip


def entry_sums() -> str:
    """The sums of all entries by pool, as JSON: read once, for all checks."""
    with connection.cursor() as cursor:
        cursor.execute(ENTRY_SUMS)
        return str(cursor.fetchone()[0])


def run_sql(check: SqlCheck, sums: str) -> Iterator[Finding]:
    """`sums`: of `entry_sums`."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS + check.query, {"entry_sums": sums})
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
            legs_sha256=legs_digest(journal),
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
        except LakeDamaged as error:
            yield Finding("I14", f"part {digest[:16]}", str(error))
            return


def weights() -> Iterator[Finding]:
    """I14: the weights of frozen manifests, in the lake and in the database, are those under the manifest's hash."""
    for manifest in Manifest.objects.filter(frozen_at__isnull=False).order_by("pk"):
        try:
            check_part(WEIGHTS, manifest.weights_sha256)
        except LakeDamaged as error:
            yield Finding("I14", f"manifest {manifest.dataset_version}", str(error))
            continue
        for place, blocks in (("the lake", _lake_weights(manifest)), ("the database", _stored_weights(manifest))):
            digest = hashlib.sha256(digest_header(manifest.dataset_version, manifest.assets, manifest.records))
            for block in blocks:
                digest.update(block)
            if digest.hexdigest() != manifest.sha256:
                yield Finding(
                    "I14", f"manifest {manifest.dataset_version}",
                    f"its weights in {place} have the hash {digest.hexdigest()}, when frozen it was {manifest.sha256}",
                )  # fmt: skip


def _lake_weights(manifest: Manifest) -> Iterator[bytes]:
    with spool() as scratch, duck(scratch) as con:
        draft = scratch / "weights.copy"
        con.execute(
            "COPY (SELECT contributor_id, assets_ticks, weight_ticks "
            f"FROM read_parquet({literal(part(WEIGHTS, manifest.weights_sha256))}) ORDER BY contributor_id) "
            f"TO {literal(draft)} (FORMAT csv, HEADER false, FORCE_QUOTE *)"
        )
        with draft.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block


def _stored_weights(manifest: Manifest) -> Iterator[bytes]:
    query = (
        "SELECT contributor_id, assets_ticks, weight_ticks "
        "FROM manifests_weight WHERE manifest_id = %s ORDER BY contributor_id"
    )
    return (rows.data for rows in copied_out(query, [manifest.pk], options=", FORCE_QUOTE *"))


WALKS: tuple[Callable[[], Iterator[Finding]], ...] = (event_chain, journal_chain, lake_parts, weights)
