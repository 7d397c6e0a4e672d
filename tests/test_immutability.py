"""What is posted, published or frozen cannot be changed, removed or added to by SQL (I14, I23): each attack is tried as
the application's role on a real, committed instance, and again with the tricks an owner might try.

The role that runs the application owns the tables, so what only an owner may do it can do: ALTER TABLE … DISABLE
TRIGGER, DROP TRIGGER, DETACH PARTITION, DROP TABLE. The database does not refuse these until the roles are split;
`verify` names what came of them (the last tests here, and `DEFECTS` of `tests/verification/test_operations.py`)."""

from pathlib import Path

import psycopg
import pytest

from tests.conftest import World
from tests.small import FILES, finish, open_small_cycle, take_in_signals

pytestmark = pytest.mark.usefixtures("published")

ENTRIES, WEIGHTS = "ledger_entry_1", "manifests_weight_row_1"  # the partitions of the one cycle and the one manifest
LOTS, LARGE = "sales_sale_0", "sales_sale_6"  # the partitions of sales in small lots, and of the one large file
FROZEN = (
    "audit_event", "policies_policy", "files_file", "files_folded_id", "sales_sale", LOTS, LARGE,
    "manifests_part", "manifests_part_version", "manifests_weight_row", WEIGHTS, "manifests_training", "cycles_window", "pools_pool",
    "allocation_rest", "ledger_entry", ENTRIES, "ledger_pool_control", "ledger_account_control", "ledger_leg",
    "ledger_journal", "measures_measure", "measures_output", "measures_usage",
    "consents_consent", "rates_rate", "splits_split", "fx_conversion", "pools_match", "allocation_release",
    "allocation_suspense_decision",
    "allocation_passed_on", "claims_claim", "claims_step", "allocation_held_release",
    "files_void", "restatements_restatement", "restatements_line", "restatements_step", "allocation_correction",
    "pools_carry_correction",
    "payouts_hold", "payouts_batch", "payouts_payment", "payouts_result", "payouts_currency",
    "recoupments_debt", "recoupments_step", "recoupments_recouped", "proofs_commitment",
    "personal_deletion_request", "personal_deletion_decision",
)  # fmt: skip
# Mutable by design: each with the rule that bounds it, or none where it holds no money.
MUTABLE = {
    "access_user": "people", "access_user_groups": "people", "access_user_user_permissions": "people",
    "authtoken_token": "people", "contributors_contributor": "completed, never deleted", "runs_run": "work in progress",
    "files_upload": "points to its file", "files_quarantined_row": "decided once", "manifests_manifest": "frozen once",
    "cycles_cycle": "moves by the table of moves", "invitations_invitation": "used or made void once",
    "mail_message": "sent once", "mail_queued": "only grows", "mail_preference": "the contributor's own",
}  # fmt: skip
EDITS = {
    "audit_event": "action = 'nothing'", "policies_policy": "text = ''", "files_file": "rows_in = 0",
    "files_folded_id": "looks_like = ''", "sales_sale": "gross_micros = gross_micros + 1",
    LOTS: "gross_micros = gross_micros + 1", LARGE: "gross_micros = gross_micros + 1",
    "manifests_part": "rows = 0", "manifests_part_version": "rows = 0", "manifests_weight_row": "assets_ticks = 1",
    WEIGHTS: "assets_ticks = 1", "manifests_training": "model = 'x'", "cycles_window": "upto_seq = upto_seq + 1",
    "pools_pool": "sales_count = 0", "allocation_rest": "amount_micros = amount_micros + 1",
    "ledger_entry": "amount_micros = amount_micros + 1", ENTRIES: "amount_micros = amount_micros + 1",
    "ledger_pool_control": "amount_micros = amount_micros + 1",
    "ledger_account_control": "earned_micros = earned_micros + 1", "ledger_leg": "amount_micros = amount_micros + 1",
    "ledger_journal": "posted_at = now()", "measures_measure": "value_micros = value_micros + 1",
    "measures_output": "score_millionths = 1", "measures_usage": "units = units + 1",
    "consents_consent": "decision = 'opt_in'", "rates_rate": "rate = 2", "splits_split": "share_millionths = 1",
    "allocation_passed_on": "amount_micros = 0", "claims_claim": "claimant_id = 'ben'", "claims_step": "by = 'mallory'",
    "allocation_held_release": "contributor_id = 'ben'",
    "pools_match": "stands_for = 'x'", "allocation_release": "amount_micros = 1",
    "allocation_suspense_decision": "decided_by = 'x'", "proofs_commitment": "text = 'x'",
    "payouts_hold": "reason = 'none'",
    "payouts_batch": "total_minor = total_minor + 1", "payouts_payment": "amount_minor = amount_minor - 1",
    "payouts_result": "dated = dated + 1",
    "files_void": "reason = 'x'", "restatements_restatement": "digest = 'x'", "restatements_line": "new_micros = 1",
    "restatements_step": "by = 'mallory'", "allocation_correction": "amount_micros = 1",
    "pools_carry_correction": "amount_micros = 1",
    "fx_conversion": "amount_out_micros = 0", "payouts_currency": "currency = 'GBP'",
    "recoupments_debt": "amount_micros = amount_micros - 1", "recoupments_step": "by = 'mallory'",
    "recoupments_recouped": "amount_micros = amount_micros + 1",
    "personal_deletion_request": "text = 'x'", "personal_deletion_decision": "outcome = 'granted'",
}  # fmt: skip
# What people and auditors read; behind each stands a table of the list above.
VIEWS = {
    "allocation_allocation": "amount_micros = 0", "statements_statement": "earned_micros = 0",
    "ledger_every_leg": "amount_micros = 0", "manifests_weight": "assets_ticks = 0",
}  # fmt: skip
ENTRY = "(cycle_id, statement_no, numerator_ticks, amount_micros, opening_micros, earned_micros, pool_id, statement_lines, contributor_id)"
SALE = "(sale_id, sold_at, stream, model, currency, gross_micros, file_id, row, seq, part)"
# A sale like another: `{id}`, `{seq}`, `{part}` may be others.
A_SALE = f"INSERT INTO {{table}} {SALE} SELECT {{id}}, sold_at, stream, model, currency, 1, file_id, 99, {{seq}}, {{part}} FROM sales_sale"
LAST = "(SELECT max(seq) FROM sales_sale)"
CONVERSION = (
    "INSERT INTO fx_conversion (cycle_id, day, base, quote, rate_upper, rate_lower, rate_on, source, way, sums, "
    "amount_in_micros, amount_out_micros) SELECT id, '2026-06-01', 'EUR', 'USD', 1, 1, '2026-06-01', 'ECB', '', 1, 1, 1 "
    "FROM cycles_cycle LIMIT 1"
)
LATE_INSERTS = {
    "a sale, but for the lots": A_SALE.format(table="sales_sale", id="'x'", seq=f"{LAST} + 1", part=0) + " LIMIT 1",
    "a sale of a large file": A_SALE.format(table=LARGE, id="'x'", seq=f"{LAST} + 1", part=6) + " WHERE part = 6 LIMIT 1",
    "a sale among those that a cycle closed over": A_SALE.format(table=LOTS, id="'x'", seq=0, part=0) + " LIMIT 1",
    "a sale among those of a large file": A_SALE.format(table=LOTS, id="'x'", seq=LAST, part=0) + " LIMIT 1",
    "a sale that a large file has": A_SALE.format(table=LOTS, id="sale_id", seq=f"{LAST} + 1", part=0) + " WHERE part = 6 LIMIT 1",
    "a sale that a small lot has": A_SALE.format(table=LOTS, id="sale_id", seq=f"{LAST} + 1", part=0) + " WHERE part = 0 LIMIT 1",
    "a leg of a sealed journal": "INSERT INTO ledger_leg (journal_id, account, currency, side, amount_micros) "
    "VALUES (1, 'platform', 'EUR', 'D', 5)",
    "a payment into a sealed journal": "INSERT INTO ledger_leg (journal_id, account, currency, side, amount_micros) "
    "VALUES (1, 'payable:ann', 'EUR', 'D', 5), (1, 'bank', 'EUR', 'C', 5)",
    "a pool of movements of a calculated cycle": "INSERT INTO pools_pool (cycle_id, kind, \"table\", model, dataset_version, "
    "currency, rule, share, sales_count, net_micros, carried_in_micros, distributable_micros, platform_micros, "
    "carried_out_micros, denominator_ticks, versions, suspense_reason) SELECT id, 'movements', '', '', '', 'USD', '', '', 0, "
    "0, 0, 0, 0, 0, 0, '[]', '' FROM cycles_cycle LIMIT 1",
    "a payment of a batch that is prepared": "INSERT INTO payouts_payment (batch_id, payment_key, contributor_id, payee_id, "
    "name, currency, amount_minor, amount_micros, account_currency, account_micros, balance_micros, rate_source, statement, "
    "destination_sha256, state) VALUES (1, 'x', 'cy', 'x', '', 'USD', 1, 10000, 'USD', 10000, 10000, '', '', '', 'live')",
    "a payment in another currency without a rate": "INSERT INTO payouts_payment (batch_id, payment_key, contributor_id, "
    "payee_id, name, currency, amount_minor, amount_micros, account_currency, account_micros, balance_micros, rate_source, "
    "statement, destination_sha256, state) VALUES (1, 'x', 'cy', 'x', '', 'USD', 1, 10000, 'EUR', 5, 10000, '', '', '', 'live')",
    "an overpayment found by a calculated cycle": "INSERT INTO recoupments_debt (contributor_id, currency, kind, amount_micros, "
    "reason, asked_at, asked_by, noticed_on, starts_on, cycle_id) VALUES ('cy', 'USD', 'overpayment', 1, 'x', now(), 'x', "
    "'2026-06-01', '2026-06-01', 1)",
    "a second approval of a debt": "INSERT INTO recoupments_step (debt_id, action, source, target, text, at, by, amount_micros, "
    "journal_id) SELECT debt_id, action, source, target, 'x', at, 'vera', amount_micros, journal_id FROM recoupments_step",
    "a write-off by whoever asked": "INSERT INTO recoupments_step (debt_id, action, source, target, text, at, by, amount_micros, "
    "journal_id) SELECT d.id, 'write_off', 'booked', 'written_off', 'x', now(), d.asked_by, d.amount_micros - "
    "(SELECT sum(amount_micros) FROM recoupments_recouped), 1 FROM recoupments_debt d",
    "a write-off of more than is left": "INSERT INTO recoupments_step (debt_id, action, source, target, text, at, by, "
    "amount_micros, journal_id) SELECT id, 'write_off', 'booked', 'written_off', 'x', now(), 'adam', amount_micros, 1 "
    "FROM recoupments_debt",
    "what a calculated cycle took back": "INSERT INTO recoupments_recouped (debt_id, cycle_id, earned_micros, amount_micros) "
    "SELECT d.id, c.id, 5, 1 FROM recoupments_debt d, cycles_cycle c WHERE c.key = 'june'",
    "a batch that nobody prepared": "INSERT INTO payouts_batch (currency, cycle_id, state, payments_count, total_minor, digest, "
    "prepared_at, prepared_by, approved_by, approved_digest, exported_by, cancelled_by) "
    "VALUES ('USD', 1, 'draft', 1, 1, 'x', now(), 'x', '', '', '', '')",
    "a batch that is prepared half": "INSERT INTO payouts_batch (currency, cycle_id, state, payments_count, total_minor, digest, "
    "prepared_at, prepared_by, approved_by, approved_digest, exported_by, cancelled_by) "
    "VALUES ('USD', 1, 'preparing', 1, 1, 'x', now(), 'x', '', '', '', '')",
    "a weight of a frozen manifest": "INSERT INTO manifests_weight_row (manifest_id, contributor_id, assets_ticks) "
    "SELECT id, 'cy', 1 FROM manifests_manifest LIMIT 1",
    "a weight into its partition": f"INSERT INTO {WEIGHTS} (manifest_id, contributor_id, assets_ticks) VALUES (1, 'cy', 1)",
    "a weight through the view": "INSERT INTO manifests_weight (manifest_id, contributor_id, assets_ticks) "
    "VALUES (1, 'cy', 1)",
    "a part of a frozen manifest": "WITH p AS (INSERT INTO manifests_part (file_id, parquet_sha256, rows) "
    "SELECT id, repeat('a', 64), 1 FROM files_file LIMIT 1 RETURNING id) INSERT INTO manifests_part_version "
    "(part_id, manifest_id, rows) SELECT p.id, m.id, 1 FROM p, manifests_manifest m",
    "an entry of a calculated cycle": f"INSERT INTO ledger_entry {ENTRY} "
    "SELECT 1, 3, 0, 0, 0, 0, id, 1, 'cy' FROM pools_pool LIMIT 1",
    "an entry into its partition": f"INSERT INTO {ENTRIES} {ENTRY} SELECT 1, 3, 0, 0, 0, 0, id, 1, 'cy' FROM pools_pool LIMIT 1",
    "an entry by MERGE": f"MERGE INTO {ENTRIES} e USING pools_pool p ON e.statement_no = 9 WHEN NOT MATCHED THEN "
    f"INSERT {ENTRY} VALUES (1, 9, 0, 0, 0, 0, p.id, 1, 'cy')",
    "what goes to nobody, of a calculated cycle": "INSERT INTO allocation_rest (cycle_id, pool_id, bucket, amount_micros) "
    "SELECT cycle_id, id, 'suspense', 1 FROM pools_pool LIMIT 1",
    "what is passed on of a calculated cycle": "INSERT INTO allocation_passed_on (cycle_id, contributor_id, payee_id, "
    "currency, earned_micros, share_millionths, amount_micros) VALUES (1, 'ann', 'ben', 'EUR', 5, 1, 1)",
    "a decision of a claim that is decided": "INSERT INTO claims_step (claim_id, action, source, target, text, at, by) "
    "SELECT id, 'reject', 'filed', 'rejected', 'x', now(), 'mallory' FROM claims_claim",
    "a release of money that is not held": "INSERT INTO allocation_held_release (rest_id, journal_id, contributor_id) "
    "SELECT id, 1, 'cy' FROM allocation_rest WHERE bucket = 'platform'",
    "a decision about what is not in suspense": "INSERT INTO allocation_suspense_decision (rest_id, decision, model, reason, "
    "decided_at, decided_by) SELECT id, 'share', '', 'x', now(), 'x' FROM allocation_rest WHERE bucket = 'platform'",
    "a decision about what is released": "INSERT INTO allocation_suspense_decision (rest_id, decision, model, reason, "
    "decided_at, decided_by) SELECT rest_id, 'share', '', 'x', now(), 'x' FROM allocation_release",
    "a second release": "INSERT INTO allocation_held_release SELECT * FROM allocation_held_release",
    "a control of a pool of a calculated cycle": "INSERT INTO ledger_pool_control (cycle_id, pool_id, entries, "
    "numerator_ticks, amount_micros, residue_micros, sha256) SELECT cycle_id, id + 1, 0, 0, 0, 0, '' FROM pools_pool LIMIT 1",
    "a control of accounts of a calculated cycle": "INSERT INTO ledger_account_control (cycle_id, currency, accounts, "
    "credited, opening_micros, earned_micros, sha256) VALUES (1, 'EUR', 1, 0, 0, 0, '')",
    "a pool of a calculated cycle": 'INSERT INTO pools_pool (cycle_id, "table", model, dataset_version, currency, rule, '
    "share, sales_count, net_micros, carried_in_micros, distributable_micros, platform_micros, carried_out_micros, "
    "denominator_ticks, versions, suspense_reason) SELECT id, 'x', '', '', 'USD', '', '', 0, 0, 0, 0, 0, 0, 0, '[]', '' "
    "FROM cycles_cycle LIMIT 1",
    "a conversion of a calculated cycle": CONVERSION,
    "a window of a locked cycle": "INSERT INTO cycles_window (cycle_id, starts_at, ends_at, after_seq, upto_seq, late) "
    "SELECT id, '2000-01-01', '2000-02-01', 0, 9, true FROM cycles_cycle LIMIT 1",
    "a window of a restatement that is posted": "INSERT INTO cycles_window (cycle_id, starts_at, ends_at, after_seq, "
    "upto_seq, late, restatement_id) SELECT cycle_id, '2000-01-01', '2000-02-01', 0, 9, true, id "
    "FROM restatements_restatement LIMIT 1",
    "a line of a restatement that is drafted": "INSERT INTO restatements_line (restatement_id, bucket, \"table\", model, "
    "dataset_version, part, currency, reason, old_micros, new_micros) SELECT id, 'platform', 'x', '', '', '', 'USD', '', 0, 1 "
    "FROM restatements_restatement LIMIT 1",
    "a restatement beside the last one": "INSERT INTO restatements_restatement (cycle_id, number, words, options, policy_id, "
    "pinned, totals, digest, drafted_at, drafted_by) SELECT cycle_id, 9, '', '{}', policy_id, '{}', '{}', 'x', now(), 'x' "
    "FROM restatements_restatement LIMIT 1",
    "an approval of one's own": "INSERT INTO restatements_step (restatement_id, action, digest, at, by) "
    "SELECT id, 'approve', digest, now(), drafted_by FROM restatements_restatement ORDER BY id DESC LIMIT 1",
    "an approval over another digest": "INSERT INTO restatements_step (restatement_id, action, digest, at, by) "
    "SELECT id, 'approve', 'x', now(), 'adam' FROM restatements_restatement ORDER BY id DESC LIMIT 1",
    "a posting that nobody approved": "INSERT INTO restatements_step (restatement_id, action, digest, journal_id, at, by) "
    "SELECT id, 'post', digest, (SELECT max(seq) FROM ledger_journal), now(), 'x' FROM restatements_restatement "
    "ORDER BY id DESC LIMIT 1",
    "a correction by a restatement that is posted": "INSERT INTO allocation_correction (rest_id, journal_id, amount_micros) "
    "SELECT r.id, (SELECT max(journal_id) FROM restatements_step), 1 FROM allocation_rest r WHERE bucket = 'suspense' LIMIT 1",
    "a correction of what is the platform's": "INSERT INTO allocation_correction (rest_id, journal_id, amount_micros) "
    "SELECT r.id, 1, 1 FROM allocation_rest r WHERE bucket = 'platform' LIMIT 1",
    "a carry by a journal of another kind": "INSERT INTO pools_carry_correction (cycle_id, journal_id, \"table\", model, "
    "dataset_version, part, currency, amount_micros) VALUES (1, 1, 'x', '', '', '', 'USD', 1)",
    "an event out of order": "INSERT INTO audit_event (seq, at, actor, action, object, detail, prev_hash, hash) "
    "VALUES (1000, now(), 'x', 'x', 'x', '{}', '', '')",
    "a journal out of order": "INSERT INTO ledger_journal (seq, kind, key, posted_at, created_by, legs_count, legs_sha256, "
    "prev_hash, hash, sealed) VALUES (9, 'x', 'x', now(), 'x', 0, '', '', '', false)",
}  # fmt: skip
CYCLE_EDITS = (
    "state = 'open'", "state = 'settled', result_digest = ''", "ends_at = now()", "result_digest = repeat('0', 64)",
    "input_digest = repeat('0', 64)", "balances_sha256 = repeat('0', 64)", "approved_by = 'mallory'", "published_at = now()", "policy_id = policy_id + 1",
    "journals_after = journals_after - 1", "journals_upto = journals_upto + 1", "journals_upto = NULL",
)  # fmt: skip


