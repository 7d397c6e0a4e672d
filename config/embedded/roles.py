"""The roles of an embedded database: who owns its tables, who works with them, who only audits.

Whoever reaches the socket may log in as any of them. They are there so that the application's own connection cannot do
what only an owner may: whatever gets into its SQL, it stays the application's role.
"""

from typing import Any

OWNER = "revshare_owner"  # owns the database and all that is in it; `migrate` works as this one
APPLICATION = "revshare"
AUDITOR = "revshare_auditor"  # reads the schema `audit`
DATABASE = "revshare"

ROLES = f"""
DO $$ BEGIN
    IF to_regrole('{APPLICATION}') IS NULL THEN CREATE ROLE {APPLICATION} LOGIN; END IF;
    IF to_regrole('{AUDITOR}') IS NULL THEN
        CREATE ROLE {AUDITOR} LOGIN;
        ALTER ROLE {AUDITOR} SET default_transaction_read_only = on;
    END IF;
    CREATE ROLE {OWNER} LOGIN CREATEDB;
    ALTER ROLE {APPLICATION} NOCREATEDB;
    GRANT {APPLICATION} TO {OWNER};
END $$;
"""
# Of an instance from before there were two roles. Until it is migrated, which follows, the application only reads.
HAND_OVER = f"""
REASSIGN OWNED BY {APPLICATION} TO {OWNER};
ALTER DATABASE {DATABASE} OWNER TO {OWNER};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {APPLICATION};
"""


def make(connect: Any) -> None:
    """Makes the roles and the database unless they are there. `connect(database)`: a superuser's connection in
    autocommit. The owner can connect to the database only once all of it is done."""
    with connect("postgres") as server:
        database = server.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount
        owner = server.execute("SELECT to_regrole(%s)::text", [OWNER]).fetchone()[0]
        if not database:
            if not owner:
                server.execute(ROLES)
            server.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    if database and not owner:
        with connect(DATABASE) as inside, inside.transaction():
            inside.execute(ROLES)
            inside.execute(HAND_OVER)
