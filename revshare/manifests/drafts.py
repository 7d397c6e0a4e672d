"""What a version weighs, made ready for the database and for the manifest's hash."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from revshare.apportion import exact_sum
from revshare.arrow_texts import opened
from revshare.bulk import BLOCK_ROWS
from revshare.manifests.models import Manifest
from revshare.manifests.rules import digest_header
from revshare.manifests.weighing import Weighed
from revshare.manifests.weight_pages import Listed, Placing, images

NO_PARTS = ".000000"


class Draft(NamedTuple):
    """What a version weighs, as rows of its partition; what else there is to say of it."""

    pages: list[memoryview]
    contributors: int
    ticks: int
    sha256: str


def draft_of(manifest: Manifest, weighed: Weighed, listed: Listed) -> Draft:
    """Reads the file of weights. `listed`: all its contributors, and perhaps others. Asks nothing of PostgreSQL, so any
    thread may do it. Raises UnknownContributor, ApportionmentBroken."""
    digest = hashlib.sha256(digest_header(manifest.dataset_version, weighed.assets, weighed.records))
    placing = Placing(listed.people)
    with pq.ParquetFile(weighed.weights) as file:
        unread = "weight_ticks" if weighed.is_plain else ""
        columns = [name for name in file.schema_arrow.names if name != unread]
        for rows in file.iter_batches(BLOCK_ROWS, columns=columns):
            for piece in _lines(rows, differs=placing.take(rows)):
                digest.update(piece)
    placed = placing.done()
    pages = list(images(listed, placed, manifest.pk, BLOCK_ROWS))
    return Draft(pages, len(placed.places), exact_sum(placed.ticks), digest.hexdigest())


def _lines(rows: pa.RecordBatch, *, differs: bool) -> Iterator[bytes | pa.Buffer]:
    """What stands under the manifest's hash of these rows, which are in order (`rules.digest_header`). `differs`:
    whether weighted ticks differ from ticks anywhere."""
    if not len(rows):
        return
    names = rows.column("contributor_id").cast(pa.large_string())
    if (opened(names).own == ord('"')).any():
        names = pc.replace_substring(names, '"', '""')
    ticks = rows.column("assets_ticks").cast(pa.large_string())
    # Decimals of 38 digits take longer to print than all else: what equals a whole number is printed from it.
    weights = rows.column("weight_ticks").cast(pa.large_string()) if differs else ticks
    end = '"\n' if differs else f'{NO_PARTS}"\n'
    cells = pc.binary_join_element_wise(names, ticks, weights, pa.scalar('","', pa.large_string()))
    all_of_them = pa.LargeListArray.from_arrays(pa.array([0, len(cells)]), cells)
    yield b'"'
    yield pc.binary_join(all_of_them, pa.scalar(end + '"', pa.large_string())).buffers()[2]
    yield end.encode()
