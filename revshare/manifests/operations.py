"""Attribution records and models in; manifests frozen and weighed."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from django.db import connection, transaction

from revshare.audit_trail.operations import Act, record
from revshare.bulk import BLOCK_ROWS, copy_images
from revshare.contributors.operations import KNOWN_IDS, add_unclaimed, all_known
from revshare.files.bounds import BLANK, bounds
from revshare.files.glance import Plain
from revshare.files.lookalikes import except_lookalikes, remember_looks
from revshare.files.models import IngestedFile
from revshare.files.preflight import FileRefused
from revshare.files.queries import last_arrival
from revshare.files.repeats import except_repeated
from revshare.files.row_tables import RowTable, except_bad, except_repeats, except_stored, see_stored
from revshare.files.rules import id_checks, micros, number_checks, reason, text_checks
from revshare.files.work import Work
from revshare.lake import check_part, copy_in, duck, keep, literal, spool, written_hash
from revshare.locks import Lock, hold
from revshare.manifests.classes import Decisions, classify, never_earns_in_part, nothing_decided
from revshare.manifests.drafts import Draft, draft_of
from revshare.manifests.engines import weigh_stored
from revshare.manifests.models import Manifest, Part, PartVersion
from revshare.manifests.queries import CLASSES, LAKE, SHARE, WEIGHT, WEIGHTS, parts_of
from revshare.manifests.weighing import Weighed
from revshare.manifests.weight_pages import PAGE, ROLL, Listed, everybody_in
from revshare.progress import Progress, no_progress

ASSET = ("dataset_version", "asset_id")
KEY = (*ASSET, "contributor_id")
KNOWN_VERSIONS = ("manifests_manifest", "dataset_version")
ASSET_KIND = "'asset ' || dataset_version"
TRAININGS = RowTable(
    name="manifests_training",
    columns={
        "model": "model", "dataset_version": "dataset_version", "mix": "TRY_CAST(nullif(mix, '') AS DECIMAL(18, 6))",
    },
    types={"mix": "DECIMAL(18, 6)"},
    key=("model", "dataset_version"),
    content=("mix",),
)  # fmt: skip
FROZEN_WITH = (
    "frozen_at", "sha256", "assets", "records", "contributors", "assets_ticks", "weights_sha256", "frozen_arrival",
    "classes", "classes_sha256", "class_totals", "opted_out_records",
)  # fmt: skip
MAX_VERSIONS = 10_000  # of one file
DRAFTS_AHEAD = 2  # so many manifests' pages are in memory
COUNTED = "SELECT dataset_version, count(*) AS records FROM accepted GROUP BY dataset_version"
# DuckDB may look at a row before it leaves out the bad ones.
OWN_SHARE, OWN_WEIGHT = (text.replace("CAST(", "TRY_CAST(") for text in (SHARE, WEIGHT))


def facts(share: str, weight: str, table: str) -> str:
    """What makes two records of the same contributor and asset equal. How the name is spelled does not."""
    return (
        f"struct_pack(share := {share}, weight := {weight}, licence := {table}.licence, "
        f"ai_generated := {table}.ai_generated, media_type := {table}.media_type)"
    )


class AttributionIntake:
    """Takes attributions files. The accepted rows of a file become one part in the lake."""

    kind = "attributions"
    numbered = False
    plain = Plain(key=KEY, owner="contributor_id", only={"share": "", "weight": "1"})

    def check(self, work: Work) -> None:
        if not _plainly_right(work):
            work.except_rows(
                "SELECT row, 'quarantined' AS outcome, CASE "
                + "".join(id_checks(column, printable=work.printable) for column in KEY)
                + text_checks("contributor_name", "licence", "ai_generated", "media_type")
                + number_checks("share", "share_syntax")
                + number_checks("weight", "weight_syntax")
                + "END AS reason FROM raw"
            )
        work.con.execute(f"CREATE OR REPLACE TEMP TABLE counted_version AS {COUNTED}")
        versions = work.number("SELECT count(*) FROM counted_version")
        if versions > MAX_VERSIONS:
            raise FileRefused("too_many_versions", f"({versions:,})")
        except_repeated(work, key=KEY, content=facts(OWN_SHARE, OWN_WEIGHT, "perhaps_repeated"))

    def settle(self, work: Work) -> None:
        any_stored = _see_stored(work)
        except_lookalikes(work, kind="'contributor'", column="contributor_id", table=KNOWN_IDS)
        except_lookalikes(work, kind="'dataset'", column="dataset_version", table=KNOWN_VERSIONS)
        known_assets = f"SELECT {ASSET_KIND} AS kind, asset_id AS identifier FROM stored"
        except_lookalikes(work, kind=ASSET_KIND, column="asset_id", lake=known_assets)
        if any_stored:
            _against_stored(work)
        _within_assets(work)

    def foresee(self, work: Work) -> Work:
        with ThreadPoolExecutor(1) as beside:
            # The spool of a plain file is the part to be.
            digest = beside.submit(written_hash, work.spool) if work.glance and work.spool else None
            return replace(work, all_known=all_known(work), digest=digest.result() if digest else "")

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        remember_looks(work, kind="'contributor'", column="contributor_id")
        remember_looks(work, kind="'dataset'", column="dataset_version")
        remember_looks(work, kind=ASSET_KIND, column="asset_id")
        unclaimed = add_unclaimed(work, file=file)
        # Counted at first, which is right where no row was taken out since.
        counted = "counted_version" if work.clean else f"({COUNTED})"
        counts = dict(work.con.execute(f"FROM {counted} ORDER BY dataset_version").fetchall())
        if counts:
            _keep_part(work, file, counts)
        return {"unclaimed_contributors": unclaimed, "dataset_versions": counts}


def _plainly_right(work: Work) -> bool:
    """Whether no row can break a rule by itself: every value is a word of printable ASCII, no id is missing (the lowest
    is not blank), and shares and weights say nothing."""
    if work.glance:
        return True
    if not (work.words and work.spool):
        return False
    seen = bounds(work.spool)
    # One value each: between a blank and "1" lie others, such as "-1".
    nothing = {"share": [BLANK], "weight": [BLANK, ("1", "1")]}
    return all((seen.get(name) or BLANK)[0] for name in KEY) and all(
        seen.get(name) in allowed for name, allowed in nothing.items()
    )


def _keep_part(work: Work, file: IngestedFile, counts: dict[str, int]) -> None:
    """The spool itself, if it holds nothing but accepted rows, and no names: private data stays out of the lake."""
    draft, digest = work.spool, work.digest
    if draft is None or not work.clean or work.number("SELECT count(*) FROM raw WHERE contributor_name <> ''"):
        draft, digest = work.scratch / "part.parquet", ""
        columns = "dataset_version, asset_id, contributor_id, share, weight, licence, ai_generated, media_type"
        work.con.execute(f"COPY (SELECT {columns} FROM accepted) TO {literal(draft)} (FORMAT parquet)")
    part = Part.objects.create(file=file, parquet_sha256=keep(draft, LAKE, digest), rows=sum(counts.values()))
    Manifest.objects.bulk_create([Manifest(dataset_version=name) for name in counts], ignore_conflicts=True)
    manifests = dict(Manifest.objects.filter(dataset_version__in=counts).values_list("dataset_version", "pk"))
    PartVersion.objects.bulk_create(
        PartVersion(part=part, manifest_id=manifests[name], rows=rows) for name, rows in counts.items()
    )


def _see_stored(work: Work) -> bool:
    """Makes the view `stored`: the records stored before of the dataset versions in this file, and the table `frozen`
    of versions. Returns whether there are any."""
    versions = [name for name, _ in work.con.execute("FROM counted_version").fetchall()]
    stored = parts_of(versions)
    work.con.execute(f"CREATE OR REPLACE VIEW stored AS {stored.query}")
    work.con.execute("CREATE OR REPLACE TEMP TABLE frozen (dataset_version VARCHAR)")
    frozen = Manifest.objects.filter(dataset_version__in=versions, frozen_at__isnull=False)
    for name in frozen.values_list("dataset_version", flat=True):
        work.con.execute("INSERT INTO frozen VALUES (?)", [name])
    return bool(stored.parts)


def _against_stored(work: Work) -> None:
    """Rows of dataset versions that have parts already: known rows are duplicates or conflicts, and a frozen version
    takes no new one."""
    own = f"(SELECT * REPLACE ({OWN_SHARE} AS share, {OWN_WEIGHT} AS weight) FROM accepted)"
    equal = (
        f"{facts('own.share', 'own.weight', 'own')} IS NOT DISTINCT FROM "
        f"{facts('stored.share', 'stored.weight', 'stored')}"
    )
    work.except_rows(
        f"SELECT row, CASE WHEN {equal} THEN 'duplicate' ELSE 'quarantined' END AS outcome, "
        f"CASE WHEN {equal} THEN '' ELSE 'conflicting_duplicate@contributor_id' END AS reason "
        f"FROM {own} own JOIN stored USING ({', '.join(KEY)})"
    )
    work.except_rows(
        f"SELECT row, 'quarantined' AS outcome, {reason('manifest_frozen', 'dataset_version')} AS reason "
        "FROM accepted JOIN frozen USING (dataset_version)"
    )


def _within_assets(work: Work) -> None:
    """What the rows of one asset must agree on, counting rows stored from earlier files: one weight; shares on all of
    them or on none; not all shares zero. Only assets that say more than the default are looked at."""
    odd = "SELECT dataset_version, asset_id FROM stored WHERE share IS NOT NULL OR weight <> 1"
    if not work.glance:
        odd += (
            " UNION ALL SELECT dataset_version, asset_id FROM accepted "
            f"WHERE share <> '' OR CASE WHEN weight IN ('', '1') THEN false ELSE {OWN_WEIGHT} <> 1 END"
        )
    work.con.execute(
        f"CREATE OR REPLACE TEMP TABLE odd_assets AS SELECT DISTINCT dataset_version, asset_id FROM ({odd})"
    )
    if not work.number("SELECT count(*) FROM odd_assets"):
        return
    rows = (
        f"SELECT dataset_version, asset_id, {OWN_SHARE} AS share, {OWN_WEIGHT} AS weight "
        "FROM accepted SEMI JOIN odd_assets USING (dataset_version, asset_id) "
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
    """Takes models files: which dataset versions a model was trained on, and what part of its pools goes to each."""

    kind = "models"
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        branches = (
            id_checks("model")
            + id_checks("dataset_version")
            + f"WHEN mix <> '' AND coalesce({micros('mix')}, 0) <= 0 THEN {reason('mix_syntax', 'mix')} "
        )
        except_bad(work, TRAININGS, branches)
        except_repeats(work, TRAININGS)

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'model'", column="model", table=("manifests_training", "model"))
        except_lookalikes(work, kind="'dataset'", column="dataset_version", table=KNOWN_VERSIONS)
        see_stored(work, TRAININGS, by=("model",))
        except_stored(work, TRAININGS)
        work.except_rows(
            "WITH part AS (SELECT model FROM (SELECT model, mix FROM accepted UNION ALL SELECT model, mix FROM stored) "
            "GROUP BY model HAVING count(mix) NOT IN (0, count(*))) "
            f"SELECT row, 'quarantined' AS outcome, {reason('mix_incomplete', 'mix')} AS reason "
            "FROM accepted JOIN part USING (model)"
        )

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        remember_looks(work, kind="'model'", column="model")
        copy_in(
            work.con,
            f"SELECT model, dataset_version, mix, {file.pk} FROM accepted ORDER BY model, dataset_version",
            table="manifests_training", columns="model, dataset_version, mix, file_id",
        )  # fmt: skip
        return {}


DecidedBy = Callable[[datetime, int, Path], Decisions]
"""Who had opted out by an instant, of the decisions up to an arrival; and a scratch folder."""


@transaction.atomic
def freeze(
    *, dataset_versions: Iterable[str], act: Act, decisions: DecidedBy = lambda *_: nothing_decided,
    by_class: bool = False, progress: Progress = no_progress,
) -> list[Manifest]:  # fmt: skip
    """Weighs dataset versions and closes them for good. Those frozen already are returned as they are.

    Reads every record of the versions in the lake; keeps their weights there and in the database. Weights by class are
    kept too if `by_class` asks for them, or if some records never earn. Raises LakeDamaged, TooManyClasses.
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
        with spool() as scratch, duck(scratch) as con, ThreadPoolExecutor(1) as ahead:
            checked = ahead.submit(_check, stored.parts)
            try:
                weighed = weigh_stored(con, stored=stored, versions=open_ones, target=scratch, progress=progress)
            finally:
                checked.result()  # or nothing is kept of what was weighed; whatever else went wrong with damaged parts
            progress("freeze", 0, len(open_ones))
            listed = Listed.of(everybody_in(weighed.values()), manifests[open_ones[0]].pk)

            def drafts_of(names: list[str]) -> list[Future[Draft]]:
                return [ahead.submit(draft_of, manifests[name], weighed[name], listed) for name in names]

            # The next are made ready while the database takes what comes before them.
            drafts = deque(drafts_of(open_ones[:DRAFTS_AHEAD]))
            _store_rolls(listed)
            for done, name in enumerate(open_ones):
                progress("freeze", done, len(open_ones))
                draft = drafts.popleft().result()
                drafts += drafts_of(open_ones[done + DRAFTS_AHEAD :][:1])
                manifests[name].frozen_arrival = last_arrival()
                asked = decisions(act.at, manifests[name].frozen_arrival, scratch)
                if by_class or never_earns_in_part(con, records=stored.query, version=name, decisions=asked):
                    _sort_out(con, manifests[name], stored.query, asked, scratch)
                _close(manifests[name], weighed[name], draft, act)
    return [manifests[name] for name in wanted]


