"""Exports that are of no cycle: who is in a model, and what contributors allow."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from revshare.errors import NotFound, Refused
from revshare.exports.tables import Export, write_table
from revshare.lake import copy_in, duck, spool
from revshare.manifests.queries import models_trained, parts_of
from revshare.periods import DAY_PATTERN

CREDITS, CONSENTS = "credits", "consents"
DRAWN = ("contributor_id", "dataset_version", "assets", "licences", "media_types")
# By what the records say first: of few classes each contributor's words are put together, not of all records.
COUNTED = """
    WITH said AS (
        SELECT contributor_id, dataset_version, licence, media_type, count(*) AS assets
        FROM ({records}) GROUP BY ALL)
    SELECT contributor_id, dataset_version, sum(assets) AS assets,
           coalesce(string_agg(DISTINCT licence, '; ' ORDER BY licence) FILTER (licence <> ''), '') AS licences,
           coalesce(string_agg(DISTINCT media_type, '; ' ORDER BY media_type) FILTER (media_type <> ''), '')
               AS media_types
    FROM said GROUP BY contributor_id, dataset_version
"""


def _draw_credits(params: Sequence[Any]) -> None:
    """Fills `credit_drawn` with what the lake says of a model's dataset versions. Raises NotFound, LakeDamaged."""
    (model,) = params
    trained = models_trained()
    if model not in trained:
        raise NotFound(f"There is no model {model!r}; there are {', '.join(list(trained)[:10]) or 'none yet'}.")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS credit_drawn")
        cursor.execute(
            'CREATE TEMP TABLE credit_drawn (contributor_id text COLLATE "C", dataset_version text COLLATE "C", '
            "assets bigint, licences text, media_types text) ON COMMIT DROP"
        )
    with spool() as scratch, duck(scratch) as con:
        query = COUNTED.format(records=parts_of(trained[model]).query)
        copy_in(con, query, table="credit_drawn", columns=", ".join(DRAWN))


REGISTERS: dict[str, Export] = {
    CREDITS: Export(
        {
            "model": "t.model", "contributor_id": "d.contributor_id", "contributor_name": "coalesce(k.name, '')",
            "dataset_version": "d.dataset_version", "manifest_sha256": "m.sha256", "assets": "d.assets",
            "licences": "d.licences", "media_types": "d.media_types",
        },
        "credit_drawn d JOIN manifests_training t ON t.model = %s AND t.dataset_version = d.dataset_version "
        "JOIN manifests_manifest m ON m.dataset_version = d.dataset_version "
        "LEFT JOIN contributors_contributor k ON k.id = d.contributor_id "
        "ORDER BY d.contributor_id, d.dataset_version",
        frozenset({"model", "contributor_id", "contributor_name", "dataset_version", "licences", "media_types"}),
        prepare=_draw_credits,
    ),
    # What came out of quarantine was registered when it did; everything else with its file.
    CONSENTS: Export(
        {
            "contributor_id": "contributor_id", "asset_id": "asset_id", "decision": "decision",
            "effective_at": "to_char(effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            "scope": "scope", "source": "source",
            "registered_at": "to_char(registered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            "file_sha256": "sha256",
        },
        "(SELECT c.*, f.sha256, CASE c.arrival WHEN c.file_id THEN f.loaded_at ELSE coalesce(q.decided_at, f.loaded_at)"
        " END AS registered_at FROM consents_consent c JOIN files_file f ON f.id = c.file_id "
        "LEFT JOIN LATERAL (SELECT max(r.decided_at) AS decided_at FROM files_quarantined_row r "
        "WHERE c.arrival <> c.file_id AND r.file_id = c.file_id AND r.state = 'accepted' "
        "AND r.row->>'contributor_id' = c.contributor_id AND coalesce(r.row->>'asset_id', '') = c.asset_id "
        "AND coalesce(r.row->>'scope', '') = c.scope) q ON true) registered "
        "WHERE registered_at >= %s ORDER BY arrival, id",
        frozenset({"contributor_id", "asset_id", "scope", "source"}),
        taken_in=True,
    ),
}  # fmt: skip


def write_credits(*, model: str, format: str, target: Path) -> int:
    """Writes who is in the dataset versions of a model, with how many assets; returns the number of rows. Raises
    Refused, LakeDamaged."""
    return write_table(export=REGISTERS[CREDITS], params=[model], format=format, target=target)


def write_consents(*, since: str, format: str, target: Path) -> int:
    """Writes the decisions that were registered from the first instant of a day (UTC) on, all if it is blank, as the
    intake of consents takes them; returns the number of rows. Raises Refused."""
    try:
        day = date.min if not since else date.fromisoformat(since if re.fullmatch(DAY_PATTERN, since) else "")
    except ValueError:
        raise Refused(f"{since!r} is no day such as 2026-06-30.", code="day_invalid") from None
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return write_table(export=REGISTERS[CONSENTS], params=[start], format=format, target=target)