# Two sales, taken in as if they were many.
TAKE_IN_LARGE = """
from pathlib import Path
from revshare.ingest.operations import ingest
from revshare.management.base import acting
from revshare.sales import storing
storing.PARTITION_ROWS = 1
ingest(kind="sales", path=Path({path!r}), act=acting("olivia", "ingest"))
"""
# What goes to and fro: it is on record, and no journal.
SPLITS = """contributor_id,payee_id,share,start
ann,ben,0.000001,2026-01-01
ben,ann,0.000002,2026-01-01
"""
# Cy says that one of Ann's assets is his: its money is held, and becomes his.
FILE_CLAIM = """
from revshare.claims.operations import file_claim, prove
from revshare.management.base import acting
claim = file_claim(
    claimant_id="cy", dataset_version="ds@1", asset_id="1", proof="raw", act=acting("olivia", "file_claim"))
prove(number=claim.pk, evidence="negative", act=acting("olivia", "file_claim"))
"""
UPHOLD_CLAIM = """
from revshare.allocation.releasing import decide
from revshare.management.base import acting
decide(number=1, action="uphold", reason="his", act=acting("adam", "decide_claim"))
"""
# Ann has an advance, of which July takes back a part.
ADVANCE = """
from datetime import UTC, datetime
from revshare.audit_trail.operations import Act
from revshare.recoupments import operations as recoupments
at = datetime(2026, 6, 30, tzinfo=UTC)
debt = recoupments.ask_for_advance(contributor_id="ann", currency="USD", amount_micros=9_000_000,
    act=Act(actor="fiona", at=at, why="a camera"))
recoupments.approve(number=debt.pk, act=Act(actor="adam", at=at, why="agreed"))
from revshare.personal.operations import ask_deletion, decide_deletion
asked = ask_deletion(contributor_id="ben", text="", act=Act(actor="ben", at=at))
decide_deletion(number=asked.pk, outcome="refused", reason="in court", act=Act(actor="adam", at=at))
"""
RECOUPMENT = '[recoupment]\ncap = "10%"\n'
# Of June, and late: in July's cycle, at the rate of its day. And of two models that nobody knows: August shares what was
# sold of the one; of the other it goes to the platform.
LATE_FILE = """sale_id,sold_at,stream,model,currency,gross_amount
e1,2026-06-30T00:00:00Z,generation,m,EUR,3.00
u1,2026-07-15T00:00:00Z,generation,mystery,USD,10.00
u2,2026-07-15T00:00:00Z,generation,riddle,USD,20.00
"""
ONE_CURRENCY = '[currency]\npools = "USD"\nrate = "day"\n'
LARGE_FILE = """sale_id,sold_at,stream,model,currency,gross_amount
l1,2026-07-10T00:00:00Z,generation,m,USD,1.00
l2,2026-07-11T00:00:00Z,generation,m,USD,2.00
"""


