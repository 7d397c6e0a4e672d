"""What `verify` looks at in reviews: each approved cycle had one, nothing that blocked was passed over, nobody decided
who prepared it (I29); and made again, a review finds the same (I22)."""

from collections.abc import Iterator

import duckdb

from revshare.cycles.models import Cycle
from revshare.cycles.review import review_inputs
from revshare.lake import LakeDamaged
from revshare.reviews.operations import findings_of
from revshare.reviews.queries import review_of
from revshare.verification.checks import SqlCheck
from revshare.verification.findings import Finding

APPROVED = "c.state IN ('approved', 'published', 'settled')"
LAST = """
    coalesce((SELECT d.action FROM reviews_decision d WHERE d.finding_id = f.id ORDER BY d.id DESC LIMIT 1), 'nothing')
"""
REVIEW_CHECKS = (
    SqlCheck(
        "I29", "an approved cycle was reviewed, with the result that was approved",
        f"""
        SELECT 'cycle ' || c.key, coalesce(r.result_digest, 'no review'), c.approved_digest
        FROM cycles_cycle c LEFT JOIN reviews_review r ON r.cycle_id = c.id
        WHERE {APPROVED} AND r.result_digest IS DISTINCT FROM c.approved_digest
            AND c.approved_at >= (SELECT min(made_at) FROM reviews_review)  -- before there were any, nobody could
        """,
    ),
    SqlCheck(
        "I29", "what blocked an approved cycle was overridden",
        f"""
        SELECT 'cycle ' || c.key || ' finding ' || f.number, {LAST}, 'override'
        FROM reviews_finding f JOIN cycles_cycle c ON c.id = f.cycle_id
        WHERE {APPROVED} AND f.blocks AND {LAST} <> 'override'
        """,
    ),
    SqlCheck(
        "I29", "nobody who prepared a cycle decided about what its review found",
        """
        SELECT 'cycle ' || c.key || ' finding ' || f.number, d."by", 'another person'
        FROM reviews_decision d JOIN reviews_finding f ON f.id = d.finding_id JOIN cycles_cycle c ON c.id = f.cycle_id
        WHERE d."by" IN (c.locked_by, c.calculated_by, c.submitted_by)
        """,
    ),
)  # fmt: skip


def review_again(cycle: Cycle) -> Iterator[Finding]:
    """Findings of a review that is made again from what it was made from, beside those that are stored."""
    review = review_of(cycle.pk, cycle.result_digest) if cycle.result_digest else None
    if review is None:
        return
    where = f"review of cycle {cycle.key}"
    try:
        _, found = findings_of(**review_inputs(cycle))
    except (LakeDamaged, duckdb.Error):
        return  # files that are lost or damaged are named by what looks at each
    stored = list(review.findings.order_by("number").values_list("rule", "subject", "currency", "blocks", "says"))
    again = [(item.rule, item.subject, item.currency, item.blocks, item.says) for item in found]
    if stored != again:
        other = next((pair for pair in zip(stored, again, strict=False) if pair[0] != pair[1]), (stored, again))
        yield Finding("I22", where, f"made again, it finds {other[1]!r} where {other[0]!r} is stored")
