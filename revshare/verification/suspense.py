"""What `verify` looks at in suspense (I15): what a cycle shares of it is what earlier ones set aside, each sum once;
what was settled left it by a journal."""

from revshare.verification.checks import SqlCheck

SUSPENSE_CHECKS = (
    SqlCheck(
        "I15", "what pools share from suspense is what was released to them",
        """
        SELECT 'cycle ' || cycle_id || ' ' || currency, coalesce(p.amount, 0), coalesce(r.amount, 0)
        FROM (SELECT cycle_id, currency, sum(released_micros) AS amount FROM pools_pool GROUP BY 1, 2) p
        FULL JOIN (SELECT r.cycle_id, p.currency, sum(r.amount_micros) AS amount FROM allocation_release r
                   JOIN allocation_rest t ON t.id = r.rest_id JOIN pools_pool p ON p.id = t.pool_id GROUP BY 1, 2) r
            USING (cycle_id, currency)
        WHERE coalesce(p.amount, 0) <> coalesce(r.amount, 0)
        """,
    ),
    SqlCheck(
        "I15", "what is released was set aside in suspense by an earlier cycle, all of it",
        """
        SELECT 'release ' || r.id, r.amount_micros, t.amount_micros + k.amount
        FROM allocation_release r JOIN allocation_rest t ON t.id = r.rest_id
        JOIN cycles_cycle c ON c.id = r.cycle_id JOIN cycles_cycle b ON b.id = t.cycle_id
        CROSS JOIN LATERAL (SELECT coalesce(sum(amount_micros), 0) AS amount FROM allocation_correction
                            WHERE rest_id = t.id) k
        WHERE r.amount_micros <> t.amount_micros + k.amount OR t.bucket <> 'suspense' OR b.calculation >= c.calculation
        """,
    ),
    SqlCheck(
        "I15", "cycles have left in suspense what was set aside and not released",
        """
        SELECT currency, coalesce(l.amount, 0), coalesce(s.amount, 0) FROM (
            SELECT l.currency, sum(CASE l.side WHEN 'C' THEN l.amount_micros ELSE -l.amount_micros END) AS amount
            FROM ledger_leg l
            JOIN ledger_journal j ON j.seq = l.journal_id AND j.kind IN ('allocation', 'restatement')
            WHERE l.account = 'suspense' GROUP BY 1) l
        FULL JOIN (
            SELECT p.currency, sum(t.amount_micros + coalesce((
                       SELECT sum(amount_micros) FROM allocation_correction WHERE rest_id = t.id), 0))
                   - sum(coalesce(r.amount_micros, 0)) AS amount
            FROM allocation_rest t JOIN pools_pool p ON p.id = t.pool_id
            JOIN ledger_journal j ON j.cycle_id = t.cycle_id AND j.kind = 'allocation'
            LEFT JOIN (SELECT r.* FROM allocation_release r JOIN ledger_journal j
                       ON j.cycle_id = r.cycle_id AND j.kind = 'allocation') r ON r.rest_id = t.id
            WHERE t.bucket = 'suspense' GROUP BY 1) s USING (currency)
        WHERE coalesce(l.amount, 0) <> coalesce(s.amount, 0)
        """,
    ),
    SqlCheck(
        "I15", "what was settled left suspense by its journal, for where the decision says",
        """
        SELECT 'journal ' || journal_id || ' ' || account, coalesce(moved, 0), coalesce(settled, 0)
        FROM (SELECT d.journal_id, a.account, p.currency, sum(a.amount) AS settled FROM allocation_suspense_decision d
              JOIN allocation_rest t ON t.id = d.rest_id JOIN pools_pool p ON p.id = t.pool_id
              CROSS JOIN LATERAL (SELECT coalesce(sum(amount_micros), 0) AS amount FROM allocation_correction
                                  WHERE rest_id = t.id) k
              CROSS JOIN LATERAL
                  (VALUES ('suspense', -t.amount_micros - k.amount), (d.decision, t.amount_micros + k.amount))
                  a (account, amount)
              WHERE d.decision <> 'share' GROUP BY 1, 2, 3) decisions
        FULL JOIN (SELECT l.journal_id, l.account, l.currency,
                          sum(CASE l.side WHEN 'C' THEN l.amount_micros ELSE -l.amount_micros END) AS moved
                   FROM ledger_leg l JOIN ledger_journal j ON j.seq = l.journal_id
                   WHERE j.kind = 'suspense_release' GROUP BY 1, 2, 3) legs USING (journal_id, account, currency)
        WHERE moved IS DISTINCT FROM settled
        """,
    ),
    SqlCheck(
        "I15", "what was settled was in suspense, and no cycle shared it",
        """
        SELECT 'rest ' || d.rest_id, t.bucket || CASE WHEN r.id IS NULL THEN '' ELSE ', released' END, 'suspense'
        FROM allocation_suspense_decision d JOIN allocation_rest t ON t.id = d.rest_id
        LEFT JOIN allocation_release r ON r.rest_id = d.rest_id
        WHERE t.bucket <> 'suspense' OR d.decision <> 'share' AND r.id IS NOT NULL
        """,
    ),
)  # fmt: skip