ENIGMA = "sale_id,sold_at,stream,model,currency,gross_amount\n"
# September's one sale is of a model that nobody knows; its file is void, and what comes late is a deficit.
RESTATE = """
from pathlib import Path
from revshare.cycles import operations as cycles
from revshare.files.voiding import void
from revshare.ingest.operations import ingest
from revshare.management.base import acting
from revshare.periods import parse_period
from revshare.policies.operations import find
from revshare.restatements.operations import approve, draft, post
from revshare.restatements.rules import Options
by, folder = acting("olivia", "ingest"), Path({folder!r})
wrong = ingest(kind="sales", path=folder / "wrong.csv", act=by).file.pk
period = parse_period("2026-09-01", "2026-10-01", "UTC")
cycles.open_cycle(key="september", period=period, policy=find("p"), act=by)
for step in (cycles.lock, cycles.calculate, cycles.submit):
    step(key="september", act=by)
for step in (cycles.approve, cycles.publish):
    step(key="september", act=acting("adam", "approve"))
void(file_id=wrong, reason="a test", act=by)
ingest(kind="sales", path=folder / "right.csv", act=by)
draft(cycle_key="september", options=Options(void=(wrong,), late=True), act=by)
approve(key="september/1", act=acting("adam", "approve_restatement"))
post(key="september/1", act=acting("fiona", "post_restatement"))
draft(cycle_key="september", options=Options(policy=find("q").sha256), act=by)
"""


