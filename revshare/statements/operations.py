"""Writes the statements of a cycle, in one set-based statement of SQL."""

from django.db import connection, transaction

from revshare.statements.models import Statement

LINES = """
    SELECT a.contributor_id, a.currency, a.amount_micros,
           row_number() OVER (
               PARTITION BY a.contributor_id, a.currency ORDER BY p."table", p.model, p.dataset_version
           ) AS line,
           p."table", p.model, p.dataset_version, p.distributable_micros, a.numerator_ticks, p.denominator_ticks
    FROM allocation_allocation a JOIN pools_pool p ON p.id = a.pool_id
    WHERE a.cycle_id = %(cycle)s AND a.bucket = 'contributor'
"""
WRITE = f"""
    WITH lines AS ({LINES}),
    earned AS (
        SELECT contributor_id, currency, sum(amount_micros)::bigint AS earned,
               string_agg(concat_ws(E'\\t', 'line', line, 'earned', "table", model, dataset_version,
                   distributable_micros, numerator_ticks, denominator_ticks, amount_micros) || E'\\n', '' ORDER BY line
               ) AS text
        FROM lines GROUP BY contributor_id, currency
    ),
    before AS (
        SELECT DISTINCT ON (contributor_id, currency) contributor_id, currency, closing_micros
        FROM statements_statement ORDER BY contributor_id, currency, id DESC
    ),
    numbered AS (
        SELECT e.*, coalesce(b.closing_micros, 0) AS opening,
               %(key)s || '-' || to_char(
                   row_number() OVER (ORDER BY e.currency, e.contributor_id), 'FM000000000') AS number
        FROM earned e LEFT JOIN before b USING (contributor_id, currency)
    )
    INSERT INTO statements_statement (number, cycle_id, contributor_id, currency, opening_micros, earned_micros,
        adjusted_micros, withheld_micros, held_micros, paid_micros, closing_micros, content_sha256)
    SELECT number, %(cycle)s, contributor_id, currency, opening, earned, 0, 0, 0, 0, opening + earned,
        encode(sha256(convert_to(
            concat(E'statement\\t', number, E'\\ncycle\\t', %(key)s, E'\\npolicy\\t', %(policy)s,
                E'\\ncontributor\\t', contributor_id, E'\\ncurrency\\t', currency, E'\\nopening\\t', opening,
                E'\\nearned\\t', earned, E'\\nadjusted\\t0\\nwithheld\\t0\\nheld\\t0\\npaid\\t0\\nclosing\\t',
                opening + earned, E'\\njournal\\t', %(journal)s, E'\\n', text), 'UTF8')), 'hex')
    FROM numbered ORDER BY number
"""


@transaction.atomic
def write(*, cycle_id: int, key: str, policy_sha256: str, journal_hash: str) -> int:
    """Writes a statement for every contributor and currency with an allocation in the cycle; returns how many. If they
    are there already, does nothing. Each opens with what the contributor's last statement closed with."""
    if existing := Statement.objects.filter(cycle_id=cycle_id).count():
        return existing
    with connection.cursor() as cursor:
        cursor.execute(WRITE, {"cycle": cycle_id, "key": key, "policy": policy_sha256, "journal": journal_hash})
        return int(cursor.rowcount)
