"""What somebody could try who got SQL of his own into the application's connection: each is refused, by this code, and
nothing has changed. Beside these: every table (`test_tables`), rows that come late (`test_late_inserts`), the functions
of the owner (`test_functions`)."""

from typing import Any

import psycopg
import pytest

from tests.attacks.trying import FORBIDDEN, refused

Connection = psycopg.Connection[Any]
STATE = "23001"  # restrict_violation
CHECK = "23514"  # check_violation
UNIQUE = "23505"  # unique_violation
JOURNAL = (
    "INSERT INTO ledger_journal (seq, kind, key, posted_at, created_by, legs_count, legs_sha256, prev_hash, hash, sealed) "
    "SELECT {seq}, '{kind}', '{key}', now(), 'x', 0, '', hash, '', false FROM ledger_journal ORDER BY seq DESC LIMIT 1; "
)
OWN = "(SELECT max(seq) FROM ledger_journal)"
NEXT = JOURNAL.format(seq="seq + 1", kind="test", key="x")
LEG = f"INSERT INTO ledger_leg (journal_id, account, currency, side, amount_micros) VALUES ({OWN}, '{{}}', '{{}}', '{{}}', {{}}); "
SEAL = f"UPDATE ledger_journal SET sealed = true, legs_count = {{}}, hash = repeat('a', 64) WHERE seq = {OWN}; "
PAIR = LEG.format("platform", "USD", "D", 5) + LEG.format("sales", "USD", "C", 5)
EVENT = "INSERT INTO audit_event (seq, at, actor, action, object, detail, prev_hash, hash) "