@pytest.fixture(scope="module")
def published(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = Path(tmp_path_factory.mktemp("small"))
    (folder / "splits.csv").write_text(SPLITS)
    open_small_cycle(module_world, folder)
    module_world.manage("shell", "--no-imports", "-c", FILE_CLAIM)
    finish(module_world)
    module_world.manage("proof", "make", "june", "--by", "adam")
    module_world.manage("shell", "--no-imports", "-c", UPHOLD_CLAIM)
    path = folder / "large.csv"
    path.write_text(LARGE_FILE)
    module_world.manage("shell", "--no-imports", "-c", TAKE_IN_LARGE.format(path=str(path)))
    take_in_signals(module_world, folder / "signals")
    (folder / "payees.csv").write_text("contributor_id,contributor_name,payee_id\nann,Ann,P-ann\nben,Ben,P-ben\n")
    module_world.manage("ingest", "contributors", folder / "payees.csv")
    made = module_world.json("payouts", "prepare", "--currency", "USD", "--by", "fiona")
    batch = ("--batch", str(made["batch"]))
    module_world.manage("payouts", "approve", *batch, "--digest", made["digest"], "--by", "adam")
    module_world.manage("payouts", "export", *batch, "--out", folder / "register.csv", "--by", "fiona")
    key = (folder / "register.csv").read_text().splitlines()[1].split(",")[0]
    (folder / "bank.csv").write_text(f"payment_key,result,date,reference\n{key},paid,2026-07-02,B1\n")
    module_world.manage("payouts", "results", folder / "bank.csv", "--by", "fiona")
    module_world.manage("payouts", "hold", "--contributor", "ben", "--reason", "in court", "--by", "fiona")
    paid_in = ("--contributor", "ben", "--currency", "EUR", "--reason", "a letter")
    module_world.manage("payouts", "pay-in", *paid_in, "--by", "fiona")
    module_world.manage("shell", "--no-imports", "-c", ADVANCE)
    july = folder / "july"
    july.mkdir()
    (july / "sales.csv").write_text(LATE_FILE)
    (july / "policy.toml").write_text(FILES["policy.toml"].replace('"p"', '"q"') + ONE_CURRENCY + RECOUPMENT)
    people = ("--prepared-by", "olivia", "--approved-by", "adam")
    days = ("--start", "2026-07-01", "--end", "2026-08-01", "--timezone", "UTC")
    module_world.manage("run_cycle", "july", *days, "--from", july, *people)
    [riddle] = [row for row in module_world.json("suspense", "list")["waiting"] if row["name"] == "riddle"]
    module_world.manage("suspense", "platform", str(riddle["number"]), "--by", "adam", "--reason", "nobody will come")
    module_world.manage("suspense", "match", "model", "mystery", "m", "--by", "olivia", "--reason", "its new name")
    days = ("--start", "2026-08-01", "--end", "2026-09-01", "--timezone", "UTC")
    module_world.manage("run_cycle", "august", *days, "--policy", "q", *people)
    (folder / "wrong.csv").write_text(ENIGMA + "w1,2026-09-03T00:00:00Z,generation,enigma,USD,10.00\n")
    (folder / "right.csv").write_text(ENIGMA + "w2,2026-09-04T00:00:00Z,generation,enigma,USD,-1.00\n")
    module_world.manage("shell", "--no-imports", "-c", RESTATE.format(folder=str(folder)))


def refused(world: World, statement: str) -> None:
    with world.connect() as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(statement)
    # restrict_violation, check_violation, unique_violation
    assert caught.value.sqlstate in {"23001", "23514", "23505"}, caught.value


@pytest.mark.parametrize("table", FROZEN)
@pytest.mark.parametrize("attack", ["update", "delete", "truncate", "replica", "upsert"])
def test_rows_do_not_change_and_do_not_go(module_world: World, table: str, attack: str) -> None:
    if attack != "truncate" and not module_world.rows(f"SELECT 1 FROM {table} LIMIT 1"):
        pytest.fail(f"{table} is empty: the attack would prove nothing")
    statements = {
        "update": f"UPDATE {table} SET {EDITS[table]}",
        "delete": f"DELETE FROM {table}",
        "truncate": f"TRUNCATE {table} CASCADE",
        # Django's own way around triggers; needs a superuser, which the application's role is not.
        "replica": f"SET session_replication_role = replica; DELETE FROM {table}",
        "upsert": f"WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone",
    }
    if attack == "replica":
        with module_world.connect() as connection, pytest.raises(psycopg.Error):
            connection.execute(statements[attack])
    else:
        refused(module_world, statements[attack])


@pytest.mark.parametrize("what", LATE_INSERTS)
def test_nothing_is_added_to_what_is_closed(module_world: World, what: str) -> None:
    refused(module_world, LATE_INSERTS[what])


@pytest.mark.parametrize("table", [ENTRIES, "ledger_entry", WEIGHTS, "manifests_weight_row", LARGE, "sales_sale"])
def test_nothing_is_copied_into_what_is_closed(module_world: World, table: str) -> None:
    with (
        module_world.connect() as connection,
        pytest.raises(psycopg.errors.RestrictViolation),
        connection.cursor().copy(f"COPY {table} FROM STDIN") as copy,
    ):
        copy.write(b"")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("attack", ["UPDATE {view} SET {edit}", "DELETE FROM {view}", "TRUNCATE {view}"])
def test_nothing_changes_through_what_is_read(module_world: World, view: str, attack: str) -> None:
    with module_world.connect() as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(attack.format(view=view, edit=VIEWS[view]))
    # A view that stands for more than one table takes no writing at all: object_not_in_prerequisite_state.
    assert caught.value.sqlstate in {"23001", "55000", "42809"}, caught.value


FORGED = f"""
    ALTER TABLE ledger_entry DETACH PARTITION {ENTRIES};
    ALTER TABLE {ENTRIES} RENAME TO removed;
    SELECT revshare_new_part('ledger_entry', 'cycle_id', 1);
    INSERT INTO {ENTRIES} SELECT cycle_id, statement_no, numerator_ticks, amount_micros, opening_micros, earned_micros,
        pool_id, statement_lines, contributor_id FROM removed;
"""


def test_entries_of_a_cycle_are_made_once(module_world: World) -> None:
    with module_world.connect() as connection, pytest.raises(psycopg.errors.DuplicateTable):
        connection.execute("SELECT revshare_new_part('ledger_entry', 'cycle_id', 1)")
    with module_world.connect() as connection, pytest.raises(psycopg.errors.DuplicateTable):
        connection.execute("SELECT revshare_new_part('manifests_weight_row', 'manifest_id', 1)")


@pytest.mark.parametrize("cycle", [1, 99])
def test_entries_are_attached_to_a_locked_cycle_only(module_world: World, cycle: int) -> None:
    """Of a published cycle, with its own partition out of the way; and of one that does not exist."""
    make = FORGED if cycle == 1 else f"SELECT revshare_new_part('ledger_entry', 'cycle_id', {cycle});"
    refused(module_world, f"BEGIN; {make} SELECT revshare_attach_entries({cycle}); COMMIT;")


def test_weights_are_attached_to_an_open_manifest_only(module_world: World) -> None:
    refused(
        module_world,
        f"BEGIN; ALTER TABLE manifests_weight_row DETACH PARTITION {WEIGHTS}; ALTER TABLE {WEIGHTS} RENAME TO removed;"
        "SELECT revshare_new_part('manifests_weight_row', 'manifest_id', 1); SELECT revshare_attach_weights(1); COMMIT;",
    )


def test_a_second_partition_for_the_same_cycle_is_refused(module_world: World) -> None:
    with module_world.connect() as connection, pytest.raises(psycopg.errors.InvalidObjectDefinition):
        connection.execute(
            "BEGIN; CREATE TABLE forged (LIKE ledger_entry INCLUDING CONSTRAINTS);"
            "ALTER TABLE ledger_entry ATTACH PARTITION forged FOR VALUES IN (1); COMMIT;"
        )


# A part of sales made by hand, which the application's role may do, and then attached. The first of the cases is right.
FORGED_SALES = """
    BEGIN; INSERT INTO files_file (kind, sha256, name, size_bytes, format, rows_in, rows_accepted, rows_duplicate,
        rows_quarantined, unknown_columns, loaded_at, loaded_by)
        VALUES ('{kind}', 'x', '', 0, 'csv', 1, 1, 0, 0, '[]', now(), 'olivia');
    SELECT revshare_new_sales(max(id)::integer) FROM files_file;
    DO $$ DECLARE file integer := (SELECT max(id) FROM files_file); BEGIN
        EXECUTE 'INSERT INTO sales_sale_' || file || '(sale_id, sold_at, stream, model, currency, gross_micros, file_id, row, seq) '
            || $sale$ SELECT {id}, sold_at, stream, model, currency, 1, $sale$ || file || $sale$, 0, {seq} FROM sales_sale LIMIT 1 $sale$;
        PERFORM revshare_attach_sales(file);
    END $$; ROLLBACK;
"""


@pytest.mark.parametrize(
    ("kind", "sale_id", "seq", "sqlstate"),
    [
        ("sales", "'x'", f"{LAST} + 1", ""),
        ("sales", "'l1'", f"{LAST} + 1", "23505"),
        ("sales", "'s1'", f"{LAST} + 1", "23505"),
        ("sales", "'x'", LAST, "23001"),
        ("sales", "'x'", "2", "23001"),
        ("models", "'x'", f"{LAST} + 1", "23503"),
    ],
)
def test_sales_are_attached_once_and_after_all_others(
    module_world: World, kind: str, sale_id: str, seq: str, sqlstate: str
) -> None:
    statement = FORGED_SALES.format(kind=kind, id=sale_id, seq=seq)
    with module_world.connect() as connection:
        if not sqlstate:
            connection.execute(statement)
            return
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statement)
        assert caught.value.sqlstate == sqlstate, caught.value


