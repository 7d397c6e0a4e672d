"""Weights by class of records: licence, media type, whether made by a machine, whether opted out before it was frozen.

What a class earns is for the policy to say, cycle by cycle; what is in it is fixed with the manifest. Manifests whose
records say nothing of the kind, and of which nobody opted out, have no classes, and cost nothing here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from revshare.errors import Refused
from revshare.lake import literal
from revshare.manifests.rules import weigh_sql

MOST_CLASSES = 1_000
CLASS = ("licence", "ai_generated", "media_type", "opted_out")
# Below every character that an id may have: contributors keep their order when the class is put behind their id.
SEPARATOR = "chr(31)"
MADE_BY_A_MACHINE = "lower(ai_generated) IN ('true', 't', 'yes', 'y', '1')"

Decisions = Callable[[duckdb.DuckDBPyConnection, str], None]
"""Makes the table `decision` (contributor_id, asset_id, opted_out) for a dataset version; a blank asset means all."""


def nothing_decided(con: duckdb.DuckDBPyConnection, version: str) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE decision (contributor_id VARCHAR, asset_id VARCHAR, opted_out BOOLEAN)")


class TooManyClasses(Refused):
    """Records say too many different things."""

    code = "too_many_classes"


@dataclass(frozen=True)
class Classified:
    """`weights`: Parquet (contributor_id, class, assets_ticks, weight_ticks), in code-point order, then by class, whose
    number is its place in `classes`; `totals`, in the same order: records and assets_ticks of each."""

    weights: Path
    classes: list[dict[str, Any]]
    totals: list[dict[str, int]]

    @property
    def opted_out_records(self) -> int:
        return sum(total["records"] for one, total in zip(self.classes, self.totals, strict=True) if one["opted_out"])


def classify(
    con: duckdb.DuckDBPyConnection, *, records: str, version: str, decisions: Decisions, target: Path
) -> Classified | None:
    """Weighs a dataset version by class; None if all its records are of the same class that says nothing.

    `records`: as for `weighing.weigh`. Raises TooManyClasses.
    """
    decisions(con, version)
    records = f"SELECT * FROM ({records}) WHERE dataset_version = {literal(version)}"
    con.execute(f"CREATE OR REPLACE TEMP VIEW own AS {records}")
    said = "licence <> '' OR ai_generated <> '' OR media_type <> ''"
    if not con.execute(f"SELECT 1 FROM own WHERE {said} LIMIT 1").fetchall() and not _any_opted_out(con):
        return None
    con.execute(
        "CREATE OR REPLACE TEMP VIEW classed AS SELECT own.* EXCLUDE (ai_generated), "
        f"{MADE_BY_A_MACHINE} AS ai_generated, coalesce(one.opted_out, every.opted_out, false) AS opted_out FROM own "
        "LEFT JOIN decision one ON one.contributor_id = own.contributor_id AND one.asset_id = own.asset_id "
        "LEFT JOIN decision every ON every.contributor_id = own.contributor_id AND every.asset_id = ''"
    )
    names = ", ".join(CLASS)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE class AS SELECT *, CAST(row_number() OVER (ORDER BY {names}) - 1 AS INTEGER) "
        f"AS class FROM (SELECT DISTINCT {names} FROM classed)"
    )
    found = con.execute(f"SELECT {names} FROM class ORDER BY class").fetchall()
    if len(found) > MOST_CLASSES:
        raise TooManyClasses(
            f"The records of {version} have {len(found):,} different licences, media types and so on; at most "
            f"{MOST_CLASSES:,} can be told apart."
        )
    marked = (
        f"SELECT dataset_version, asset_id, contributor_id || {SEPARATOR} || class AS contributor_id, share, weight "
        f"FROM classed JOIN class USING ({names})"
    )
    path = target / f"classes-{len(list(target.glob('classes-*')))}.parquet"
    con.execute(
        f"COPY (SELECT split_part(contributor_id, {SEPARATOR}, 1) AS contributor_id, "
        f"CAST(split_part(contributor_id, {SEPARATOR}, 2) AS INTEGER) AS class, assets_ticks, weight_ticks "
        f"FROM ({weigh_sql(marked)}) ORDER BY 1, 2) TO {literal(path)} (FORMAT parquet)"
    )
    return Classified(path, [dict(zip(CLASS, values, strict=True)) for values in found], _totals(con, path))


def _totals(con: duckdb.DuckDBPyConnection, weights: Path) -> list[dict[str, int]]:
    rows = con.execute(
        "SELECT records, assets_ticks FROM "
        f"(SELECT class, count(*) AS records FROM classed JOIN class USING ({', '.join(CLASS)}) GROUP BY class) "
        "JOIN (SELECT class, CAST(sum(assets_ticks) AS HUGEINT) AS assets_ticks "
        f"FROM read_parquet({literal(weights)}) GROUP BY class) USING (class) ORDER BY class"
    ).fetchall()
    return [{"records": records, "assets_ticks": ticks} for records, ticks in rows]


def _any_opted_out(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        con.execute(
            "SELECT 1 FROM own JOIN decision USING (contributor_id) "
            "WHERE decision.opted_out AND decision.asset_id IN ('', own.asset_id) LIMIT 1"
        ).fetchall()
    )
