"""What the roles of the database may do: the one list of all tables, as append-only, moving or mutable.

`migrate` applies it each time, as the owner. The application's role reads everything, adds rows, and changes what is
listed here; the auditors' role reads the schema `audit`. A table that is not listed can be read and nothing else. What
takes an owner at run time (a new partition, statistics) is done by functions of the owner, named here.
"""

from collections.abc import Iterator

from django.db import connection, transaction

from revshare.errors import Refused

AUDITOR = "revshare_auditor"
ONE_ROLE = (
    "the application's role owns its tables, so it could switch their triggers off and drop them: make a second role, "
    "name it in REVSHARE_OWNER_DATABASE_URL and migrate (README, Two roles)."
)

# Rows are added and stay as they are.
APPEND_ONLY = frozenset({
    "allocation_correction", "allocation_held_release", "allocation_passed_on", "allocation_release",
    "allocation_rest", "allocation_suspense_decision", "audit_event", "claims_claim", "claims_step",
    "consents_consent", "cycles_window", "files_file", "files_folded_id", "files_mapping", "files_void",
    "fx_conversion", "ledger_account_control", "ledger_leg", "ledger_pool_control", "mail_queued", "manifests_part",
    "manifests_part_version", "manifests_training", "measures_measure", "measures_output", "measures_usage",
    "payouts_currency", "payouts_destination", "payouts_result", "personal_deletion_decision",
    "personal_deletion_request", "policies_policy", "pools_carry_correction", "pools_match", "pools_pool",
    "proofs_commitment", "rates_rate", "recoupments_debt", "recoupments_recouped", "recoupments_step",
    "restatements_line", "restatements_restatement", "restatements_step", "reviews_decision", "reviews_finding",
    "reviews_review", "sales_part_sum", "sales_sale_0", "splits_split", "verification_verdict",
})  # fmt: skip
# Rows come in by a whole partition only, made and closed by functions of the owner.
IN_PARTS = frozenset({"ledger_folio", "ledger_roll", "manifests_roll", "manifests_weight_page", "sales_sale"})
# Rows are added and stay; these columns move, by the rules of a trigger.
MOVING: dict[str, tuple[str, ...]] = {
    "continuity_restoration": ("expected", "reconciled_at", "reconciled_by"),
    "contributors_contributor": ("name", "email", "country", "currency", "payee_id", "unclaimed", "erased_at"),
    "cycles_cycle": (
        "policy_id", "state", "locked_at", "locked_by", "upto_seq", "pinned", "input_digest", "calculated_at",
        "calculated_by", "calculation", "journals_after", "journals_upto", "result_digest", "balances_sha256",
        "submitted_by", "approved_at", "approved_by", "approved_digest", "published_at", "published_by",
    ),
    "files_quarantined_row": ("state", "reason", "decided_at", "decided_by", "decision"),
    "invitations_invitation": ("used_at", "voided_at", "email"),
    "ledger_journal": ("sealed", "legs_count", "legs_sha256", "hash"),
    "mail_message": ("state", "due_at", "attempts", "sent_at", "error"),
    "manifests_manifest": (
        "frozen_at", "sha256", "assets", "records", "contributors", "assets_ticks", "weights_sha256", "frozen_arrival",
        "classes", "opted_out_records", "classes_sha256", "class_totals",
    ),
    "payouts_batch": (
        "state", "payments_count", "total_minor", "digest", "approved_at", "approved_by", "approved_digest",
        "exported_at", "exported_by", "cancelled_at", "cancelled_by",
    ),
    "payouts_destination_notice": ("address",),
    "payouts_hold": ("released_at", "released_by", "release_reason"),
    "payouts_payment": ("state",),
}  # fmt: skip
# No money and no evidence: what may be done besides reading and adding.
MUTABLE = {
    "access_user": "UPDATE", "access_token": "UPDATE", "access_failed_attempt": "DELETE",
    "account_emailaddress": "UPDATE, DELETE", "account_emailconfirmation": "UPDATE, DELETE",
    "mail_preference": "UPDATE, DELETE", "mfa_authenticator": "UPDATE, DELETE",
    "usersessions_usersession": "UPDATE, DELETE",
    "django_session": "UPDATE, DELETE",
    "files_upload": "UPDATE (file_id)", "runs_run": "UPDATE",
}  # fmt: skip
# Django's own, which only `migrate` writes; rights are in `access.rules` and not in its groups.
READ_ONLY = frozenset({
    "access_user_groups", "access_user_user_permissions", "auth_group", "auth_group_permissions", "auth_permission",
    "django_admin_log", "django_content_type", "django_migrations",
})  # fmt: skip

