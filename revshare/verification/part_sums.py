"""What is kept of the parts of the sales (`sales.part_sums`), against all sales."""

from revshare.verification.checks import SqlCheck

PART_SUM_CHECKS = (
    SqlCheck(
        "I12", "what is kept of a part of the sales is what they come to",
        """
        SELECT 'sums of part ' || part, concat_ws(' ', kept.customer, kept.net, kept.sales),
               concat_ws(' ', sold.customer, sold.net, sold.sales)
        FROM (
            SELECT part, refunds, stream, model, dataset_version, currency, coalesce(customer_id, '') AS customer,
                   net_micros AS net, sales
            FROM sales_part_sum) kept
        FULL JOIN (
            SELECT s.part, s.refund_of <> '' AS refunds, s.stream, s.model, s.dataset_version, s.currency,
                   CASE WHEN p.by_customer THEN s.customer_id ELSE '' END AS customer,
                   sum(s.gross_micros) AS net, count(*) AS sales
            FROM sales_sale s JOIN (
                SELECT part, bool_and(customer_id IS NOT NULL) AS by_customer FROM sales_part_sum GROUP BY part) p
                USING (part)
            GROUP BY 1, 2, 3, 4, 5, 6, 7) sold
            USING (part, refunds, stream, model, dataset_version, currency, customer)
        WHERE (kept.net, kept.sales) IS DISTINCT FROM (sold.net, sold.sales)
        """,
    ),
    SqlCheck(
        "I12", "where a part of the sales begins and ends is kept as it is",
        """
        SELECT 'sums of part ' || part, concat_ws(' ', k.first_seq, k.last_seq, k.first_at, k.last_at),
               concat_ws(' ', s.first_seq, s.last_seq, s.first_at, s.last_at)
        FROM (SELECT DISTINCT part, first_seq, last_seq, first_at, last_at FROM sales_part_sum) k
        LEFT JOIN (SELECT part, min(seq) AS first_seq, max(seq) AS last_seq, min(sold_at) AS first_at,
                          max(sold_at) AS last_at FROM sales_sale GROUP BY part) s USING (part)
        WHERE (k.first_seq, k.last_seq, k.first_at, k.last_at)
            IS DISTINCT FROM (s.first_seq, s.last_seq, s.first_at, s.last_at)
        """,
    ),
)  # fmt: skip