@pytest.mark.parametrize("edit", CYCLE_EDITS)
def test_a_published_cycle_keeps_what_it_was_published_with(module_world: World, edit: str) -> None:
    refused(module_world, f"UPDATE cycles_cycle SET {edit}")


@pytest.mark.parametrize(
    "table", ["cycles_cycle", "manifests_manifest", "files_quarantined_row", "contributors_contributor"]
)
def test_what_may_move_still_never_goes(module_world: World, table: str) -> None:
    refused(module_world, f"TRUNCATE {table} CASCADE")
    if module_world.rows(f"SELECT 1 FROM {table} LIMIT 1"):
        refused(module_world, f"DELETE FROM {table}")


def test_a_frozen_manifest_does_not_thaw(module_world: World) -> None:
    refused(module_world, "UPDATE manifests_manifest SET frozen_at = NULL, sha256 = ''")


def test_an_unbalanced_or_empty_or_unsealed_journal_cannot_be_committed(module_world: World) -> None:
    head = (
        "INSERT INTO ledger_journal (seq, kind, key, posted_at, created_by, legs_count, legs_sha256, prev_hash, hash, sealed) "
        "SELECT seq + 1, 'test', 'x', now(), 'x', 0, '', hash, '', false FROM ledger_journal ORDER BY seq DESC LIMIT 1;"
    )
    own = "(SELECT max(seq) FROM ledger_journal)"
    leg = f"INSERT INTO ledger_leg (journal_id, account, currency, side, amount_micros) VALUES ({own}, '{{}}', 'USD', '{{}}', {{}});"
    seal = f"UPDATE ledger_journal SET sealed = true, legs_count = {{}}, hash = repeat('a', 64) WHERE seq = {own};"
    refused(module_world, head)  # one statement, one transaction: it is not sealed when it ends
    refused(module_world, f"BEGIN; {head} {seal.format(0)} COMMIT;")
    uneven = leg.format("platform", "D", 5) + leg.format("sales", "C", 4)
    refused(module_world, f"BEGIN; {head} {uneven} {seal.format(2)} COMMIT;")
    even = leg.format("platform", "D", 5) + leg.format("sales", "C", 5)
    refused(module_world, f"BEGIN; {head} {even} {seal.format(3)} COMMIT;")
    refused(module_world, f"BEGIN; {head} {leg.format('platform', 'D', 0)} COMMIT;")
    with module_world.connect() as connection:
        connection.execute(f"BEGIN; {head} {even} {seal.format(2)} ROLLBACK;")  # the same, balanced, would pass


