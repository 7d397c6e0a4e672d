"""Nothing is added to what is closed (I21, I23): tried as the application's role, and as the owner, whom only triggers stop."""

from typing import Any

import psycopg
import pytest

from tests.attacks.trying import BY_TRIGGER, FORBIDDEN, refused

Connection = psycopg.Connection[Any]
FOLIOS, ROLLS, PAGES, WHOSE = (
    "ledger_folio_1",
    "ledger_roll_1",
    "manifests_weight_page_1",
    "manifests_roll_1",
)  # the partitions of the first cycle and of the one manifest
LOTS, LARGE = "sales_sale_0", "sales_sale_6"  # the partitions of sales in small lots, and of the one large file
FOLIO = "(cycle_id, roll, currency, first_no, members, openings, earned, ends, pools, ticks, amounts)"
# Of the one member of a roll, with the first pool of all.
AN_ENTRY = "1, {roll}, 'EUR', 3, '{{1}}'::smallint[], '{{0}}'::bigint[], '{{0}}'::bigint[], '{{1}}'::integer[], ARRAY[{pool}], '{{0}}'::bigint[], '{{0}}'::bigint[]"
ROLL = "(cycle_id, roll, first_id, contributors)"
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
    "a sum of a large file": "INSERT INTO sales_part_sum (part, first_seq, last_seq, first_at, last_at, refunds, stream, "
    "model, dataset_version, currency, net_micros, sales) SELECT part, first_seq, last_seq, first_at, last_at, refunds, "
    "'x', model, dataset_version, currency, net_micros, sales FROM sales_part_sum LIMIT 1",
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
    "what a calculated cycle took back": "INSERT INTO recoupments_recouped (debt_id, cycle_id, earned_micros, amount_micros, "
    "released_micros) SELECT d.id, c.id, 5, 1, 0 FROM recoupments_debt d, cycles_cycle c WHERE c.key = 'june'",
    "a finding of a published cycle": "INSERT INTO reviews_finding (review_id, cycle_id, number, rule, subject, currency, "
    "blocks, says, measured) SELECT id, cycle_id, 99, 'pools', 'x', '', true, 'x', '{}' FROM reviews_review LIMIT 1",
    "a decision about a published cycle": "INSERT INTO reviews_decision (finding_id, cycle_id, action, reason, at, by) "
    "SELECT id, cycle_id, 'stop', 'x', now(), 'adam' FROM reviews_finding WHERE blocks LIMIT 1",
    "a batch that nobody prepared": "INSERT INTO payouts_batch (currency, cycle_id, state, payments_count, total_minor, digest, "
    "prepared_at, prepared_by, approved_by, approved_digest, exported_by, cancelled_by) "
    "VALUES ('USD', 1, 'draft', 1, 1, 'x', now(), 'x', '', '', '', '')",
    "a batch that is prepared half": "INSERT INTO payouts_batch (currency, cycle_id, state, payments_count, total_minor, digest, "
    "prepared_at, prepared_by, approved_by, approved_digest, exported_by, cancelled_by) "
    "VALUES ('USD', 1, 'preparing', 1, 1, 'x', now(), 'x', '', '', '', '')",
    "a weight of a frozen manifest": "INSERT INTO manifests_weight_page (manifest_id, rolls_of, roll, ticks) "
    "SELECT id, id, 9, '{1}' FROM manifests_manifest LIMIT 1",
    "a weight into its partition": f"INSERT INTO {PAGES} (manifest_id, rolls_of, roll, ticks) VALUES (1, 1, 9, '{{1}}')",
    "somebody who has weights": "INSERT INTO manifests_roll (rolls_of, roll, first_id, contributors) "
    "VALUES (1, 9, 'zoe', '{zoe}')",
    "somebody into the partition of rolls": f"INSERT INTO {WHOSE} (rolls_of, roll, first_id, contributors) "
    "VALUES (1, 9, 'zoe', '{zoe}')",
    "a part of a frozen manifest": "WITH p AS (INSERT INTO manifests_part (file_id, parquet_sha256, rows) "
    "SELECT id, repeat('a', 64), 1 FROM files_file LIMIT 1 RETURNING id) INSERT INTO manifests_part_version "
    "(part_id, manifest_id, rows) SELECT p.id, m.id, 1 FROM p, manifests_manifest m",
    "an entry of a calculated cycle": f"INSERT INTO ledger_folio {FOLIO} "
    f"SELECT {AN_ENTRY.format(roll=1, pool='id')} FROM pools_pool LIMIT 1",
    "an entry into its partition": f"INSERT INTO {FOLIOS} {FOLIO} "
    f"SELECT {AN_ENTRY.format(roll=1, pool='id')} FROM pools_pool LIMIT 1",
    "an entry by MERGE": f"MERGE INTO {FOLIOS} f USING pools_pool p ON f.first_no = 9 WHEN NOT MATCHED THEN "
    f"INSERT {FOLIO} VALUES ({AN_ENTRY.format(roll=1, pool='p.id')})",
    "somebody on a roll of a calculated cycle": f"INSERT INTO ledger_roll {ROLL} VALUES (1, 9, 'zoe', '{{zoe}}')",
    "somebody into its partition": f"INSERT INTO {ROLLS} {ROLL} VALUES (1, 9, 'zoe', '{{zoe}}')",
    "somebody by MERGE": f"MERGE INTO {ROLLS} r USING pools_pool p ON r.roll = 9 WHEN NOT MATCHED THEN "
    f"INSERT {ROLL} VALUES (1, 9, 'zoe', '{{zoe}}')",
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


@pytest.mark.parametrize("what", LATE_INSERTS)
def test_nothing_is_added_to_what_is_closed(application: Connection, owner: Connection, what: str) -> None:
    assert refused(application, LATE_INSERTS[what]) in {FORBIDDEN, *BY_TRIGGER}
    assert refused(owner, LATE_INSERTS[what]) in BY_TRIGGER


@pytest.mark.parametrize(
    "table",
    [
        FOLIOS,
        "ledger_folio",
        ROLLS,
        "ledger_roll",
        PAGES,
        "manifests_weight_page",
        WHOSE,
        "manifests_roll",
        LARGE,
        "sales_sale",
    ],
)
def test_nothing_is_copied_into_what_is_closed(application: Connection, owner: Connection, table: str) -> None:
    for connection, error in (
        (application, psycopg.errors.InsufficientPrivilege), (owner, psycopg.errors.RestrictViolation),
    ):  # fmt: skip
        with pytest.raises(error), connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(b"")