def _check(parts: Iterable[str]) -> None:
    for digest in parts:
        check_part(LAKE, digest)


@transaction.atomic
def sort_out(*, dataset_versions: Iterable[str], act: Act, decisions: DecidedBy = lambda *_: nothing_decided) -> None:
    """Keeps the weights by class of frozen dataset versions that have none yet, because a policy asks for them now.

    They follow from the records and from the decisions that had come by the freeze. Raises LakeDamaged, TooManyClasses.
    """
    hold(Lock.INTAKE)
    frozen = Manifest.objects.select_for_update().filter(frozen_at__isnull=False, classes=[])
    for manifest in frozen.filter(dataset_version__in=list(dataset_versions)).order_by("pk"):
        assert manifest.frozen_at is not None, "filtered"
        stored = parts_of([manifest.dataset_version])
        _check(stored.parts)
        with spool() as scratch, duck(scratch) as con:
            asked = decisions(manifest.frozen_at, manifest.frozen_arrival, scratch)
            _sort_out(con, manifest, stored.query, asked, scratch)
        manifest.save(update_fields=["classes", "classes_sha256", "class_totals", "opted_out_records"])
        record(
            act=act, action="manifest.classified", object=f"manifest:{manifest.dataset_version}",
            detail={"classes": len(manifest.classes), "classes_sha256": manifest.classes_sha256},
        )  # fmt: skip


