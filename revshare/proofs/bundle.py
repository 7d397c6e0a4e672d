"""The audit bundle of a published cycle: one ZIP file with all that its figures come from, and a program that computes
them again without revshare. For auditors: it has everybody's amounts, and the secret of the trees."""

import hashlib
import json
import zipfile
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from revshare.bulk import copied_out
from revshare.cycles.models import Cycle
from revshare.errors import Refused
from revshare.progress import Progress, no_progress
from revshare.proofs.models import Commitment
from revshare.proofs.queries import commitment_of

FORMAT = "revshare audit bundle 1"
CHECKER = "check_bundle.py"
ALWAYS = (1980, 1, 1, 0, 0, 0)  # the time of each file, so that the same cycle gives the same bytes
SORT_MEMORY = "256MB"
# Of each file its columns and where they come from; {cycle}: the cycle's id, {after} and {upto}: its journals.
TABLES = {
    "files.csv": "SELECT id, sha256, kind, name, rows_in, loaded_at FROM files_file WHERE loaded_at <= '{locked}' "
    "ORDER BY id",
    "sales.csv": "SELECT sale_id, occurred_at, kind, refers_to, stream, model, dataset_version, currency, gross, "
    "file_id, late "
    'FROM audit.sale WHERE cycle_id = {cycle} ORDER BY sale_id COLLATE "C"',
    "weights.csv": "SELECT m.dataset_version, w.contributor_id, w.assets_ticks FROM manifests_weight w "
    "JOIN manifests_manifest m ON m.id = w.manifest_id WHERE m.dataset_version = ANY({versions}) "
    'ORDER BY m.dataset_version COLLATE "C", w.contributor_id COLLATE "C"',
    "pools.csv": 'SELECT id, kind, currency, "table", model, dataset_version, part, measure, share, net_micros, '
    "carried_in_micros, released_micros, deducted_micros, distributable_micros, commons_micros, platform_micros, "
    "carried_out_micros, denominator_ticks, versions FROM pools_pool WHERE cycle_id = {cycle} ORDER BY id",
    "entries.csv": "SELECT e.statement_no, e.pool_id, e.contributor_id, e.numerator_ticks, e.amount_micros "
    "FROM ledger_entry e JOIN pools_pool p ON p.id = e.pool_id WHERE e.cycle_id = {cycle} "
    "ORDER BY e.statement_no, p.kind = 'movements', "
    'p."table", p.model, p.dataset_version, p.part',
    "rests.csv": "SELECT pool_id, bucket, reason, contributor_id, units, amount_micros FROM allocation_rest "
    "WHERE cycle_id = {cycle} ORDER BY id",
    "statements.csv": "SELECT s.ordinal, s.number, s.contributor_id, s.currency, s.opening_micros, s.earned_micros, "
    "s.adjusted_micros, s.withheld_micros, s.held_micros, s.paid_micros, s.closing_micros FROM statements_statement s "
    "WHERE s.cycle_id = {cycle} ORDER BY s.ordinal",
    "movements.csv": "SELECT contributor_id, currency, kind, key, amount_micros FROM ledger_movement "
    "WHERE cycle_id = {cycle} ORDER BY journal_id, contributor_id",
    "journals.csv": "SELECT seq, kind, key, "
    "to_char(posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS posted_at, "
    "created_by, reverses_id, legs_count, prev_hash, hash FROM ledger_journal WHERE {journals} ORDER BY seq",
    "legs.csv": "SELECT l.journal_id, l.account, l.currency, l.side, l.amount_micros FROM ledger_leg l "
    "JOIN ledger_journal j ON j.seq = l.journal_id WHERE {journals} AND (kind <> 'allocation' OR cycle_id = {cycle}) "
    "ORDER BY l.journal_id, l.account, l.currency",
    "accounts.csv": "SELECT currency, earned_micros, accounts, credited, sha256 FROM ledger_account_control "
    "WHERE cycle_id = {cycle} ORDER BY currency",
}  # fmt: skip


@transaction.atomic
def write_bundle(*, key: str, target: Path, progress: Progress = no_progress) -> dict[str, int]:
    """Writes the bundle beside `target` and then in its place; returns the rows of each file. The same cycle gives the
    same bytes. Raises NotFound unless the cycle has committed to its statements; Refused if it cannot be written."""
    commitment = commitment_of(key)
    draft = target.with_name(f"{target.name}.part")
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{SORT_MEMORY}'")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
            rows = _fill(bundle, commitment, progress)
        draft.replace(target)
    except OSError as error:
        raise Refused(f"Cannot write {target}: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return rows


def _fill(bundle: zipfile.ZipFile, commitment: Commitment, progress: Progress) -> dict[str, int]:
    cycle = commitment.cycle
    hashes: dict[str, str] = {}
    rows: dict[str, int] = {}
    for done, (name, query) in enumerate(TABLES.items()):
        progress(name, done, len(TABLES))
        with closing(_table(query, cycle)) as blocks:
            rows[name] = _add(bundle, name, blocks, hashes)
    signed = {"public_key": commitment.public_key, "signature": commitment.signature}
    secret = bytes(commitment.secret).hex()
    checker = (settings.BASE_DIR / "tools" / CHECKER).read_bytes()
    for name, text in (
        ("policy.toml", cycle.policy.text.encode()), ("commitment.txt", commitment.text.encode()),
        ("signature.json", _json(signed)), ("secret.txt", f"{secret}\n".encode()), (CHECKER, checker),
    ):  # fmt: skip
        _add(bundle, name, [text], hashes)
    facts = {
        "format": FORMAT, "cycle": cycle.key, "starts_at": cycle.starts_at.isoformat(), "timezone": cycle.timezone,
        "ends_at": cycle.ends_at.isoformat(), "policy": f"{cycle.policy.name}@{cycle.policy.version}",
        "policy_sha256": cycle.policy.sha256, "input_digest": cycle.input_digest, "result_digest": cycle.result_digest,
        "models": cycle.pinned.get("models", {}), "manifests": cycle.pinned.get("manifests", {}),
        "files": hashes, "rows": rows,
    }  # fmt: skip
    _add(bundle, "bundle.json", [_json(facts)], {})
    return rows


def _table(query: str, cycle: Cycle) -> Generator[bytes, None, None]:
    versions = "ARRAY[" + ", ".join("'" + name.replace("'", "''") + "'" for name in cycle.pinned.get("manifests", {}))
    journals = (
        f"(seq > {cycle.journals_after:d} AND seq <= {cycle.journals_upto:d} OR cycle_id = {cycle.pk:d} "
        "AND kind = 'allocation')"
    )
    filled = query.format(
        cycle=cycle.pk, versions=f"{versions}]::text[]", journals=journals,
        locked=cycle.locked_at.isoformat() if cycle.locked_at else "",
    )  # fmt: skip
    return (rows.data for rows in copied_out(filled.replace("%", "%%"), options=", HEADER"))


def _add(bundle: zipfile.ZipFile, name: str, blocks: Iterable[bytes], hashes: dict[str, str]) -> int:
    """Adds a file; returns its lines but the first."""
    digest, lines = hashlib.sha256(), 0
    entry = zipfile.ZipInfo(name, ALWAYS)
    entry.compress_type = zipfile.ZIP_DEFLATED
    with bundle.open(entry, "w", force_zip64=True) as file:
        for block in blocks:
            file.write(block)
            digest.update(block)
            lines += block.count(b"\n")
    hashes[name] = digest.hexdigest()
    return lines - 1


def _json(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
