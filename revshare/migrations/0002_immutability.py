"""What the database itself refuses: see ARCHITECTURE.md, "Invariants".

Triggers are ENABLE ALWAYS, so that `session_replication_role = replica` does not go round them.
"""

from django.db import migrations

# Tables whose rows are written once: no UPDATE, no DELETE, no TRUNCATE.
APPEND_ONLY = (
    "audit_event", "policies_policy", "files_file", "files_folded_id", "sales_sale", "manifests_part",
    "manifests_part_version", "manifests_weight", "manifests_training", "cycles_window", "pools_pool",
    "allocation_allocation", "ledger_leg", "statements_statement",
)
# Tables whose rows change by rules of their own (below), but never go away.
NEVER_DELETED = ("ledger_journal", "manifests_manifest", "cycles_cycle", "files_quarantined_row", "contributors_contributor")
# Rows may be added only while their parent is open: (table, column, parent, parent's key, condition).
ONLY_WHILE = (
    ("ledger_leg", "journal_id", "ledger_journal", "seq", "NOT p.sealed"),
    ("manifests_weight", "manifest_id", "manifests_manifest", "id", "p.frozen_at IS NULL"),
    ("manifests_part_version", "manifest_id", "manifests_manifest", "id", "p.frozen_at IS NULL"),
    ("cycles_window", "cycle_id", "cycles_cycle", "id", "p.state = 'open'"),
    ("pools_pool", "cycle_id", "cycles_cycle", "id", "p.state = 'locked'"),
    ("allocation_allocation", "cycle_id", "cycles_cycle", "id", "p.state = 'locked'"),
    ("statements_statement", "cycle_id", "cycles_cycle", "id", "p.state = 'locked'"),
)

