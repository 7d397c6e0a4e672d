"""Weights by class of records: licence, media type, whether made by a machine, whether opted out before it was frozen.

What a class earns is for the policy to say, cycle by cycle; what is in it is fixed with the manifest: by its records,
and by the decisions that had come when it was frozen. So it can be worked out when a policy first asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from revshare.apportion import TICKS_PER_ASSET
from revshare.errors import Refused
from revshare.lake import literal
from revshare.manifests.weighing import weigh

MOST_CLASSES = 1_000
CLASS = ("licence", "ai_generated", "media_type", "opted_out")
# Below every character that an id may have: contributors keep their order when the class is put behind their id.
SEPARATOR = "chr(31)"
MADE_BY_A_MACHINE = "lower(ai_generated) IN ('true', 't', 'yes', 'y', '1')"

Decisions = Callable[[duckdb.DuckDBPyConnection, str], None]
"""Makes the table `decision` (contributor_id, asset_id, opted_out) for a dataset version; a blank asset means all."""


class TooManyClasses(Refused):
    """Records say too many different things."""

    code = "too_many_classes"


@dataclass(frozen=True)
class Classified:
    """`classes`: what each says, in order of its number. `weights`: Parquet (contributor_id, class, assets_ticks,
    weight_ticks), in code-point order, then by class; None if there is one class only. `totals`, in order of the
    classes: records and assets_ticks of each."""

    classes: list[dict[str, Any]]
    weights: Path | None
    totals: list[dict[str, int]]

    @property
    def opted_out_records(self) -> int:
        return sum(total["records"] for one, total in zip(self.classes, self.totals, strict=True) if one["opted_out"])


def nothing_decided(con: duckdb.DuckDBPyConnection, version: str) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE decision (contributor_id VARCHAR, asset_id VARCHAR, opted_out BOOLEAN)")


def never_earns_in_part(
    con: duckdb.DuckDBPyConnection, *, records: str, version: str, decisions: Decisions
) -> bool:  # fmt: skip
    """Whether a dataset version has records that were made by a machine, or whose contributor had opted out: these are
    told apart under every policy."""
    own = f"(SELECT * FROM ({records}) WHERE dataset_version = {literal(version)})"
    if con.execute(f"SELECT 1 FROM {own} WHERE {MADE_BY_A_MACHINE} LIMIT 1").fetchall():
        return True
    decisions(con, version)
    if not con.execute("SELECT 1 FROM decision WHERE opted_out LIMIT 1").fetchall():
        return False
    return bool(
        con.execute(
            f"SELECT 1 FROM {own} own JOIN decision USING (contributor_id) "
            "WHERE decision.opted_out AND decision.asset_id IN ('', own.asset_id) LIMIT 1"
        ).fetchall()
    )


def classify(
    con: duckdb.DuckDBPyConnection, *, records: str, version: str, decisions: Decisions, target: Path
) -> Classified:
    """Weighs a dataset version by class. `records`: as for `weighing.weigh`. Raises TooManyClasses."""
    decisions(con, version)
    con.execute(
        "CREATE OR REPLACE TEMP VIEW classed AS SELECT own.* EXCLUDE (ai_generated), "
        f"{MADE_BY_A_MACHINE} AS ai_generated, coalesce(one.opted_out, every.opted_out, false) AS opted_out "
        f"FROM (SELECT * FROM ({records}) WHERE dataset_version = {literal(version)}) own "
        "LEFT JOIN decision one ON one.contributor_id = own.contributor_id AND one.asset_id = own.asset_id "
        "LEFT JOIN decision every ON every.contributor_id = own.contributor_id AND every.asset_id = ''"
    )
    names = ", ".join(CLASS)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE class AS SELECT *, CAST(row_number() OVER (ORDER BY {names}) - 1 AS INTEGER) "
        f"AS class FROM (SELECT {names}, count(*) AS records FROM classed GROUP BY ALL)"
    )
    found = con.execute(f"SELECT {names}, records FROM class ORDER BY class").fetchall()
    if len(found) > MOST_CLASSES:
        raise TooManyClasses(
            f"The records of {version} have {len(found):,} different licences, media types and so on; at most "
            f"{MOST_CLASSES:,} can be told apart."
        )
    classes = [dict(zip(CLASS, values, strict=False)) for values in found]
    weights = _weigh_classes(con, version, target) if len(found) > 1 else None
    ticks = _ticks_by_class(con, weights)
    totals = [{"records": row[-1], "assets_ticks": ticks[number]} for number, row in enumerate(found)]
    return Classified(classes, weights, totals)


def _ticks_by_class(con: duckdb.DuckDBPyConnection, weights: Path | None) -> dict[int, int]:
    """Of a single class: all assets."""
    if weights is None:
        (assets,) = con.execute("SELECT count(DISTINCT asset_id) FROM classed").fetchall()[0]
        return {0: assets * TICKS_PER_ASSET}
    rows = con.execute(
        f"SELECT class, CAST(sum(assets_ticks) AS HUGEINT) FROM read_parquet({literal(weights)}) GROUP BY class"
    )
    return dict(rows.fetchall())


def _weigh_classes(con: duckdb.DuckDBPyConnection, version: str, target: Path) -> Path:
    """By the same rule, as if what a contributor holds of each class were somebody else's."""
    apart = target / f"by-class-{len(list(target.glob('by-class-*')))}"
    apart.mkdir()
    same = " AND ".join(f"class.{name} = classed.{name}" for name in CLASS)
    con.execute(
        "CREATE OR REPLACE TEMP VIEW marked AS SELECT dataset_version, asset_id, "
        f"contributor_id || {SEPARATOR} || class AS contributor_id, share, weight, odd "
        f"FROM classed JOIN class ON {same}"
    )
    holders = con.sql("SELECT DISTINCT contributor_id FROM marked ORDER BY contributor_id").to_arrow_table()
    people = holders.column(0).combine_chunks()
    weighed = weigh(con, records="SELECT * FROM marked", people=people, versions=[version], target=apart)[version]
    path = apart / "classes.parquet"
    con.execute(
        f"COPY (SELECT split_part(contributor_id, {SEPARATOR}, 1) AS contributor_id, "
        f"CAST(split_part(contributor_id, {SEPARATOR}, 2) AS INTEGER) AS class, assets_ticks, weight_ticks "
        f"FROM read_parquet({literal(weighed.weights)}) ORDER BY 1, 2) TO {literal(path)} (FORMAT parquet)"
    )
    return path
