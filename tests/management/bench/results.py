"""A result as the benchmark makes it, small enough to be read."""

from typing import Any

MIB = 1 << 20
MACHINE = {"processor": "Abacus", "cores": 2, "memory_gib": 24, "system": "Linux", "duckdb": "2.0.0"}


def stage(name: str, wall_s: float, rows: int | None = None) -> dict[str, Any]:
    return {
        "name": name, "wall_s": wall_s, "cpu_s": 0.5, "services_cpu_s": 0.25, "peak_bytes": 300 * MIB, "rows": rows,
        "rows_per_s": round(rows / wall_s) if rows else None,
    }  # fmt: skip


def contestant(wall_s: float, product_ratio: float) -> dict[str, Any]:
    return {
        "wall_s": wall_s, "cpu_s": 1.5, "services_cpu_s": 0.0, "other_cpu_s": 0.1, "peak_bytes": 512 * MIB,
        "every_wall_s": [wall_s], "product_ratio": product_ratio,
    }  # fmt: skip


def limit(name: str, share: float, *, beyond: float | None = None) -> dict[str, Any]:
    return {
        "name": name, "stages": ["sales"], "limit": "bare", "script": "bench/limits/bare.py", "rows": 1000, "limit_s": share,
        "product_s": 1.0, "share": share, "goal": 0.3, "beyond": beyond, "met": share >= 0.3,
        "met_beyond": beyond is not None and share >= beyond,
    }  # fmt: skip


def result(**changed: Any) -> dict[str, Any]:
    """Ten million rows; the product takes twice as long as the script."""
    return {
        "rows": 10_000_000, "contributors": 1_000_000, "sales": 1_000_000, "seed": 7, "format": "csv", "runs": 3,
        "machine": MACHINE,
        "failures": [], "agree": True,
        "contestants": {"revshare": contestant(8.0, 1.0), "duckdb": contestant(4.0, 2.0)},
        "stages": [
            stage("start", 1.0), stage("attributions", 3.0, 10_000_000), stage("attributions: read", 2.9),
            stage("attributions: inspect", 0.01), stage("calculate", 4.0), stage("calculate: ledger", 0.02, 3_400_009),
        ],
        "limits": [limit("attributions", 0.29), limit("calculate: ledger", 0.5, beyond=0.45), limit("apart", 0.31)],
        "second_cycle": None,
        "payouts_sha256": {"2026-06": {"revshare": ["ab"], "duckdb": ["ab"]}},
    } | changed  # fmt: skip
