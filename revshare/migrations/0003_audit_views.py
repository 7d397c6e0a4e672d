"""The schema `audit`: what auditors may rely on, whatever the tables behind it become. Money is in micros."""

from django.db import migrations

CREATE = """
CREATE SCHEMA audit;

CREATE VIEW audit.file AS
SELECT f.id, f.sha256, f.kind, f.rows_in,
       f.rows_accepted + coalesce(q.accepted, 0) AS rows_accepted,
       f.rows_duplicate + coalesce(q.duplicate, 0) AS rows_duplicate,
       f.rows_quarantined - coalesce(q.accepted, 0) - coalesce(q.duplicate, 0) AS rows_quarantined,
       f.sum_in,
       f.sum_accepted + coalesce(q.accepted_sum, 0) AS sum_accepted,
       f.sum_duplicate + coalesce(q.duplicate_sum, 0) AS sum_duplicate,
       f.sum_quarantined - coalesce(q.accepted_sum, 0) - coalesce(q.duplicate_sum, 0) AS sum_quarantined,
       f.loaded_at
FROM files_file f
LEFT JOIN (
    SELECT file_id,
           count(*) FILTER (WHERE state = 'accepted') AS accepted,
           count(*) FILTER (WHERE state = 'duplicate') AS duplicate,
           sum(amount_micros) FILTER (WHERE state = 'accepted') AS accepted_sum,
           sum(amount_micros) FILTER (WHERE state = 'duplicate') AS duplicate_sum
    FROM files_quarantined_row GROUP BY file_id
) q ON q.file_id = f.id;

CREATE VIEW audit.manifest AS
SELECT id, dataset_version, sha256, assets, records, frozen_at FROM manifests_manifest WHERE frozen_at IS NOT NULL;

CREATE VIEW audit.weight AS
SELECT manifest_id, contributor_id, assets_ticks, weight_ticks FROM manifests_weight;

CREATE VIEW audit.sale AS
SELECT s.sale_id, w.cycle_id, s.file_id, s.stream, nullif(s.model, '') AS model,
       nullif(s.dataset_version, '') AS dataset_version, s.currency, s.gross_micros AS gross, s.sold_at AS occurred_at,
       CASE WHEN s.refund_of <> '' OR s.gross_micros < 0 THEN 'refund' ELSE 'sale' END AS kind,
       nullif(s.refund_of, '') AS refers_to, coalesce(w.late, false) AS late
FROM sales_sale s
LEFT JOIN cycles_window w ON s.sold_at >= w.starts_at AND s.sold_at < w.ends_at
    AND s.seq > w.after_seq AND s.seq <= w.upto_seq;

CREATE VIEW audit.cycle AS
SELECT c.id, c.key, c.timezone, c.starts_at, c.ends_at, c.state, p.name || '@' || p.version AS policy,
       p.sha256 AS policy_sha256, c.locked_at, nullif(c.input_digest, '') AS input_digest,
       nullif(c.result_digest, '') AS result_digest
FROM cycles_cycle c JOIN policies_policy p ON p.id = c.policy_id;

CREATE VIEW audit.pool AS
SELECT id, cycle_id, "table" AS stream, nullif(model, '') AS model, nullif(dataset_version, '') AS dataset_version, currency,
       net_micros AS net, carried_in_micros AS carried_in, distributable_micros AS distributable,
       platform_micros AS platform, denominator_ticks AS denominator
FROM pools_pool;

CREATE VIEW audit.allocation AS
SELECT cycle_id, pool_id, currency, bucket, contributor_id, numerator_ticks AS numerator, amount_micros AS amount
FROM allocation_allocation;

CREATE VIEW audit.journal AS
SELECT seq AS id, kind, key, cycle_id, posted_at, reverses_id AS reverses, prev_hash, hash, created_by FROM ledger_journal;

CREATE VIEW audit.leg AS
SELECT journal_id, account, currency, side, amount_micros AS amount FROM ledger_leg;

CREATE VIEW audit.statement AS
SELECT s.id, s.number, s.cycle_id, s.contributor_id, s.currency, s.opening_micros AS opening, s.earned_micros AS earned,
       s.adjusted_micros AS adjusted, s.withheld_micros AS withheld, s.held_micros AS held, s.paid_micros AS paid,
       s.closing_micros AS closing,
       CASE WHEN c.state IN ('published', 'settled') THEN 'published' ELSE 'draft' END AS state, s.content_sha256
FROM statements_statement s JOIN cycles_cycle c ON c.id = s.cycle_id;

CREATE VIEW audit.statement_line AS
SELECT s.id AS statement_id,
       row_number() OVER (PARTITION BY s.id ORDER BY p."table", p.model, p.dataset_version) AS line,
       'earned' AS kind, a.pool_id, a.numerator_ticks AS numerator, p.denominator_ticks AS denominator,
       a.amount_micros AS amount
FROM statements_statement s
JOIN allocation_allocation a ON a.cycle_id = s.cycle_id AND a.contributor_id = s.contributor_id
    AND a.currency = s.currency AND a.bucket = 'contributor'
JOIN pools_pool p ON p.id = a.pool_id;

CREATE VIEW audit.event AS
SELECT seq, at, actor, action, object, prev_hash, hash FROM audit_event;
"""


class Migration(migrations.Migration):
    dependencies = [("revshare", "0002_immutability")]
    operations = [migrations.RunSQL(CREATE, "DROP SCHEMA audit CASCADE")]