ATTACKS: dict[str, tuple[str, str]] = {
    # Money
    "an amount of a leg is raised": ("UPDATE ledger_leg SET amount_micros = amount_micros + 1", FORBIDDEN),
    "an amount of an entry is raised": ("UPDATE ledger_folio SET amounts[1] = amounts[1] + 1", FORBIDDEN),
    "the same in its partition": ("UPDATE ledger_folio_1 SET amounts[1] = amounts[1] + 1", FORBIDDEN),
    "the same through the view": ("UPDATE ledger_entry SET amount_micros = amount_micros + 1", "55000"),
    "an account's earnings are raised": ("UPDATE ledger_account SET earned_micros = earned_micros + 1", "55000"),
    "entries become another's": ("UPDATE ledger_roll SET contributors[1] = 'cy', first_id = 'cy'", FORBIDDEN),
    "the same in the partition": ("UPDATE ledger_roll_1 SET contributors[1] = 'cy', first_id = 'cy'", FORBIDDEN),
    "a folio changes its roll": ("UPDATE ledger_folio SET roll = roll + 1", FORBIDDEN),
    "a leg is deleted": ("DELETE FROM ledger_leg WHERE id = 1", FORBIDDEN),
    "a leg joins a sealed journal": (
        "INSERT INTO ledger_leg (journal_id, account, currency, side, amount_micros) VALUES (1, 'bank', 'USD', 'D', 5)", STATE,
    ),
    "a journal takes a number again": (JOURNAL.format(seq="seq", kind="test", key="x"), STATE),
    "a journal leaves a number out": (JOURNAL.format(seq="seq + 2", kind="test", key="x"), STATE),
    "a journal is posted twice": (JOURNAL.format(seq="seq + 1", kind="allocation", key="june"), UNIQUE),
    "a journal stays unsealed": (NEXT + PAIR, CHECK),
    "a journal has no legs": (NEXT + SEAL.format(0), CHECK),
    "a journal does not balance": (NEXT + PAIR + LEG.format("bank", "USD", "D", 1) + SEAL.format(3), CHECK),
    "it balances over two currencies": (
        NEXT + LEG.format("platform", "USD", "D", 5) + LEG.format("sales", "EUR", "C", 5) + SEAL.format(2), CHECK,
    ),
    "a leg is below zero": (NEXT + LEG.format("platform", "USD", "D", -5), CHECK),
    "an account that does not exist": (NEXT + LEG.format("mallory", "USD", "D", 5), CHECK),
    "money for a contributor who does not exist": (
        NEXT + LEG.format("platform", "USD", "D", 5) + LEG.format("payable:mallory", "USD", "C", 5) + SEAL.format(2), "23503",
    ),
    "a journal is opened again": ("UPDATE ledger_journal SET sealed = false WHERE seq = 1", STATE),
    "a journal is sealed again, with another hash": ("UPDATE ledger_journal SET hash = repeat('b', 64) WHERE seq = 1", STATE),
    "a journal gets another author": ("UPDATE ledger_journal SET created_by = 'mallory'", FORBIDDEN),
    "a journal is reversed by what is not its mirror": (
        "INSERT INTO ledger_journal (seq, kind, key, posted_at, created_by, legs_count, legs_sha256, prev_hash, hash, sealed, "
        "reverses_id) SELECT seq + 1, 'test', 'x', now(), 'x', 0, '', hash, '', false, (SELECT min(seq) FROM ledger_journal "
        f"WHERE kind = 'payment') FROM ledger_journal ORDER BY seq DESC LIMIT 1; {PAIR} {SEAL.format(2)}", CHECK,
    ),
    # Evidence
    "an event is deleted": ("DELETE FROM audit_event WHERE seq = 2", FORBIDDEN),
    "an event is rewritten": ("UPDATE audit_event SET actor = 'nobody'", FORBIDDEN),
    "an event is slipped in between": (EVENT + "SELECT 2, at, actor, action, object, '{}', prev_hash, hash FROM audit_event WHERE seq = 2", STATE),
    "events go on from another hash": (
        EVENT + "SELECT max(seq) + 1, now(), 'x', 'x', 'x', '{}', repeat('0', 64), '' FROM audit_event", STATE,
    ),
    "a registered policy changes its share": ("UPDATE policies_policy SET text = replace(text, '20%', '90%')", FORBIDDEN),
    "what a cycle committed to is replaced": ("UPDATE proofs_commitment SET sha256 = repeat('0', 64)", FORBIDDEN),
    "a row of another file": ("UPDATE files_quarantined_row SET file_id = 1", FORBIDDEN),
    "a sale moves to another file": ("UPDATE sales_sale SET file_id = 1", FORBIDDEN),
    "a consent is dated back": ("UPDATE consents_consent SET effective_at = '2020-01-01'", FORBIDDEN),
    # Cycles, manifests, payments
    "a cycle goes back": ("UPDATE cycles_cycle SET state = 'open' WHERE key = 'june'", STATE),
    "a published cycle gets another result": ("UPDATE cycles_cycle SET result_digest = repeat('0', 64)", STATE),
    "a published cycle takes other journals": ("UPDATE cycles_cycle SET journals_upto = journals_upto + 1", STATE),
    "a cycle moves to another month": ("UPDATE cycles_cycle SET ends_at = now()", FORBIDDEN),
    "a cycle was approved by another": ("UPDATE cycles_cycle SET approved_by = 'mallory'", STATE),
    "a frozen manifest thaws": ("UPDATE manifests_manifest SET frozen_at = NULL, sha256 = ''", STATE),
    "a frozen manifest becomes another's": ("UPDATE manifests_manifest SET dataset_version = 'ds@2'", FORBIDDEN),
    "a batch is paid again": ("UPDATE payouts_batch SET state = 'draft'", STATE),
    "a batch is approved by another": ("UPDATE payouts_batch SET approved_by = 'mallory'", STATE),
    "a batch is called off at the bank": (
        "UPDATE payouts_batch SET state = 'cancelled', cancelled_by = 'x', cancelled_at = now()", STATE,
    ),
    "a payment becomes payable again": ("UPDATE payouts_payment SET state = 'live' WHERE state = 'paid'", STATE),
    "a payment at the bank is cancelled": ("UPDATE payouts_payment SET state = 'cancelled' WHERE state = 'live'", STATE),
    "a payment goes to somebody else": ("UPDATE payouts_payment SET payee_id = 'P-mallory'", FORBIDDEN),
    "a payment is of more": ("UPDATE payouts_payment SET amount_minor = amount_minor * 10", FORBIDDEN),
    "a destination is used at once": (
        "INSERT INTO payouts_destination (contributor_id, text, set_at, set_by, usable_from) "
        "VALUES ('ann', 'IBAN of mallory', now(), 'ann', now() + interval '1 minute')", CHECK,
    ),
    "a hold is on somebody else": ("UPDATE payouts_hold SET contributor_id = 'cy'", FORBIDDEN),
    "a payment is booked by a journal of another kind": (
        "INSERT INTO payouts_result (payment_id, result, dated, reference, reason, journal_id, file_id) "
        "SELECT p.id, 'paid', now(), 'x', '', (SELECT journal_id FROM payouts_result), 1 FROM payouts_payment p "
        "WHERE p.state = 'live'", UNIQUE,
    ),
    "a decided row of quarantine is opened": (
        "INSERT INTO files_quarantined_row (file_id, line, reason, row, state, decided_by, decision) "
        "VALUES (1, 1, 'x', '{}', 'dismissed', 'x', 'x'); UPDATE files_quarantined_row SET state = 'open'", CHECK,
    ),
    # Triggers, and ways round them
    "a trigger is switched off": ("ALTER TABLE ledger_leg DISABLE TRIGGER ALL", FORBIDDEN),
    "a trigger is dropped": ("DROP TRIGGER ledger_leg_no_change ON ledger_leg", FORBIDDEN),
    "a trigger is added": ("CREATE TRIGGER a BEFORE INSERT ON ledger_leg FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()", FORBIDDEN),
    "a rule rewrites inserts": ("CREATE RULE a AS ON INSERT TO ledger_leg DO INSTEAD NOTHING", FORBIDDEN),
    "triggers sleep as on a replica": ("SET session_replication_role = replica", FORBIDDEN),
    "constraints are dropped": ("ALTER TABLE ledger_leg DROP CONSTRAINT ledger_leg_positive", FORBIDDEN),
    "a column is made another type": ("ALTER TABLE ledger_leg ALTER amount_micros TYPE integer", FORBIDDEN),
    "a function of the owner is replaced": (
        "CREATE OR REPLACE FUNCTION revshare_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", FORBIDDEN,
    ),
    "a function gets another path": ("ALTER FUNCTION revshare_refuse() SET search_path = pg_temp", FORBIDDEN),
    "tables are dropped": ("DROP TABLE ledger_leg CASCADE", FORBIDDEN),
    "a table is renamed": ("ALTER TABLE ledger_leg RENAME TO gone", FORBIDDEN),
    "the schema of the auditors is dropped": ("DROP SCHEMA audit CASCADE", FORBIDDEN),
    "an auditors' view is replaced": ("CREATE OR REPLACE VIEW audit.leg AS SELECT 1", FORBIDDEN),
    # Partitions
    "a partition is detached": ("ALTER TABLE ledger_folio DETACH PARTITION ledger_folio_1", FORBIDDEN),
    "a partition of rolls is detached": ("ALTER TABLE ledger_roll DETACH PARTITION ledger_roll_1", FORBIDDEN),
    "a forged partition is attached": (
        "CREATE TEMP TABLE forged (LIKE ledger_folio); ALTER TABLE ledger_folio ATTACH PARTITION forged FOR VALUES IN (99)", FORBIDDEN,
    ),
    "a forged partition of rolls is attached": (
        "CREATE TEMP TABLE forged (LIKE ledger_roll); ALTER TABLE ledger_roll ATTACH PARTITION forged FOR VALUES IN (99)", FORBIDDEN,
    ),
    "a table inherits": ("CREATE TEMP TABLE forged () INHERITS (ledger_leg)", FORBIDDEN),
    # Shadows
    "a function in public shadows another": ("CREATE FUNCTION public.now() RETURNS int LANGUAGE sql AS 'SELECT 1'", FORBIDDEN),
    "a table in public shadows another": ("CREATE TABLE public.cycles_cycle_2 (id int)", FORBIDDEN),
    "a schema of one's own": ("CREATE SCHEMA mine", FORBIDDEN),
    "a temporary journal says it is open": (
        "CREATE TEMP TABLE ledger_journal AS SELECT 1::bigint AS seq, false AS sealed; "
        "INSERT INTO public.ledger_leg (journal_id, account, currency, side, amount_micros) VALUES (1, 'bank', 'USD', 'D', 5)", STATE,
    ),
    "a temporary cycle says it is locked": (
        "CREATE TEMP TABLE cycles_cycle AS SELECT 1::bigint AS id, 'locked'::text AS state; SELECT revshare_new_entries(1)", STATE,
    ),
    "a temporary chain begins anew": (
        "CREATE TEMP TABLE audit_event (LIKE public.audit_event); INSERT INTO public.audit_event (seq, at, actor, action, object, "
        "detail, prev_hash, hash) VALUES (1, now(), 'x', 'x', 'x', '{}', repeat('0', 64), 'x')", STATE,
    ),
    "a temporary debt is larger": (
        "CREATE TEMP TABLE recoupments_debt AS SELECT id, 999999999::bigint AS amount_micros, asked_by, kind, contributor_id, currency, "
        "starts_on FROM public.recoupments_debt; INSERT INTO recoupments_step (debt_id, action, source, target, text, at, by, amount_micros, "
        "journal_id) SELECT id, 'write_off', 'booked', 'written_off', 'x', now(), 'adam', amount_micros, 1 FROM public.recoupments_debt", CHECK,
    ),
    # Numbers, rights, other roles
    "numbers of arrival go back": ("SELECT setval('sales_arrival', 1)", FORBIDDEN),
    "numbers of files go back": ("SELECT setval('files_file_id_seq', 1)", FORBIDDEN),
    "a sequence starts again": ("ALTER SEQUENCE ledger_leg_id_seq RESTART", FORBIDDEN),
    "somebody becomes the owner": ("SET ROLE revshare_owner", FORBIDDEN),
    "somebody becomes a superuser": ("SET ROLE postgres", FORBIDDEN),
    "somebody becomes another session": ("SET SESSION AUTHORIZATION revshare_owner", FORBIDDEN),
    "rights are given": ("GRANT revshare_owner TO revshare", FORBIDDEN),
    "a role is made": ("CREATE ROLE mallory LOGIN", FORBIDDEN),
    "a role gets more": ("ALTER ROLE revshare SUPERUSER", FORBIDDEN),
    "tables of the future are everybody's": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE revshare_owner GRANT ALL ON TABLES TO PUBLIC", FORBIDDEN,
    ),
    "tables are given away": ("ALTER TABLE ledger_leg OWNER TO revshare", FORBIDDEN),
    "what is owned by others is taken": ("REASSIGN OWNED BY revshare_owner TO revshare", FORBIDDEN),
    # The server
    "a program is run": ("COPY (SELECT 1) TO PROGRAM 'true'", FORBIDDEN),
    "a file of the server is written": ("COPY (SELECT 1) TO '/tmp/revshare-attack'", FORBIDDEN),
    "a file of the server is read": ("SELECT pg_read_file('/etc/passwd')", FORBIDDEN),
    "a large object takes a file in": ("SELECT lo_import('/etc/passwd')", FORBIDDEN),
    "a language is brought in": ("CREATE LANGUAGE mine HANDLER plpgsql_call_handler", FORBIDDEN),
    "the server reads its settings anew": ("SELECT pg_reload_conf()", FORBIDDEN),
    "the catalog is written": ("UPDATE pg_class SET relowner = 'revshare'::regrole", FORBIDDEN),
    "the log is read": ("SELECT pg_ls_logdir()", FORBIDDEN),
    "the owner's session is ended": (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'revshare_owner'", FORBIDDEN,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _nothing_changed(application: Connection, owner: Connection) -> Any:
    """The chains, and what the rows that were aimed at say, before and after all of them."""
    aimed_at = (
        "ledger_leg", "ledger_entry", "ledger_folio", "ledger_roll", "ledger_journal", "audit_event", "cycles_cycle", "manifests_manifest", "payouts_batch",
        "payouts_payment", "payouts_hold", "files_quarantined_row", "policies_policy", "sales_sale",
    )  # fmt: skip
    query = "SELECT " + ", ".join(
        f"(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t)" for name in aimed_at
    )
    before = owner.execute(query).fetchone()
    yield
    assert owner.execute(query).fetchone() == before


def test_there_are_forty() -> None:
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("what", ATTACKS)
def test_an_attack_is_refused(application: Connection, owner: Connection, what: str) -> None:
    attack, code = ATTACKS[what]
    assert refused(application, attack) == code


@pytest.mark.parametrize("edit", [
    "state = 'settled', result_digest = ''", "input_digest = repeat('0', 64)", "balances_sha256 = repeat('0', 64)",
    "published_at = now()", "policy_id = policy_id + 1", "journals_after = journals_after - 1", "journals_upto = NULL",
])  # fmt: skip
def test_a_published_cycle_keeps_what_it_was_published_with(application: Connection, edit: str) -> None:
    assert refused(application, f"UPDATE cycles_cycle SET {edit}") in {STATE, CHECK}


def test_the_same_done_rightly_goes_through(application: Connection) -> None:
    """What the attacks vary: a journal that balances, is sealed, and follows the last."""
    application.execute(f"BEGIN; {NEXT} {PAIR} {SEAL.format(2)} SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK")