def test_every_table_is_listed_as_one_or_the_other(module_world: World) -> None:
    tables = {
        name
        for (name,) in module_world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        if not name.startswith(("django_", "auth_"))
    }
    others = {"ledger_entry_2", "ledger_entry_3"}  # July's and August's entries, kept as June's are
    assert tables == {*FROZEN, *MUTABLE, *others}


def test_triggers_fire_always(module_world: World) -> None:
    """ENABLE ALWAYS: even `session_replication_role = replica` does not go round them."""
    asleep = module_world.rows(
        "SELECT tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE starts_with(p.proname, 'revshare') "
        "AND t.tgenabled <> 'A'"
    )
    assert asleep == []


def test_the_data_is_untouched_after_all_this(module_world: World) -> None:
    assert module_world.json("verify")["clean"] is True


# What the owner of the tables can do, with what undoes it; and where `verify` then points.
OWNERS_DEEDS = {
    "a partition is detached": (
        f"ALTER TABLE ledger_entry DETACH PARTITION {ENTRIES}",
        f"ALTER TABLE ledger_entry ATTACH PARTITION {ENTRIES} FOR VALUES IN (1)", ENTRIES,
    ),
    "a partition of weights is detached": (
        f"ALTER TABLE manifests_weight_row DETACH PARTITION {WEIGHTS}",
        f"ALTER TABLE manifests_weight_row ATTACH PARTITION {WEIGHTS} FOR VALUES IN (1)", WEIGHTS,
    ),
    "a partition is attached for a cycle that has none": (
        "CREATE TABLE ledger_entry_99 (LIKE ledger_entry INCLUDING CONSTRAINTS);"
        "ALTER TABLE ledger_entry ATTACH PARTITION ledger_entry_99 FOR VALUES IN (99)",
        "DROP TABLE ledger_entry_99", "ledger_entry_99",
    ),
    "a partition of sales is detached": (
        f"ALTER TABLE sales_sale DETACH PARTITION {LARGE}",
        f"ALTER TABLE sales_sale ATTACH PARTITION {LARGE} FOR VALUES IN (6)", LARGE,
    ),
    "sales are made a partition by hand": (
        "CREATE TABLE sales_sale_99 (LIKE sales_sale INCLUDING ALL);"
        "ALTER TABLE sales_sale ATTACH PARTITION sales_sale_99 FOR VALUES IN (99)",
        "DROP TABLE sales_sale_99", "sales_sale_99",
    ),
    "triggers are off": (
        f"ALTER TABLE {ENTRIES} DISABLE TRIGGER ALL",
        "; ".join(f"ALTER TABLE {ENTRIES} ENABLE ALWAYS TRIGGER no_{what}" for what in ("insert", "update", "delete", "truncate")),
        ENTRIES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", OWNERS_DEEDS)
def test_what_an_owner_can_do_all_the_same_is_named_by_verify(module_world: World, what: str) -> None:
    deed, undo, where = OWNERS_DEEDS[what]
    with module_world.connect() as connection:
        connection.execute(deed)
        try:
            findings = module_world.manage("verify", ok=False)
        finally:
            connection.execute(undo)
    assert findings.returncode == 1
    assert any(line.startswith("I23") and where in line for line in findings.stderr.splitlines()), findings.stderr


@pytest.mark.parametrize("statement", [
    "UPDATE payouts_batch SET state = 'draft'", "UPDATE payouts_batch SET state = 'cancelled', cancelled_by = 'x', cancelled_at = now()",
    "UPDATE payouts_batch SET approved_by = 'mallory'", "UPDATE payouts_batch SET exported_at = now()",
    "UPDATE payouts_payment SET state = 'live' WHERE state = 'paid'", "UPDATE payouts_payment SET state = 'cancelled' WHERE state = 'live'",
    "UPDATE payouts_payment SET payee_id = 'P-mallory', state = 'paid' WHERE state = 'live'",
    "UPDATE payouts_hold SET released_at = now(), released_by = 'x', contributor_id = 'cy'",
    "INSERT INTO payouts_result (payment_id, result, dated, reference, reason, journal_id, file_id) "
    "SELECT p.id, 'paid', now(), 'x', '', 1, 1 FROM payouts_payment p WHERE p.state = 'live'",
])  # fmt: skip
def test_payments_move_by_their_table_only(module_world: World, statement: str) -> None:
    refused(module_world, statement)