# Numbers that are taken before the row is there.
SEQUENCES = ("files_file_id_seq", "restatements_restatement_id_seq")
# What the application may ask for. Those that change something look at the state themselves, and take numbers, not SQL.
CALLED = (
    "revshare_new_entries(integer)", "revshare_index_entries(integer)", "revshare_attach_entries(integer)",
    "revshare_new_rolls(integer)", "revshare_attach_rolls(integer)", "revshare_new_weights(integer)",
    "revshare_attach_weights(integer)", "revshare_new_sales(integer)", "revshare_attach_sales(integer)",
    "revshare_reserve_sales(integer)", "revshare_analyze(text)", "revshare_last_restatement(bigint)",
    "revshare_check_lease()", "revshare_first_contributors()",
)  # fmt: skip
# What views ask for, whoever reads them.
READ = (
    "revshare_statement_sha256(integer,text,text)", "revshare_moved(integer,text,text,text)",
    "revshare_moved_lines(integer,text,text,bigint)", "revshare_statement_column(text)",
)  # fmt: skip
# Triggers that lock what the application may not change, or ask what it may not ask.
OWNERS_TRIGGERS = ("revshare_sales_arrived()", "revshare_sums_come()", "revshare_debt_moves()", "revshare_recouped()")
# pg_catalog comes before all of it; pg_temp last, or a temporary table would stand before the real one. Not of
# functions that read no tables: the planner takes some of these apart.
SEARCH_PATH = "public, pg_temp"
WITHOUT_TABLES = frozenset({"revshare_statement_column(text)", "revshare_refuse()"})

Names = set[str]


def check_ownership() -> None:
    """Raises Refused if some table belongs to another role than the one that is to migrate it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relowner::regrole::text, current_user::text FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') "
            "AND NOT pg_has_role(relowner, 'USAGE') LIMIT 1"
        )
        if strange := cursor.fetchone():
            table, other, owner = strange
            raise Refused(
                f"{table} belongs to {other} and not to {owner}: run REASSIGN OWNED BY {other} TO {owner} in this "
                "database as a superuser, then migrate again."
            )


@transaction.atomic
def apply(*, application: str) -> None:
    """Makes the database as the lists say, as the owner of its tables. A version before or after this one has others:
    what is not there is left out."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text, current_database()::text, to_regrole(%s) IS NOT NULL", [AUDITOR])
        owner, database, has_auditor = cursor.fetchone()
        functions = _names(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
            "AND starts_with(proname, 'revshare_')"
        )
        words = list(_functions(functions))
        if application != owner:
            words += _closed(quote(database), quote(owner))
            words += _of_application(quote(application), quote(database), functions)
            words += _of_readers(quote(application))
            if has_auditor:
                words += _of_readers(AUDITOR)
                words += _of_auditor(quote(database), functions)
        cursor.execute("; ".join(words) or "SELECT")


def owns_tables() -> bool:
    """Whether the role of this connection owns the tables: then only their triggers stand in its way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'ledger_journal'::regclass")
        return bool(cursor.fetchone()[0])


def _names(query: str) -> Names:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}


def _functions(there: Names) -> Iterator[str]:
    """The functions' path and whom they act for. Each time: to replace a function takes this away from it."""
    for function in sorted(there):
        yield f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC"
        if function not in WITHOUT_TABLES:
            yield f"ALTER FUNCTION {function} SET search_path = {SEARCH_PATH}"
        if function in (*CALLED, *READ, *OWNERS_TRIGGERS) and function not in WITHOUT_TABLES:
            yield f"ALTER FUNCTION {function} SECURITY DEFINER"


def _closed(database: str, owner: str) -> Iterator[str]:
    """What PostgreSQL gives to everybody."""
    yield f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"
    yield "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    yield f"GRANT ALL ON SCHEMA public TO {owner}"


def _of_application(role: str, database: str, functions: Names) -> Iterator[str]:
    relations = _names("SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    yield f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}"
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}"
    yield f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {role}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    for table in sorted(relations & {*APPEND_ONLY, *MOVING, *MUTABLE}):
        yield f"GRANT INSERT ON {table} TO {role}"
    for table in sorted(relations & MOVING.keys()):
        yield f"GRANT UPDATE ({', '.join(_columns(table, MOVING[table]))}) ON {table} TO {role}"
    for table in sorted(relations & MUTABLE.keys()):
        yield f"GRANT {MUTABLE[table]} ON {table} TO {role}"
    for sequence in sorted(relations & set(SEQUENCES)):
        yield f"GRANT USAGE ON SEQUENCE {sequence} TO {role}"
    for function in sorted(functions & {*CALLED, *READ}):
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {role}"


def _columns(table: str, wanted: tuple[str, ...]) -> list[str]:
    """Those of the columns that this version of the table has."""
    found = _names(f"SELECT attname::text FROM pg_attribute WHERE attrelid = '{table}'::regclass AND NOT attisdropped")
    return [name for name in wanted if name in found]


def _of_readers(role: str) -> Iterator[str]:
    if _names("SELECT nspname::text FROM pg_namespace WHERE nspname = 'audit'"):
        yield f"GRANT USAGE ON SCHEMA audit TO {role}"
        yield f"GRANT SELECT ON ALL TABLES IN SCHEMA audit TO {role}"


def _of_auditor(database: str, functions: Names) -> Iterator[str]:
    yield f"GRANT CONNECT ON DATABASE {database} TO {AUDITOR}"
    for function in sorted(functions & set(READ)):
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {AUDITOR}"
