"""I23: what the database refuses is still refused, by privilege and by trigger (`revshare.privileges`)."""

from collections.abc import Iterator

from django.db import connection

from revshare.privileges import APPEND_ONLY, CALLED, MOVING, MUTABLE, READ, owns_tables
from revshare.verification.checks import SqlCheck
from revshare.verification.findings import Finding

# Of pg_trigger.tgtype.
DELETE, UPDATE, TRUNCATE = 8, 16, 32
EVENTS = {DELETE: "DELETE", UPDATE: "UPDATE", TRUNCATE: "TRUNCATE"}
MAY = """
    SELECT c.relname::text, p.privilege, a.attname::text FROM pg_class c
    CROSS JOIN unnest(ARRAY['INSERT', 'DELETE', 'TRUNCATE', 'TRIGGER', 'UPDATE']) AS p(privilege)
    LEFT JOIN pg_attribute a ON p.privilege = 'UPDATE' AND a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
        AND CASE p.privilege WHEN 'UPDATE' THEN has_column_privilege(c.oid, a.attnum, 'UPDATE')
                             ELSE has_table_privilege(c.oid, p.privilege) END
    ORDER BY 1, 2, 3
"""
CALLS = """
    SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    AND starts_with(p.proname, 'revshare_') AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1
"""
ROLE = """
    SELECT CASE WHEN r.rolsuper THEN 'is a superuser' WHEN pg_has_role(c.relowner, 'MEMBER') THEN 'may become the owner'
                WHEN has_schema_privilege('public', 'CREATE') THEN 'may make tables in the schema public' END
    FROM pg_roles r, pg_class c WHERE r.rolname = current_user AND c.oid = 'ledger_journal'::regclass
"""


def beyond_the_list() -> Iterator[Finding]:
    """The application's role may do no more than the list says. Not looked at if it owns the tables."""
    if owns_tables():
        return
    with connection.cursor() as cursor:
        cursor.execute(ROLE)
        (role,) = cursor.fetchone()
        if role:
            yield _finding("its role", role)
        cursor.execute(MAY)
        for table, privilege, column in cursor.fetchall():
            if not _listed(table, privilege, column):
                yield _finding(f"{table}{f'.{column}' if column else ''}", f"may {privilege}")
                break
        cursor.execute(CALLS)
        for (function,) in cursor.fetchall():
            if function not in (*CALLED, *READ):
                yield _finding(function, "may call it")
                break


def _finding(where: str, what: str) -> Finding:
    return Finding("I23", where, f"the application's role {what}, it should not: `migrate` takes it away again")


def _listed(table: str, privilege: str, column: str | None) -> bool:
    if privilege == "INSERT":
        return table in APPEND_ONLY or table in MOVING or table in MUTABLE
    if privilege == "UPDATE" and table in MOVING:
        return column in MOVING[table]
    allowed = MUTABLE.get(table, "")
    return privilege in allowed and ("(" not in allowed or f"({column})" in allowed)


def _wanted() -> str:
    """(table, event, whether by `revshare_refuse`), as VALUES."""
    rows = [f"('{table}', {event}, true)" for table in APPEND_ONLY for event in EVENTS]
    rows += [f"('{table}', {event}, true)" for table in MOVING for event in (DELETE, TRUNCATE)]
    rows += [f"('{table}', {UPDATE}, false)" for table in MOVING if table != "contributors_contributor"]
    return ", ".join(sorted(rows))


TRIGGER_CHECKS = (
    SqlCheck(
        "I23", "each table that keeps its rows has triggers against all that would change them",
        f"""
        SELECT CASE w.event {" ".join(f"WHEN {bit} THEN '{name}'" for bit, name in EVENTS.items())} END
                   || ' on ' || w.name,
               'open', 'refused' FROM (VALUES {_wanted()}) w(name, event, refused)
        WHERE NOT EXISTS (
            SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE t.tgrelid = to_regclass(w.name) AND t.tgenabled = 'A' AND t.tgtype & w.event > 0
                AND CASE WHEN w.refused THEN p.proname = 'revshare_refuse' ELSE starts_with(p.proname, 'revshare_') END)
        ORDER BY 1
        """,
    ),
)  # fmt: skip
