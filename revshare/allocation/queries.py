"""Reads: weights for a split, and a cycle's amounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from revshare.lake import copy_out, csv_scan
from revshare.manifests.models import Manifest


@dataclass(frozen=True)
class Weights:
    """Contributor ids in code-point order, and the ticks of each (int64, same length)."""

    contributors: pa.StringArray
    ticks: npt.NDArray[np.int64]


def weights_over(con: duckdb.DuckDBPyConnection, versions: Sequence[str], scratch: Path) -> Weights:
    """Each contributor's ticks summed over these frozen dataset versions."""
    manifests = list(Manifest.objects.filter(dataset_version__in=versions).values_list("pk", flat=True))
    assert len(manifests) == len(versions), "a pool names only frozen manifests"
    chosen = ", ".join(str(pk) for pk in manifests)
    draft = scratch / "weights.copy"
    copy_out(
        f"SELECT contributor_id, sum(assets_ticks) FROM manifests_weight WHERE manifest_id IN ({chosen or 'NULL'}) "
        "GROUP BY contributor_id ORDER BY contributor_id",
        draft,
    )
    scan = csv_scan(draft, {"contributor_id": "VARCHAR", "ticks": "BIGINT"})
    table = con.sql(f"SELECT contributor_id, ticks FROM {scan}").to_arrow_table()
    draft.unlink()
    ids = table.column("contributor_id").combine_chunks().cast(pa.string())
    return Weights(ids, table.column("ticks").combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64))
