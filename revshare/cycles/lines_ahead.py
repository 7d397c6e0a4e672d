"""The lines of a cycle's sales for its input digest, fetched while manifests are weighed.

To sort and print a million sales takes PostgreSQL most of a second of one processor. Which sales they are is known as
soon as a lock begins: those that arrived up to a number never change, and no other gets a number below it. So two other
threads, with connections of their own, write a half each to the spool; who then asks for other ranges has them read
anew.
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from django.db import Error, connection

from revshare.bulk import BLOCK_BYTES
from revshare.lake import spool
from revshare.sales.queries import Lines, Range, canonical_lines, middle_id

WORTH_IT_SALES = 100_000


@contextlib.contextmanager
def lines_ahead(ranges: Sequence[Range]) -> Iterator[Lines]:
    """Fetches the lines of these ranges meanwhile, if there are many. Not within a transaction, of which another
    connection would see nothing."""
    if connection.in_atomic_block or sum(r.upto_seq - r.after_seq for r in ranges) < WORTH_IT_SALES:
        yield canonical_lines
        return
    with spool() as scratch, ThreadPoolExecutor(2) as beside:
        stop = threading.Event()
        middle = middle_id(ranges)
        halves = {"first": {"before_id": middle}, "second": {"first_id": middle}} if middle else {"all": {}}
        fetched = [
            beside.submit(_fetch, partial(canonical_lines, ranges, **bounds), scratch / f"{name}.csv", stop)
            for name, bounds in halves.items()
        ]

        def lines(wanted: Sequence[Range]) -> Iterable[bytes]:
            if list(wanted) != list(ranges) or None in (paths := [half.result() for half in fetched]):
                return canonical_lines(wanted)
            return (block for path in paths if path for block in _blocks(path))

        try:
            yield lines
        finally:
            stop.set()


def _fetch(lines: Callable[[], Generator[bytes, None, None]], path: Path, stop: threading.Event) -> Path | None:
    """None where it failed: who needs the lines finds out why by reading them."""
    try:
        with path.open("wb") as file, contextlib.closing(lines()) as blocks:
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
