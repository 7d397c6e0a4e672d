"""What `verify` looks at where sales were in other currencies than their pools: nothing is lost between the two."""

from revshare.verification.checks import SqlCheck

# By cycle and currency: what left the sales' currency, less what came into the pools'.
CONVERTED = """
    SELECT cycle_id, currency, sum(amount) AS amount FROM (
        SELECT cycle_id, base AS currency, amount_in_micros AS amount FROM fx_conversion
        UNION ALL SELECT cycle_id, quote, -amount_out_micros FROM fx_conversion) amounts GROUP BY 1, 2
"""

CONVERSION_CHECKS = (
    SqlCheck(
        "I1", "sales are in the pools of their currency, or converted to that of the pools",
        f"""
        SELECT c.key || ' ' || currency, sum(pooled), sum(sold) FROM (
            SELECT cycle_id, currency, gross AS sold, 0 AS pooled FROM audit.sale
            WHERE cycle_id IN (SELECT cycle_id FROM fx_conversion)
            UNION ALL SELECT cycle_id, currency, 0, net_micros FROM pools_pool
            WHERE cycle_id IN (SELECT cycle_id FROM fx_conversion)
            UNION ALL SELECT cycle_id, currency, 0, amount FROM ({CONVERTED}) converted
        ) amounts JOIN cycles_cycle c ON c.id = cycle_id AND c.result_digest <> ''
        GROUP BY c.key, currency HAVING sum(pooled) <> sum(sold)
        """,
    ),
    SqlCheck(
        "I9", "currencies meet in the accounts fx only, at the cycle's rates",
        f"""
        SELECT c.key || ' ' || currency, coalesce(posted.amount, 0), coalesce(converted.amount, 0)
        FROM (SELECT j.cycle_id, l.currency,
                     sum(CASE l.side WHEN 'C' THEN l.amount_micros ELSE -l.amount_micros END) AS amount
              FROM ledger_journal j JOIN ledger_leg l ON l.journal_id = j.seq AND l.account = 'fx'
              WHERE j.kind = 'allocation' GROUP BY 1, 2) posted
        FULL JOIN ({CONVERTED}) converted USING (cycle_id, currency)
        JOIN cycles_cycle c ON c.id = cycle_id AND c.result_digest <> ''
        WHERE coalesce(posted.amount, 0) <> coalesce(converted.amount, 0)
        """,
    ),
    SqlCheck(
        "I9", "what a conversion gives is what its rate says, each sum to half a micro",
        """
        SELECT 'conversion ' || id, amount_out_micros, round(amount_in_micros * rate_upper / rate_lower)
        FROM fx_conversion
        WHERE 2 * abs(amount_out_micros * rate_lower - amount_in_micros * rate_upper) > sums * rate_lower
        """,
    ),
)  # fmt: skip
