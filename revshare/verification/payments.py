"""What `verify` looks at over payments: batches, what was booked of them, and that nobody got more than was theirs."""

from collections.abc import Iterator

from revshare.payouts.models import PaymentBatch
from revshare.payouts.queries import stored_digest
from revshare.verification.checks import SqlCheck
from revshare.verification.findings import Finding

PAYMENT_CHECKS = (
    SqlCheck(
        "I7", "a batch is the sum of its payments, each in whole minor units of its currency",
        """
        SELECT 'batch ' || b.id, coalesce(sum(p.amount_minor), 0) || ' in ' || count(p.id),
               b.total_minor || ' in ' || b.payments_count
        FROM payouts_batch b LEFT JOIN payouts_payment p ON p.batch_id = b.id AND p.currency = b.currency
        GROUP BY b.id HAVING coalesce(sum(p.amount_minor), 0) <> b.total_minor OR count(p.id) <> b.payments_count
            OR count(DISTINCT p.amount_micros / p.amount_minor) <> 1 OR bool_or(p.amount_micros %% p.amount_minor <> 0)
        """,
    ),
    SqlCheck(
        "I7", "what a payment moved is its amount, out of its contributor's account to the bank",
        """
        SELECT 'payment ' || p.payment_key,
               coalesce(string_agg(l.side || ' ' || l.account || ' ' || l.amount_micros, ', '), 'nothing'),
               'D payable:' || p.contributor_id || ' ' || p.account_micros
        FROM payouts_payment p LEFT JOIN ledger_journal j ON j.kind = 'payment' AND j.key = p.payment_key
        LEFT JOIN ledger_leg l ON l.journal_id = j.seq
        LEFT JOIN payouts_result r ON r.payment_id = p.id AND r.result = 'paid'
        WHERE p.state IN ('paid', 'returned') GROUP BY p.id
        HAVING count(*) <> CASE p.account_currency WHEN p.currency THEN 2 ELSE 4 END OR count(*) FILTER (WHERE
            (l.side, l.account, l.currency, l.amount_micros) IN (
                ('D', 'payable:' || p.contributor_id, p.account_currency, p.account_micros),
                ('C', 'bank', p.currency, coalesce(r.amount_micros, p.amount_micros)),
                ('C', 'fx', nullif(p.account_currency, p.currency), p.account_micros),
                ('D', 'fx', nullif(p.currency, p.account_currency), coalesce(r.amount_micros, p.amount_micros))
            )) <> count(*)
        """,
    ),
    SqlCheck(
        "I9", "a payment in another currency is what its rate gives of the balance, in whole minor units, and no more",
        """
        SELECT 'payment ' || payment_key, amount_micros || ' for ' || account_micros, should || ' for ' || costs
        FROM (SELECT *, div(should * rate_lower + rate_upper - 1, rate_upper) AS costs FROM (
            SELECT *, div(balance_micros * rate_upper, rate_lower * (amount_micros / amount_minor))
                      * (amount_micros / amount_minor) AS should
            FROM payouts_payment WHERE account_currency <> currency AND amount_minor > 0) p) q
        WHERE should <> amount_micros OR costs <> account_micros
        """,
    ),
    SqlCheck(
        "I8", "no payment is of nothing, or of more than the balance it was prepared from",
        """
        SELECT 'payment ' || payment_key, account_micros, balance_micros FROM payouts_payment
        WHERE amount_minor <= 0 OR amount_micros <= 0 OR account_micros > balance_micros
        """,
    ),
    SqlCheck(
        "I8", "nobody was paid more than ever came to them",
        """
        SELECT paid.account || ' ' || paid.currency, paid.micros, coalesce(earned.micros, 0) + coalesce(came.micros, 0)
        FROM (SELECT l.account, l.currency,
                     sum(CASE l.side WHEN 'D' THEN l.amount_micros ELSE -l.amount_micros END) AS micros
              FROM ledger_leg l JOIN ledger_journal j ON j.seq = l.journal_id
              WHERE j.kind IN ('payment', 'returned') AND l.account LIKE 'payable:%%' GROUP BY 1, 2) paid
        LEFT JOIN (SELECT 'payable:' || contributor_id AS account, currency, sum(earned_micros) AS micros
              FROM ledger_account WHERE EXISTS (SELECT FROM ledger_journal WHERE kind = 'payment') GROUP BY 1, 2) earned
            ON earned.account = paid.account AND earned.currency = paid.currency
        LEFT JOIN LATERAL (SELECT sum(l.amount_micros) AS micros FROM ledger_leg l
              JOIN ledger_journal j ON j.seq = l.journal_id
              WHERE l.account = paid.account AND l.currency = paid.currency AND l.side = 'C'
                  AND j.kind NOT IN ('payment', 'returned')) came ON true
        WHERE paid.micros > coalesce(earned.micros, 0) + coalesce(came.micros, 0)
        """,
    ),
    SqlCheck(
        "I26", "no account has two payments under way",
        """
        SELECT contributor_id || ' ' || account_currency, count(*), 1 FROM payouts_payment WHERE state = 'live'
        GROUP BY contributor_id, account_currency HAVING count(*) > 1
        """,
    ),
    SqlCheck(
        "I28", "each result of the bank is booked once, and nothing else is booked as one",
        """
        SELECT coalesce('payment ' || p.payment_key, 'journal ' || j.seq),
               coalesce(j.kind || ' ' || j.key, 'not booked'),
               coalesce(r.result || ' ' || p.payment_key, 'no result')
        FROM payouts_result r JOIN payouts_payment p ON p.id = r.payment_id
        FULL JOIN (SELECT * FROM ledger_journal WHERE kind IN ('payment', 'returned')
                   AND NOT (kind = 'payment' AND seq IN (SELECT reverses_id FROM ledger_journal WHERE kind = 'returned')
                            AND seq NOT IN (SELECT journal_id FROM payouts_result))) j ON j.seq = r.journal_id
        WHERE r.id IS NULL OR j.seq IS NULL OR j.key <> p.payment_key
            OR j.kind <> CASE r.result WHEN 'paid' THEN 'payment' ELSE 'returned' END
        """,
    ),
    SqlCheck(
        "I28", "a payment is in the state that its last result says",
        """
        SELECT 'payment ' || p.payment_key, p.state, coalesce(max(r.result), 'live') FROM payouts_payment p
        JOIN payouts_batch b ON b.id = p.batch_id LEFT JOIN payouts_result r ON r.payment_id = p.id
        GROUP BY p.id, b.state
        HAVING p.state <> CASE WHEN b.state = 'cancelled' THEN 'cancelled' ELSE coalesce(max(r.result), 'live') END
        """,
    ),
    SqlCheck(
        "I29", "nobody approved a batch that they prepared, and the approval is of this batch",
        """
        SELECT 'batch ' || id, approved_by, prepared_by FROM payouts_batch
        WHERE approved_by <> '' AND (approved_by = prepared_by OR approved_digest <> digest)
            OR state IN ('approved', 'exported') AND approved_by = ''
        """,
    ),
)  # fmt: skip


def batches() -> Iterator[Finding]:
    """I7: the payments of every batch have the digest that was approved."""
    for batch in PaymentBatch.objects.select_related("cycle").order_by("pk"):
        own = stored_digest(batch)
        if own != batch.digest:
            yield Finding(
                "I7", f"batch {batch.pk}", f"its payments have the digest {own}, prepared it was {batch.digest}"
            )
            return