FUNCTIONS = """
CREATE FUNCTION revshare_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: what is recorded there does not change', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- Once per statement, however many rows. FOR SHARE makes it wait for a transaction that is closing the parent, and then
-- see it closed: a foreign key alone would let the row in.
CREATE FUNCTION revshare_only_while_open() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE closed text;
BEGIN
    EXECUTE format(
        'WITH wanted AS (SELECT DISTINCT %1$I AS id FROM new_rows),
              held AS (SELECT p.%3$I AS id FROM %2$I p JOIN wanted w ON w.id = p.%3$I WHERE %4$s FOR SHARE OF p)
         SELECT w.id::text FROM wanted w WHERE w.id NOT IN (SELECT id FROM held) LIMIT 1',
        TG_ARGV[0], TG_ARGV[1], TG_ARGV[2], TG_ARGV[3]) INTO closed;
    IF closed IS NOT NULL THEN
        RAISE EXCEPTION 'INSERT into % is refused: % % is closed', TG_TABLE_NAME, TG_ARGV[1], closed
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION revshare_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last_seq bigint; last_hash text;
BEGIN
    EXECUTE format('SELECT seq, hash FROM %I ORDER BY seq DESC LIMIT 1', TG_TABLE_NAME) INTO last_seq, last_hash;
    IF NEW.seq <> coalesce(last_seq, 0) + 1 OR NEW.prev_hash <> coalesce(last_hash, repeat('0', 64)) THEN
        RAISE EXCEPTION '% % does not follow % in the chain', TG_TABLE_NAME, NEW.seq, coalesce(last_seq, 0)
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- The one moment at which a journal is judged: linear in its legs.
CREATE FUNCTION revshare_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE uneven text; legs bigint;
BEGIN
    IF OLD.sealed OR NOT NEW.sealed OR (NEW.seq, NEW.kind, NEW.key, NEW.posted_at, NEW.created_by, NEW.prev_hash)
        IS DISTINCT FROM (OLD.seq, OLD.kind, OLD.key, OLD.posted_at, OLD.created_by, OLD.prev_hash)
        OR NEW.cycle_id IS DISTINCT FROM OLD.cycle_id OR NEW.reverses_id IS DISTINCT FROM OLD.reverses_id
        OR NEW.hash !~ '^[0-9a-f]{64}$' THEN
        RAISE EXCEPTION 'UPDATE on ledger_journal is refused: a journal is only ever sealed, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT count(*) INTO legs FROM ledger_leg WHERE journal_id = NEW.seq;
    IF legs = 0 OR legs <> NEW.legs_count THEN
        RAISE EXCEPTION 'journal % has % legs and says %', NEW.seq, legs, NEW.legs_count USING ERRCODE = 'check_violation';
    END IF;
    SELECT currency INTO uneven FROM ledger_leg WHERE journal_id = NEW.seq GROUP BY currency
        HAVING sum(CASE side WHEN 'D' THEN amount_micros ELSE -amount_micros END) <> 0 LIMIT 1;
    IF uneven IS NOT NULL THEN
        RAISE EXCEPTION 'journal % does not balance in %', NEW.seq, uneven USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION revshare_sealed_by_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (SELECT sealed FROM ledger_journal WHERE seq = NEW.seq) THEN
        RAISE EXCEPTION 'journal % is not sealed', NEW.seq USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION revshare_manifest_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.frozen_at IS NOT NULL OR NEW.dataset_version <> OLD.dataset_version THEN
        RAISE EXCEPTION 'manifest % is frozen', OLD.dataset_version USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION revshare_cycle_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('open', 'locked'), ('locked', 'calculated'), ('calculated', 'in_review'), ('in_review', 'approved'),
        ('approved', 'published'), ('published', 'settled')) THEN
        RAISE EXCEPTION 'cycle % cannot move from % to %', OLD.key, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.key, NEW.starts_on, NEW.ends_on, NEW.timezone, NEW.starts_at, NEW.ends_at, NEW.opened_by)
        IS DISTINCT FROM (OLD.key, OLD.starts_on, OLD.ends_on, OLD.timezone, OLD.starts_at, OLD.ends_at, OLD.opened_by)
        OR OLD.state <> 'open' AND (NEW.policy_id, NEW.upto_seq, NEW.pinned, NEW.input_digest, NEW.locked_at, NEW.locked_by)
        IS DISTINCT FROM (OLD.policy_id, OLD.upto_seq, OLD.pinned, OLD.input_digest, OLD.locked_at, OLD.locked_by)
        OR OLD.state NOT IN ('open', 'locked') AND (NEW.result_digest, NEW.calculation, NEW.calculated_at, NEW.calculated_by)
        IS DISTINCT FROM (OLD.result_digest, OLD.calculation, OLD.calculated_at, OLD.calculated_by)
        OR OLD.state NOT IN ('open', 'locked', 'calculated') AND NEW.submitted_by IS DISTINCT FROM OLD.submitted_by
        OR OLD.state IN ('approved', 'published', 'settled') AND (NEW.approved_at, NEW.approved_by, NEW.approved_digest)
        IS DISTINCT FROM (OLD.approved_at, OLD.approved_by, OLD.approved_digest)
        OR OLD.state IN ('published', 'settled') AND (NEW.published_at, NEW.published_by)
        IS DISTINCT FROM (OLD.published_at, OLD.published_by) THEN
        RAISE EXCEPTION 'cycle % is %: that part of it does not change any more', OLD.key, OLD.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION revshare_quarantine_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' OR (NEW.file_id, NEW.line, NEW.row, NEW.amount_micros)
        IS DISTINCT FROM (OLD.file_id, OLD.line, OLD.row, OLD.amount_micros) THEN
        RAISE EXCEPTION 'quarantined row % is decided, or would change its content', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
FUNCTION_NAMES = (
    "revshare_refuse", "revshare_only_while_open", "revshare_chain", "revshare_seal", "revshare_sealed_by_commit",
    "revshare_manifest_moves", "revshare_cycle_moves", "revshare_quarantine_moves",
)


def _triggers():
    """(table, trigger, what follows CREATE TRIGGER name)."""
    for table in APPEND_ONLY:
        yield table, "no_change", f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"
    for table in NEVER_DELETED:
        yield table, "no_delete", f"BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_refuse()"
    for table in APPEND_ONLY + NEVER_DELETED:
        yield table, "no_truncate", f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION revshare_refuse()"
    for table, column, parent, key, condition in ONLY_WHILE:
        arguments = ", ".join("'" + text.replace("'", "''") + "'" for text in (column, parent, key, condition))
        yield table, "only_while_open", (
            f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
            f"EXECUTE FUNCTION revshare_only_while_open({arguments})"
        )
    for table in ("audit_event", "ledger_journal"):
        yield table, "chain", f"BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION revshare_chain()"
    for table, function in (
        ("ledger_journal", "revshare_seal"), ("manifests_manifest", "revshare_manifest_moves"),
        ("cycles_cycle", "revshare_cycle_moves"), ("files_quarantined_row", "revshare_quarantine_moves"),
    ):
        yield table, "moves", f"BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"


CREATE = FUNCTIONS + "".join(
    f"CREATE TRIGGER {table}_{name} {body};\nALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name};\n"
    for table, name, body in _triggers()
) + """
CREATE CONSTRAINT TRIGGER ledger_journal_sealed AFTER INSERT ON ledger_journal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION revshare_sealed_by_commit();
ALTER TABLE ledger_journal ENABLE ALWAYS TRIGGER ledger_journal_sealed;
"""
DROP = "DROP TRIGGER ledger_journal_sealed ON ledger_journal;\n" + "".join(
    f"DROP TRIGGER {table}_{name} ON {table};\n" for table, name, _ in _triggers()
) + "".join(f"DROP FUNCTION {name}();\n" for name in FUNCTION_NAMES)


class Migration(migrations.Migration):
    dependencies = [("revshare", "0001_tables")]
    operations = [migrations.RunSQL(CREATE, DROP)]
