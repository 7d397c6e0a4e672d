"""The rule by which records become weights as one Ibis expression, for engines that `rules.weigh_sql` is not written
for. It is compiled to the SQL of DuckDB and of Apache Spark; the tests hold both to `weigh_sql` and to a slow twin.

Only Spark needs it, so Ibis is not among the libraries that revshare runs on (requirements-spark.txt has it).
"""

from typing import Any

import ibis

from revshare.apportion import TICKS_PER_ASSET

ASSET = ["asset_hash", "dataset_version", "asset_id"]
"""What makes an asset. The hash adds nothing to it, but Spark sorts by the first, and numbers twice as fast as text."""

HOLDER = ["dataset_version", "contributor_id"]
RECORDS = ibis.schema({
    "dataset_version": "string",
    "asset_id": "string",
    "contributor_id": "string",
    "share": "decimal(38, 6)",
    "weight": "decimal(38, 6)",
})  # fmt: skip
"""What the expression reads; one row per dataset version, asset and contributor."""

DUCKDB_DIV = (
    "CREATE OR REPLACE MACRO millionths(x) AS CAST(CAST(x AS DECIMAL(38, 6)) * 1000000 AS HUGEINT); "
    "CREATE OR REPLACE MACRO div(a, b) AS CAST(millionths(a) // millionths(b) AS BIGINT)"
)
"""To be run on a DuckDB connection before the expression: what Spark calls DIV (see `div`)."""


@ibis.udf.scalar.builtin(name="div", signature=(("decimal(38, 6)", "decimal(38, 6)"), "int64"))
def div(a: Any, b: Any) -> Any:
    """The whole quotient of two numbers ≥ 0 with up to six decimals.

    Ibis has `//`, but on both engines it becomes FLOOR(a / b), and there `a / b` is a double on DuckDB and a rounded
    decimal on Spark. This is Spark's own DIV, and on DuckDB the macro `DUCKDB_DIV`: both exact, both raise beyond 64
    bits.
    """


def weights_of(records: Any) -> Any:
    """Weights (dataset_version, contributor_id, assets_ticks, weight_ticks) of `records` (`RECORDS`), in no order.

    The rule is that of `rules.weigh_sql`. Most assets are shared equally by a number that divides 720,720; only the
    others are put in order inside the asset. The ratio of two shares does not depend on their unit, so they stay
    decimals of six places: whole numbers of millionths.
    """
    hashed = records.mutate(asset_hash=lambda t: t.asset_id.hash())
    counted = hashed.group_by(ASSET).mutate(people=lambda t: t.count(), shares=lambda t: t.share.sum())
    is_even = counted.shares.isnull() & (TICKS_PER_ASSET % counted.people == 0)
    even = counted.filter(is_even).mutate(ticks=lambda t: div(TICKS_PER_ASSET, t.people))
    floors = (
        counted.filter(~is_even)
        .mutate(
            dividend=lambda t: ibis.coalesce(t.share, 1) * TICKS_PER_ASSET,
            divisor=lambda t: ibis.coalesce(t.shares, t.people),
        )
        .mutate(floor=lambda t: div(t.dividend, t.divisor), remainder=lambda t: t.dividend % t.divisor)
    )
    ranked = (
        floors.group_by(ASSET)
        .order_by([ibis.desc("remainder"), "contributor_id"])
        .mutate(place=ibis.row_number())
        .group_by(ASSET)
        .mutate(given=lambda t: t.floor.sum())
    )
    uneven = ranked.mutate(ticks=lambda t: t.floor + (t.place < TICKS_PER_ASSET - t.given).ifelse(1, 0))
    columns = [*HOLDER, "weight", "ticks"]
    # Added up by weight first: then decimals are multiplied once per contributor and weight, not once per record.
    by_weight = even[columns].union(uneven[columns]).group_by([*HOLDER, "weight"]).agg(ticks=lambda t: t.ticks.sum())
    exact = by_weight.mutate(ticks=lambda t: t.ticks.cast("decimal(38, 0)"))
    return exact.group_by(HOLDER).agg(
        assets_ticks=lambda t: t.ticks.sum().cast("int64"),
        weight_ticks=lambda t: (t.ticks * t.weight).sum().cast("decimal(38, 6)"),
    )


def counts_of(records: Any) -> Any:
    """How many assets and records each dataset version has: (dataset_version, assets, records), in no order."""
    return records.group_by("dataset_version").agg(assets=lambda t: t.asset_id.nunique(), records=lambda t: t.count())
