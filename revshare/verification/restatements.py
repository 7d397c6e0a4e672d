"""What `verify` looks at in restatements and void files: the lines are what they were drafted as, come to nothing, are
what the journal moves, and come out again from the same inputs."""

from collections.abc import Iterator

from revshare.cycles.models import Cycle
from revshare.files.voiding import IS_VOID
from revshare.lake import LakeDamaged
from revshare.restatements.inputs import basis_of
from revshare.restatements.lines import KEY, compared
from revshare.restatements.models import Restatement
from revshare.restatements.queries import digest_of, posted
from revshare.verification.checks import SqlCheck
from revshare.verification.findings import Finding

POSTED = "SELECT * FROM restatements_step WHERE action = 'post'"
MEASURES = {
    "measures_measure": "measure, starts_on, ends_on, contributor_id",
    "measures_output": "sale_id, role, contributor_id",
    "measures_usage": "customer_id, model, day",
}
RESTATEMENT_CHECKS = (
    SqlCheck(
        "I1", "what a restatement gives some it takes from others",
        """
        SELECT 'restatement ' || restatement_id || ' ' || currency, sum(new_micros - old_micros), 0
        FROM restatements_line GROUP BY restatement_id, currency HAVING sum(new_micros - old_micros) <> 0
        """,
    ),
    SqlCheck(
        "I4", "the journal of a restatement moves what its lines say",
        f"""
        SELECT 'restatement ' || coalesce(l.restatement_id, m.restatement_id) || ' ' || account, m.amount, l.amount
        FROM (SELECT restatement_id, currency, CASE WHEN bucket IN ('contributor', 'split')
                     THEN 'payable:' || contributor_id ELSE bucket END AS account,
                     sum(new_micros - old_micros) AS amount
              FROM restatements_line WHERE restatement_id IN (SELECT restatement_id FROM ({POSTED}) p)
              GROUP BY 1, 2, 3 HAVING sum(new_micros - old_micros) <> 0) l
        FULL JOIN (SELECT p.restatement_id, g.currency, g.account,
                          CASE g.side WHEN 'C' THEN g.amount_micros ELSE -g.amount_micros END AS amount
                   FROM ledger_journal j JOIN ledger_leg g ON g.journal_id = j.seq
                   LEFT JOIN ({POSTED}) p ON p.journal_id = j.seq WHERE j.kind = 'restatement' AND j.reverses_id IS NULL
                  ) m USING (restatement_id, currency, account)
        WHERE m.amount IS DISTINCT FROM l.amount
        """,
    ),
    SqlCheck(
        "I15", "what a restatement changed of money that waits, or is carried, cycles to come know of",
        f"""
        SELECT 'journal ' || coalesce(l.journal_id, k.journal_id) || ' ' || coalesce(l.kind, k.kind), k.amount, l.amount
        FROM (SELECT p.journal_id, CASE n.bucket WHEN 'carried' THEN 'carried' ELSE 'waits' END AS kind,
                     sum(n.new_micros - n.old_micros) AS amount
              FROM restatements_line n JOIN ({POSTED}) p USING (restatement_id)
              WHERE n.bucket IN ('suspense', 'held', 'carried') GROUP BY 1, 2) l
        FULL JOIN (SELECT journal_id, 'waits' AS kind, sum(amount_micros) AS amount FROM allocation_correction
                   GROUP BY 1
                   UNION ALL
                   SELECT journal_id, 'carried', sum(amount_micros) FROM pools_carry_correction GROUP BY 1) k
            USING (journal_id, kind)
        WHERE coalesce(k.amount, 0) <> coalesce(l.amount, 0)
        """,
    ),
    SqlCheck(
        "I10", "a restatement takes late sales when it is posted, and only those that it says",
        f"""
        SELECT 'restatement ' || coalesce(r.id, w.restatement_id), w.after_seq || '-' || w.upto_seq,
               r.after_seq || '-' || r.upto_seq
        FROM (SELECT r.id, late.* FROM restatements_restatement r JOIN ({POSTED}) p ON p.restatement_id = r.id
              CROSS JOIN LATERAL (
                  SELECT r.after_seq, r.upto_seq WHERE r.after_seq IS NOT NULL
                  UNION ALL SELECT (e->>0)::bigint, (e->>1)::bigint FROM jsonb_array_elements(r.ranges) e) late) r
        FULL JOIN (SELECT * FROM cycles_window WHERE restatement_id IS NOT NULL) w
            ON w.restatement_id = r.id AND w.after_seq = r.after_seq AND w.upto_seq = r.upto_seq
        WHERE r.id IS NULL OR w.id IS NULL
        """,
    ),
    SqlCheck(
        "I20", "a restatement is approved, then posted, over its digest, and goes by the last one before it",
        f"""
        SELECT 'restatement ' || r.id, coalesce(a.digest, 'not approved'), r.digest
        FROM (SELECT r.*, p.digest AS posted, lag(r.id) OVER (PARTITION BY r.cycle_id ORDER BY p.journal_id) AS before
              FROM restatements_restatement r JOIN ({POSTED}) p ON p.restatement_id = r.id) r
        LEFT JOIN restatements_step a ON a.restatement_id = r.id AND a.action = 'approve'
        WHERE a.digest IS DISTINCT FROM r.digest OR r.posted <> r.digest OR r.before IS DISTINCT FROM r.base_id
        """,
    ),
    SqlCheck(
        "I29", "nobody approved a restatement that they drafted",
        """
        SELECT 'restatement ' || r.id, s.by, 'another' FROM restatements_restatement r
        JOIN restatements_step s ON s.restatement_id = r.id AND s.action = 'approve' AND s.by = r.drafted_by
        """,
    ),
    *(
        SqlCheck(
            "I13", f"what counts of {table} stands there once",
            f"SELECT concat_ws(' ', {key}), count(*), 1 FROM {table} k WHERE after_voids > 0 "
            f"AND NOT {IS_VOID.format('k')} GROUP BY {key} HAVING count(*) > 1",
        )
        for table, key in MEASURES.items()
    ),
)  # fmt: skip


