"""What a posted restatement moves: one journal, and what of it cycles to come have to know."""

from django.db import connection

from revshare.audit_trail.operations import Act
from revshare.claims.rules import CLOSED
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.ledger.models import Journal
from revshare.ledger.operations import post
from revshare.restatements.models import Restatement
from revshare.restatements.queries import RESTATEMENT_JOURNAL

LEGS = """
    SELECT account COLLATE "C" AS account, currency, CASE WHEN sum(amount) > 0 THEN 'C' ELSE 'D' END AS side,
           abs(sum(amount))::bigint AS amount_micros
    FROM (SELECT CASE WHEN bucket IN ('contributor', 'split') THEN 'payable:' || contributor_id ELSE bucket END
                 AS account, currency, new_micros - old_micros AS amount
          FROM restatements_line WHERE restatement_id = %s) moved
    GROUP BY account, currency HAVING sum(amount) <> 0
"""
# Lines of money that waits, each with the rest that it is of, if that is still there. Parameters: the states of claims
# that are decided, cycle, restatement.
WAITING = """
    SELECT l.id, l.bucket, l.reason, l."table", l.model, l.dataset_version, l.part, l.currency, l.contributor_id,
           l.new_micros - l.old_micros AS amount, r.id AS rest_id
    FROM restatements_line l LEFT JOIN (
        SELECT r.*, p."table", p.model, p.dataset_version, p.part, p.currency FROM allocation_rest r
        JOIN pools_pool p ON p.id = r.pool_id
        WHERE r.bucket IN ('suspense', 'held') AND NOT EXISTS (SELECT FROM allocation_release WHERE rest_id = r.id)
            AND NOT EXISTS (SELECT FROM allocation_held_release WHERE rest_id = r.id)
            AND NOT EXISTS (SELECT FROM allocation_suspense_decision
                            WHERE rest_id = r.id AND decision <> 'share')
            -- A claim is decided once, and that releases only what is more than nothing.
            AND NOT EXISTS (SELECT FROM claims_step s
                            WHERE r.reason = 'claim ' || s.claim_id AND s.target = ANY(%s))) r
        ON (r.bucket, r.reason, r."table", r.model, r.dataset_version, r.part, r.currency)
            = (l.bucket, l.reason, l."table", l.model, l.dataset_version, l.part, l.currency)
        AND r.contributor_id IS NOT DISTINCT FROM l.contributor_id AND r.cycle_id = %s
    WHERE l.restatement_id = %s AND l.bucket IN ('suspense', 'held')
"""


def check_rests(cycle: Cycle, restatement_id: int) -> None:
    """Raises Refused where a restatement would change money in suspense or held that somebody got meanwhile, or would
    put some there anew: nothing could release that."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM ({WAITING}) w WHERE rest_id IS NULL LIMIT 1", [[*CLOSED], cycle.pk, restatement_id]
        )
        found = cursor.fetchone()
    if found:
        _, bucket, reason, table, model, version, part, currency, contributor, *_ = found
        pool = " · ".join(filter(None, (table, model or version, part, currency)))
        whose = f" for {contributor} ({reason})" if contributor else ""
        raise Refused(
            f"This would change what pool {pool} has in {bucket}{whose}, which was released meanwhile, or "
            "settled, or was not there: decide what waits first (`suspense`, `claims`), or leave late sales to the "
            "open cycle.",
            code="restatement_waiting",
        )


def post_differences(*, restatement: Restatement, act: Act) -> Journal:
    """The one journal of a restatement: every account whose amounts changed, net. What contributors were paid too much
    is a debit of their accounts; how it is taken back is not decided here."""
    journal = post(
        kind=RESTATEMENT_JOURNAL, key=journal_key(restatement), legs_sql=LEGS, params=[restatement.pk], act=act
    )
    if journal is None:
        raise Refused(
            f"Restatement {restatement.key} moves no account: what one pool loses another gains.",
            code="nothing_changed",
        )
    return journal


def journal_key(restatement: Restatement) -> str:
    """As it stands on statements: which one, and why."""
    return f"{restatement.key}: {restatement.words}"


def correct(*, restatement: Restatement, journal: Journal) -> None:
    """Notes what is left of money that waits, and what pools carry on: cycles to come take that."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO allocation_correction (rest_id, journal_id, amount_micros) "
            f"SELECT rest_id, %s, sum(amount)::bigint FROM ({WAITING}) w GROUP BY rest_id",
            [journal.seq, [*CLOSED], restatement.cycle_id, restatement.pk],
        )
        cursor.execute(
            'INSERT INTO pools_carry_correction (cycle_id, journal_id, "table", model, dataset_version, part, '
            'currency, amount_micros) SELECT %s, %s, "table", model, dataset_version, part, currency, '
            "new_micros - old_micros FROM restatements_line WHERE restatement_id = %s AND bucket = 'carried'",
            [restatement.cycle_id, journal.seq, restatement.pk],
        )