def _sort_out(
    con: duckdb.DuckDBPyConnection, manifest: Manifest, records: str, decisions: Decisions, scratch: Path
) -> None:
    found = classify(con, records=records, version=manifest.dataset_version, decisions=decisions, target=scratch)
    manifest.classes = found.classes
    manifest.class_totals, manifest.opted_out_records = found.totals, found.opted_out_records
    if found.weights is not None:
        manifest.classes_sha256 = keep(found.weights, CLASSES)


def _close(manifest: Manifest, weighed: Weighed, draft: Draft, act: Act) -> None:
    """Keeps what a version weighs, and freezes it."""
    manifest.records, manifest.assets = weighed.records, weighed.assets
    manifest.contributors, manifest.assets_ticks = draft.contributors, draft.ticks
    manifest.sha256, manifest.frozen_at = draft.sha256, act.at
    _store_weights(manifest, draft)
    manifest.weights_sha256 = keep(weighed.weights, WEIGHTS)
    detail: dict[str, Any] = {
        "sha256": manifest.sha256, "assets": manifest.assets, "records": manifest.records
    }  # fmt: skip
    if manifest.classes:
        detail |= {"classes_sha256": manifest.classes_sha256, "opted_out_records": manifest.opted_out_records}
    manifest.save(update_fields=FROZEN_WITH)
    record(act=act, action="manifest.frozen", object=f"manifest:{manifest.dataset_version}", detail=detail)


def _store_rolls(listed: Listed) -> None:
    """Into a partition that bears the number of one of the manifests frozen now. The database looks everybody up, once
    for all of these."""
    if not len(listed.people):
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_rolls(%s)", [listed.rolls_of])
        rolls = listed.rolls.images(listed.rolls_of, BLOCK_ROWS)
        copy_images(table=cursor.fetchone()[0], columns=ROLL, images=rolls, frozen=True)
        cursor.execute("SELECT revshare_attach_rolls(%s)", [listed.rolls_of])


def _store_weights(manifest: Manifest, draft: Draft) -> None:
    """Into a partition of their own: for auditors, and for the pages. The database compares them with what the manifest
    says of them."""
    manifest.save(update_fields=["contributors", "assets_ticks"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT revshare_new_weights(%s)", [manifest.pk])
        copy_images(table=cursor.fetchone()[0], columns=PAGE, images=draft.pages, frozen=True)
        cursor.execute("SELECT revshare_attach_weights(%s)", [manifest.pk])
