"""What `verify` looks at in where money goes and who may do what: both are rows that the application may add or move,
so each has to be what an event of the chain says."""

from revshare.verification.checks import SqlCheck

PEOPLE_CHECKS = (
    SqlCheck(
        "I25", "a destination is the one that an event tells of, with its hash, its person and its day",
        """
        SELECT 'destination ' || d.id, d.set_by || ' at ' || d.set_at, 'an event that says so'
        FROM payouts_destination d
        LEFT JOIN audit_event e ON e.action = 'payouts.destination' AND e.object = 'contributor:' || d.contributor_id
            AND e.at = d.set_at AND e.actor = d.set_by AND (e.detail->>'usable_from')::timestamptz = d.usable_from
            AND e.detail->>'sha256' = encode(sha256(convert_to(format(
                E'payee\\t%%s\\ndestination\\t%%s\\n', e.detail->>'payee_id', d.text), 'UTF8')), 'hex')
        WHERE e.seq IS NULL
        """,
    ),
    SqlCheck(
        "I29", "staff have the roles that events gave them",
        """
        SELECT 'user ' || u.username, to_jsonb(u.roles)::text, coalesce(told.roles, '[]')::text
        FROM access_user u LEFT JOIN LATERAL (
            SELECT coalesce(e.detail->'roles'->'to', e.detail->'roles') AS roles FROM audit_event e
            WHERE e.object = 'user:' || u.username AND e.action IN ('user.created', 'user.changed')
                AND e.detail ? 'roles'
            ORDER BY e.seq DESC LIMIT 1) told ON true
        WHERE u.is_active AND NOT u.roles <@ '{contributor}'
            AND to_jsonb(u.roles) IS DISTINCT FROM coalesce(told.roles, '[]')
        """,
    ),
)  # fmt: skip
