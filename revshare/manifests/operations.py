"""Attribution records and models in; manifests frozen and weighed."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from django.db import connection, transaction

from revshare.audit_trail.operations import Act, record
from revshare.bulk import BLOCK_ROWS, Array, Texts, copy_arrays
from revshare.contributors.operations import KNOWN_IDS, add_unclaimed, repeated_rows
from revshare.files.lookalikes import except_lookalikes, remember_looks
from revshare.files.models import IngestedFile
from revshare.files.preflight import FileRefused
from revshare.files.rules import id_checks, number_checks, reason, text_checks
from revshare.files.work import Work
from revshare.lake import BLOCK_BYTES, check_part, copy_file_in, duck, keep, literal, spool
from revshare.locks import Lock, hold
from revshare.manifests.models import Manifest, Part, PartVersion
from revshare.manifests.queries import LAKE, WEIGHTS, parts_of
from revshare.manifests.rules import digest_header
from revshare.manifests.weighing import Weighed, weigh
from revshare.progress import Progress, no_progress

ASSET = ("dataset_version", "asset_id")
KEY = (*ASSET, "contributor_id")
KNOWN_VERSIONS = ("manifests_manifest", "dataset_version")
ASSET_KIND = "'asset ' || dataset_version"
INCOMING_MODELS = "incoming_model"
STAGED_MODELS = {"row": "bigint", "model": 'text COLLATE "C"', "dataset_version": 'text COLLATE "C"'}
MAX_VERSIONS = 10_000  # of one file


def facts(table: str) -> str:
    """What makes two records of the same contributor and asset equal. How the name is spelled does not."""
    return (
        f"struct_pack(share := TRY_CAST({table}.share AS DECIMAL(38, 6)), "
        f"weight := TRY_CAST({table}.weight AS DECIMAL(38, 6)), licence := {table}.licence, "
        f"ai_generated := {table}.ai_generated, media_type := {table}.media_type)"
    )


class AttributionIntake:
    """Takes attributions files. The accepted rows of a file become one part in the lake."""

    kind = "attributions"

    def check(self, work: Work) -> None:
        # No weight given means 1; said once here, so that '' and '1' and '1.0' are the same from here on.
        work.con.execute(
            "CREATE OR REPLACE VIEW accepted AS "
            "SELECT * REPLACE (CASE weight WHEN '' THEN '1' ELSE weight END AS weight) "
            "FROM raw ANTI JOIN exceptions USING (row)"
        )
        work.except_rows(
            "SELECT row, 'quarantined' AS outcome, CASE "
            + "".join(id_checks(column) for column in KEY)
            + text_checks("contributor_name", "licence", "ai_generated", "media_type")
            + number_checks("share", "share_syntax")
            + number_checks("weight", "weight_syntax")
            + "END AS reason FROM raw"
        )
        versions = work.number("SELECT count(DISTINCT dataset_version) FROM accepted")
        if versions > MAX_VERSIONS:
            raise FileRefused("too_many_versions", f"({versions:,})")
        work.except_rows(repeated_rows(KEY, facts("accepted")))

    def settle(self, work: Work) -> None:
        _see_stored(work)
        except_lookalikes(work, kind="'contributor'", column="contributor_id", table=KNOWN_IDS)
        except_lookalikes(work, kind="'dataset'", column="dataset_version", table=KNOWN_VERSIONS)
        known_assets = f"SELECT {ASSET_KIND} AS kind, asset_id AS identifier FROM stored"
        except_lookalikes(work, kind=ASSET_KIND, column="asset_id", lake=known_assets)
        _against_stored(work)
        _within_assets(work)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        remember_looks(work, kind="'contributor'", column="contributor_id")
        remember_looks(work, kind="'dataset'", column="dataset_version")
        remember_looks(work, kind=ASSET_KIND, column="asset_id")
        # The name in the file is a hint for contributors nobody has told us of; of several the lowest, in any order.
        names = (
            "SELECT contributor_id, coalesce(min(contributor_name) FILTER (contributor_name <> ''), '') "
            "FROM accepted GROUP BY contributor_id"
        )
        unclaimed = add_unclaimed(work, query=names, file=file)
        counts = dict(
            work.con.execute("SELECT dataset_version, count(*) FROM accepted GROUP BY ALL ORDER BY 1").fetchall()
        )
        if counts:
            _keep_part(work, file, counts)
        return {"unclaimed_contributors": unclaimed, "dataset_versions": counts}


def _keep_part(work: Work, file: IngestedFile, counts: dict[str, int]) -> None:
    draft = work.scratch / "part.parquet"
    columns = (
        "dataset_version, asset_id, contributor_id, CAST(nullif(share, '') AS DECIMAL(38, 6)) AS share, "
        "CAST(weight AS DECIMAL(38, 6)) AS weight, licence, ai_generated, media_type"
    )
    work.con.execute(f"COPY (SELECT {columns} FROM accepted) TO {literal(draft)} (FORMAT parquet, COMPRESSION zstd)")
    part = Part.objects.create(file=file, parquet_sha256=keep(draft, LAKE), rows=sum(counts.values()))
    Manifest.objects.bulk_create([Manifest(dataset_version=name) for name in counts], ignore_conflicts=True)
    manifests = dict(Manifest.objects.filter(dataset_version__in=counts).values_list("dataset_version", "pk"))
    PartVersion.objects.bulk_create(
        PartVersion(part=part, manifest_id=manifests[name], rows=rows) for name, rows in counts.items()
    )


def _see_stored(work: Work) -> None:
    """Makes the view `stored`: the records stored before of the dataset versions in this file."""
    versions = [row[0] for row in work.con.execute("SELECT DISTINCT dataset_version FROM accepted").fetchall()]
    work.con.execute(f"CREATE OR REPLACE VIEW stored AS {parts_of(versions).query}")
    work.con.execute("CREATE OR REPLACE TEMP TABLE frozen (dataset_version VARCHAR)")
    frozen = Manifest.objects.filter(dataset_version__in=versions, frozen_at__isnull=False)
    for name in frozen.values_list("dataset_version", flat=True):
        work.con.execute("INSERT INTO frozen VALUES (?)", [name])


def _against_stored(work: Work) -> None:
    """Rows of dataset versions that have parts already: known rows are duplicates or conflicts, and a frozen version
    takes no new one."""
    equal = f"{facts('accepted')} IS NOT DISTINCT FROM {facts('stored')}"
    work.except_rows(
        f"SELECT row, CASE WHEN {equal} THEN 'duplicate' ELSE 'quarantined' END AS outcome, "
        f"CASE WHEN {equal} THEN '' ELSE 'conflicting_duplicate@contributor_id' END AS reason "
        f"FROM accepted JOIN stored USING ({', '.join(KEY)})"
    )
    work.except_rows(
        f"SELECT row, 'quarantined' AS outcome, {reason('manifest_frozen', 'dataset_version')} AS reason "
        "FROM accepted JOIN frozen USING (dataset_version)"
    )


def _within_assets(work: Work) -> None:
    """What the rows of one asset must agree on, counting rows stored from earlier files: one weight; shares on all of
    them or on none; not all shares zero. Only assets that say more than the default are looked at."""
    work.con.execute(
        "CREATE OR REPLACE TEMP TABLE odd_assets AS SELECT DISTINCT dataset_version, asset_id FROM ("
        "SELECT dataset_version, asset_id FROM accepted WHERE share <> '' OR CAST(weight AS DECIMAL(38, 6)) <> 1 "
        "UNION ALL SELECT dataset_version, asset_id FROM stored WHERE share IS NOT NULL OR weight <> 1)"
    )
    rows = (
        "SELECT dataset_version, asset_id, CAST(nullif(share, '') AS DECIMAL(38, 6)) AS share, "
        "CAST(weight AS DECIMAL(38, 6)) AS weight FROM accepted SEMI JOIN odd_assets USING (dataset_version, asset_id) "
        "UNION ALL SELECT dataset_version, asset_id, share, weight "
        "FROM stored SEMI JOIN odd_assets USING (dataset_version, asset_id)"
    )
    work.except_rows(
        f"WITH judged AS (SELECT dataset_version, asset_id, CASE "
        f"WHEN count(DISTINCT weight) > 1 THEN {reason('asset_weight_conflict', 'weight')} "
        f"WHEN count(share) NOT IN (0, count(*)) THEN {reason('asset_share_incomplete', 'share')} "
        f"WHEN max(share) = 0 THEN {reason('asset_share_zero', 'share')} END AS reason "
        f"FROM ({rows}) GROUP BY ALL HAVING reason IS NOT NULL) "
        "SELECT row, 'quarantined' AS outcome, reason FROM accepted JOIN judged USING (dataset_version, asset_id)"
    )


class ModelIntake:
    """Takes models files: which dataset versions a model was trained on."""

    kind = "models"

    def check(self, work: Work) -> None:
        work.except_rows(
            "SELECT row, 'quarantined' AS outcome, CASE "
            + id_checks("model")
            + id_checks("dataset_version")
            + f"WHEN mix <> '' THEN {reason('mix_unsupported', 'mix')} "
            + "END AS reason FROM raw"
        )
        work.except_rows(repeated_rows(("model", "dataset_version"), "''"))

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'model'", column="model", table=("manifests_training", "model"))
        except_lookalikes(work, kind="'dataset'", column="dataset_version", table=KNOWN_VERSIONS)
        work.stage(INCOMING_MODELS, STAGED_MODELS)
        work.except_found(
            f"SELECT i.row, 'duplicate' AS outcome, '' AS reason FROM {INCOMING_MODELS} i "
            "JOIN manifests_training t ON t.model = i.model AND t.dataset_version = i.dataset_version"
        )

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        remember_looks(work, kind="'model'", column="model")
        work.drop_excepted(INCOMING_MODELS)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO manifests_training (model, dataset_version, file_id) "
                f"SELECT model, dataset_version, %s FROM {INCOMING_MODELS} ORDER BY model, dataset_version",
                [file.pk],
            )
        return {}


@transaction.atomic
def freeze(*, dataset_versions: Iterable[str], act: Act, progress: Progress = no_progress) -> list[Manifest]:
    """Weighs dataset versions and closes them for good. Those frozen already are returned as they are.

    Reads every record of the versions in the lake; keeps their weights there and in the database. Raises LakeDamaged.
    """
    hold(Lock.INTAKE)
    wanted = sorted(dataset_versions)
    manifests = {
        manifest.dataset_version: manifest
        for manifest in Manifest.objects.select_for_update().filter(dataset_version__in=wanted).order_by("pk")
    }
    open_ones = [name for name in wanted if not manifests[name].frozen_at]
    if open_ones:
        stored = parts_of(open_ones)
        for digest in stored.parts:
            check_part(LAKE, digest)
        with spool() as scratch, duck(scratch) as con:
            weighed = weigh(con, records=stored.query, versions=open_ones, target=scratch, progress=progress)
            for done, name in enumerate(open_ones):
                progress("freeze", done, len(open_ones))
                _close(con, manifests[name], weighed[name], act, scratch)
    return [manifests[name] for name in wanted]


def _close(con: duckdb.DuckDBPyConnection, manifest: Manifest, weighed: Weighed, act: Act, scratch: Path) -> None:
    """Keeps what a version weighs, and freezes it."""
    scan = f"read_parquet({literal(weighed.weights)})"
    manifest.records, manifest.assets = weighed.records, weighed.assets
    manifest.contributors, manifest.assets_ticks = con.execute(
        f"SELECT count(*), coalesce(sum(assets_ticks), 0) FROM {scan}"
    ).fetchall()[0]
    draft = scratch / "weights.copy"
    con.execute(
        f"COPY (SELECT contributor_id, assets_ticks, weight_ticks FROM {scan} ORDER BY contributor_id) "
        f"TO {literal(draft)} (FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE *)"
    )
    manifest.sha256, manifest.frozen_at = _digest(manifest, draft), act.at
    _store_weights(con, scan, manifest, draft)
    manifest.weights_sha256 = keep(weighed.weights, WEIGHTS)
    manifest.save()
    record(
        act=act, action="manifest.frozen", object=f"manifest:{manifest.dataset_version}",
        detail={"sha256": manifest.sha256, "assets": manifest.assets, "records": manifest.records},
    )  # fmt: skip


def _digest(manifest: Manifest, weights: Path) -> str:
    """The manifest's hash (`rules.digest_header`)."""
    digest = hashlib.sha256(digest_header(manifest.dataset_version, manifest.assets, manifest.records))
    with weights.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _store_weights(con: duckdb.DuckDBPyConnection, scan: str, manifest: Manifest, draft: Path) -> None:
    """Into a partition of their own: for auditors, and for the pages. `draft`: the same as CSV, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_part('manifests_weight_row', 'manifest_id', %s)", [manifest.pk])
        part = cursor.fetchone()[0]
        cursor.execute(f"ALTER TABLE {part} ALTER manifest_id SET DEFAULT {manifest.pk}")
        if con.execute(f"SELECT 1 FROM {scan} WHERE weight_ticks <> assets_ticks LIMIT 1").fetchall():
            copy_file_in(cursor, draft, table=part, columns="contributor_id, assets_ticks, weight_ticks")
        else:
            weights = con.sql(f"SELECT assets_ticks, contributor_id FROM {scan}").to_arrow_reader(BLOCK_ROWS)
            copy_arrays(table=part, columns=("assets_ticks", "contributor_id"), blocks=_blocks(weights), frozen=True)
        cursor.execute("SELECT revshare_attach_weights(%s)", [manifest.pk])


def _blocks(weights: pa.RecordBatchReader) -> Iterator[tuple[Array, Array]]:
    """Ticks and contributors, those with ids of the same length together."""
    for batch in weights:
        ticks = batch.column(0).to_numpy(zero_copy_only=False)
        for chosen, ids in Texts(batch.column(1)).groups(np.arange(len(ticks))):
            yield ticks[chosen], ids
