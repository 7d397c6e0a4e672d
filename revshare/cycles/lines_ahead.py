"""The lines of a cycle's sales for its input digest, fetched while manifests are weighed.

To sort and print a million sales takes PostgreSQL most of a second of one processor. Which sales they are is known as
soon as a lock begins: those that arrived up to a number never change, and no other gets a number below it. So another
thread, with a connection of its own, writes them to the spool; who then asks for other ranges has them read anew.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import Error, connection

from revshare.bulk import BLOCK_BYTES
from revshare.lake import spool
from revshare.sales.queries import Lines, Range, canonical_lines

WORTH_IT_SALES = 100_000


@contextlib.contextmanager
def lines_ahead(ranges: Sequence[Range]) -> Iterator[Lines]:
    """Fetches the lines of these ranges meanwhile, if there are many. Not within a transaction, of which another
    connection would see nothing."""
    if connection.in_atomic_block or sum(r.upto_seq - r.after_seq for r in ranges) < WORTH_IT_SALES:
        yield canonical_lines
        return
    with spool() as scratch, ThreadPoolExecutor(1) as beside:
        stop = threading.Event()
        fetched = beside.submit(_fetch, ranges, scratch / "sales.csv", stop)

        def lines(wanted: Sequence[Range]) -> Iterable[bytes]:
            path = fetched.result() if list(wanted) == list(ranges) else None
            return canonical_lines(wanted) if path is None else _blocks(path)

        try:
            yield lines
        finally:
            stop.set()


def _fetch(ranges: Sequence[Range], path: Path, stop: threading.Event) -> Path | None:
    """None where it failed: who needs the lines finds out why by reading them."""
    try:
        with path.open("wb") as file, contextlib.closing(canonical_lines(ranges)) as blocks:
            for block in blocks:
                if stop.is_set():
                    return None
                file.write(block)
    except (Error, OSError):
        return None
    finally:
        connection.close()
    return path


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
