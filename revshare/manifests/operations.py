"""Attribution records and models in; manifests frozen and weighed."""

import hashlib
from typing import Any

from django.db import connection, transaction

from revshare.audit_trail.operations import Act, record
from revshare.contributors.operations import KNOWN_IDS, add_unclaimed, repeated_rows
from revshare.files.models import IngestedFile
from revshare.files.rules import id_checks, number_checks, reason, text_checks
from revshare.files.work import Work
from revshare.lake import BLOCK_BYTES, check_part, copy_file_in, copy_in, duck, keep, literal, spool
from revshare.locks import Lock, hold
from revshare.manifests.models import Manifest, Part, PartVersion, Weight
from revshare.manifests.queries import LAKE, parts_of
from revshare.manifests.rules import digest_header, weigh_sql

ASSET = ("dataset_version", "asset_id")
KEY = (*ASSET, "contributor_id")


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
            "CREATE OR REPLACE VIEW accepted AS SELECT * REPLACE (CASE weight WHEN '' THEN '1' ELSE weight END AS weight) "
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
        work.except_rows(repeated_rows(KEY, facts("accepted")))

    def settle(self, work: Work) -> None:
        work.except_lookalikes(kind="contributor", column="contributor_id", known=KNOWN_IDS)
        work.except_lookalikes(
            kind="dataset", column="dataset_version",
            known="SELECT dataset_version FROM manifests_manifest WHERE dataset_version = ANY(%s)",
        )  # fmt: skip
        _against_stored(work)
        _within_assets(work)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        work.remember_looks(kind="contributor", column="contributor_id")
        work.remember_looks(kind="dataset", column="dataset_version")
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
    work.con.execute(
        f"COPY (SELECT {columns} FROM accepted) TO {literal(draft)} (FORMAT parquet, COMPRESSION zstd)"
    )
    part = Part.objects.create(file=file, parquet_sha256=keep(draft, LAKE), rows=sum(counts.values()))
    Manifest.objects.bulk_create([Manifest(dataset_version=name) for name in counts], ignore_conflicts=True)
    manifests = dict(Manifest.objects.filter(dataset_version__in=counts).values_list("dataset_version", "pk"))
    PartVersion.objects.bulk_create(
        PartVersion(part=part, manifest_id=manifests[name], rows=rows) for name, rows in counts.items()
    )


def _against_stored(work: Work) -> None:
    """Rows of dataset versions that have parts already: known rows are duplicates or conflicts, and a frozen version
    takes no new one."""
    versions = [row[0] for row in work.con.execute("SELECT DISTINCT dataset_version FROM accepted").fetchall()]
    stored = parts_of(versions)
    work.con.execute("CREATE OR REPLACE TEMP TABLE frozen (dataset_version VARCHAR)")
    work.con.execute(f"CREATE OR REPLACE VIEW stored AS {stored.query}")
    if not stored.parts:
        return
    for name in Manifest.objects.filter(dataset_version__in=versions, frozen_at__isnull=False).values_list(
        "dataset_version", flat=True
    ):
        work.con.execute("INSERT INTO frozen VALUES (?)", [name])
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
        work.except_lookalikes(
            kind="model", column="model", known="SELECT DISTINCT model FROM manifests_training WHERE model = ANY(%s)"
        )
        _stage_models(work)
        work.except_found(
            "SELECT i.row, 'duplicate' AS outcome, '' AS reason FROM incoming_model i "
            "JOIN manifests_training t ON t.model = i.model AND t.dataset_version = i.dataset_version"
        )

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        work.remember_looks(kind="model", column="model")
        _stage_models(work)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO manifests_training (model, dataset_version, file_id) "
                "SELECT model, dataset_version, %s FROM incoming_model ORDER BY model, dataset_version",
                [file.pk],
            )
        return {}


def _stage_models(work: Work) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_model")
        cursor.execute(
            'CREATE TEMP TABLE incoming_model (row bigint, model text COLLATE "C", dataset_version text COLLATE "C") '
            "ON COMMIT DROP"
        )
    columns = "row, model, dataset_version"
    copy_in(work.con, f"SELECT {columns} FROM accepted", table="incoming_model", columns=columns, scratch=work.scratch)


@transaction.atomic
def freeze(*, dataset_version: str, act: Act) -> Manifest:
    """Weighs a dataset version and closes it for good. Once frozen, it is returned as it is.

    Reads every record of the version in the lake; writes one row per contributor.
    """
    hold(Lock.INTAKE)
    manifest = Manifest.objects.select_for_update().get(dataset_version=dataset_version)
    if manifest.frozen_at:
        return manifest
    stored = parts_of([dataset_version])
    for digest in stored.parts:
        check_part(LAKE, digest)
    with spool() as scratch, duck(scratch) as con:
        con.execute(f"CREATE TABLE weights AS {weigh_sql(stored.query)}")
        counts = con.execute(
            f"SELECT count(*), count(DISTINCT asset_id) FROM ({stored.query})"
        ).fetchone()
        totals = con.execute("SELECT count(*), coalesce(sum(assets_ticks), 0) FROM weights").fetchone()
        assert counts is not None
        assert totals is not None
        manifest.records, manifest.assets = counts
        manifest.contributors, manifest.assets_ticks = totals
        draft = scratch / "weights.copy"
        con.execute(
            "COPY (SELECT contributor_id, assets_ticks, weight_ticks FROM weights ORDER BY contributor_id) "
            f"TO {literal(draft)} (FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE *)"
        )
        digest = hashlib.sha256(digest_header(dataset_version, manifest.assets, manifest.records))
        with draft.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
        manifest.sha256, manifest.frozen_at = digest.hexdigest(), act.at
        table = f"{Weight._meta.db_table}_incoming"
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMP TABLE {table} (contributor_id text COLLATE \"C\", assets_ticks bigint, "
                "weight_ticks numeric(38, 6)) ON COMMIT DROP"
            )
            copy_file_in(cursor, draft, table=table, columns="contributor_id, assets_ticks, weight_ticks")
            cursor.execute(
                "INSERT INTO manifests_weight (manifest_id, contributor_id, assets_ticks, weight_ticks) "
                f"SELECT %s, contributor_id, assets_ticks, weight_ticks FROM {table} ORDER BY contributor_id",
                [manifest.pk],
            )
            cursor.execute(f"DROP TABLE {table}")
    manifest.save()
    record(
        act=act, action="manifest.frozen", object=f"manifest:{dataset_version}",
        detail={"sha256": manifest.sha256, "assets": manifest.assets, "records": manifest.records},
    )  # fmt: skip
    return manifest
