"""What `verify` looks at in claims and in held money: claims move as they may, what is held is in the account `held`,
and it is released once, to whom the decision says."""

from collections.abc import Iterator

from revshare.claims.queries import holders
from revshare.claims.rules import contested_of
from revshare.cycles.models import Cycle
from revshare.pools.rules import Pinned
from revshare.verification.checks import SqlCheck
from revshare.verification.findings import Finding

LAST_STEPS = "SELECT DISTINCT ON (claim_id) * FROM claims_step ORDER BY claim_id, id DESC"
HELD_CHECKS = (
    SqlCheck(
        "I1", "what a cycle holds is what its journal credits to the account `held`",
        """
        SELECT 'cycle ' || c.key || ' ' || currency, credited, held
        FROM (SELECT r.cycle_id, p.currency, sum(r.amount_micros) AS held FROM allocation_rest r
              JOIN pools_pool p ON p.id = r.pool_id WHERE r.bucket = 'held' GROUP BY 1, 2
              HAVING sum(r.amount_micros) <> 0) rests
        FULL JOIN (SELECT j.cycle_id, l.currency, sum(l.amount_micros) AS credited FROM ledger_leg l
                   JOIN ledger_journal j ON j.seq = l.journal_id AND j.kind = 'allocation'
                   WHERE l.account = 'held' AND l.side = 'C' GROUP BY 1, 2) legs USING (cycle_id, currency)
        JOIN cycles_cycle c ON c.id = cycle_id AND c.result_digest <> ''
        WHERE held IS DISTINCT FROM credited
        """,
    ),
    SqlCheck(
        "I1", "what is released is what its journal takes from the account `held`, to the same people",
        """
        SELECT 'journal ' || journal_id || ' ' || account, moved, released
        FROM (SELECT x.journal_id, a.account, p.currency, sum(a.amount) AS released FROM allocation_held_release x
              JOIN allocation_rest r ON r.id = x.rest_id JOIN pools_pool p ON p.id = r.pool_id
              CROSS JOIN LATERAL (SELECT r.amount_micros + coalesce(sum(k.amount_micros), 0) AS left_micros
                                  FROM allocation_correction k WHERE k.rest_id = r.id) k
              CROSS JOIN LATERAL (VALUES ('held', -k.left_micros),
                  ('payable:' || x.contributor_id, k.left_micros)) a (account, amount)
              GROUP BY 1, 2, 3) rests
        FULL JOIN (SELECT l.journal_id, l.account, l.currency,
                          sum(CASE l.side WHEN 'C' THEN l.amount_micros ELSE -l.amount_micros END) AS moved
                   FROM ledger_leg l JOIN ledger_journal j ON j.seq = l.journal_id
                   WHERE j.kind IN ('claim', 'hold_release')
                       AND EXISTS (SELECT FROM ledger_leg d WHERE d.journal_id = j.seq AND d.account = 'held')
                   GROUP BY 1, 2, 3) legs
            USING (journal_id, account, currency)
        WHERE moved IS DISTINCT FROM released
        """,
    ),
    SqlCheck(
        "I1", "what is held for a claim is released once it is decided, and to whom the decision says",
        f"""
        SELECT 'rest ' || r.id || ', ' || r.reason, coalesce(x.contributor_id, 'nobody'), coalesce(s.due_to, 'nobody')
        FROM allocation_rest r JOIN cycles_cycle c ON c.id = r.cycle_id AND c.result_digest <> ''
        LEFT JOIN allocation_held_release x ON x.rest_id = r.id
        LEFT JOIN LATERAL (
            SELECT CASE s.target WHEN 'upheld' THEN k.claimant_id WHEN 'proven' THEN NULL
                        ELSE r.contributor_id END AS due_to
            FROM ({LAST_STEPS}) s JOIN claims_claim k ON k.id = s.claim_id WHERE r.reason = 'claim ' || k.id) s ON true
        WHERE r.bucket = 'held' AND r.amount_micros + coalesce((
                SELECT sum(amount_micros) FROM allocation_correction WHERE rest_id = r.id), 0) > 0
            AND (r.reason LIKE 'claim %%' AND x.contributor_id IS DISTINCT FROM s.due_to
                 OR r.reason NOT LIKE 'claim %%' AND x.contributor_id <> r.contributor_id)
        """,
    ),
    SqlCheck(
        "I20", "a claim moves by allowed moves, each once",
        """
        SELECT 'claim ' || claim_id, source, before FROM (
            SELECT *, coalesce(lag(target) OVER (PARTITION BY claim_id ORDER BY id), 'filed') AS before
            FROM claims_step) s
        WHERE source <> before
        """,
    ),
    SqlCheck(
        "I29", "nobody decided a claim they filed",
        """
        SELECT 'claim ' || s.claim_id, s.by, 'another' FROM claims_step s JOIN claims_claim k ON k.id = s.claim_id
        WHERE s.action IN ('uphold', 'reject') AND s.by = k.filed_by
        """,
    ),
)  # fmt: skip


def check_contested(cycle: Cycle, pinned: Pinned) -> Iterator[Finding]:
    """I22: what the lock says of contested assets is what the lake holds. Raises LakeDamaged."""
    contested = contested_of(pinned.claims)
    if not contested:
        return
    found = holders([(item.dataset_version, item.asset_id) for item in contested])
    for item in contested:
        own = found[item.dataset_version, item.asset_id]
        if own != item.holders:
            where = f"{cycle.key} asset {item.asset_id} of {item.dataset_version}"
            yield Finding("I22", where, f"the lake says it is held by {own}, at the lock it was {item.holders}")
            return