def digests() -> Iterator[Finding]:
    """I23: every restatement, with its lines, is what was drafted."""
    for restatement in Restatement.objects.select_related("cycle", "policy", "base").order_by("pk"):
        if (own := digest_of(restatement)) != restatement.digest:
            yield Finding("I23", f"restatement {restatement.key}", f"has the digest {own}, not {restatement.digest}")


def recompute_restated(cycle: Cycle) -> Iterator[Finding]:
    """I22: the posted restatements of a cycle come out again, line by line, each from what there was before it."""
    known = posted(cycle)
    for number, restatement in enumerate(known):
        stored = {
            (line.bucket, line.table, line.model, line.dataset_version, line.part, line.currency, line.reason,
             line.contributor_id or ""): (line.old_micros, line.new_micros)
            for line in restatement.lines.iterator(chunk_size=10_000)
        }  # fmt: skip
        try:
            with compared(basis_of(restatement), [item.pk for item in known[:number]]) as con:
                rows = con.execute("SELECT * FROM line").fetchall()
        except LakeDamaged as error:
            yield Finding("I14", f"restatement {restatement.key}", str(error))
            return
        except AssertionError as error:
            yield Finding("I1", f"restatement {restatement.key}", str(error))
            return
        own = {tuple(row[: len(KEY)]): tuple(row[len(KEY) :]) for row in rows}
        if own != stored:
            wrong = min(key for key in own.keys() | stored.keys() if own.get(key) != stored.get(key))
            yield Finding(
                "I22", f"restatement {restatement.key} {' '.join(filter(None, wrong))}",
                f"is (old, new) {stored.get(wrong)}, it should be {own.get(wrong)}",
            )  # fmt: skip
            return
