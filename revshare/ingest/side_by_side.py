"""Large files of one folder, read side by side and stored in order.

To read and judge a file takes processors here; to store it, mostly those of the database. So several files are under
way at a time. What one kind needs of another is there when it is stored: contributors before the attributions that name
them, both before measures, outputs and splits. Sales need no other.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from django.db import connection

from revshare.audit_trail.operations import Act
from revshare.errors import Refused
from revshare.files.operations import Report
from revshare.ingest.operations import ingest
from revshare.progress import Progress

AT_ONCE = 3
LARGE_BYTES = 64 << 20
AFTER = {
    "consents": ("contributors",),
    "attributions": ("contributors",),
    "measures": ("contributors", "attributions"),
    "outputs": ("contributors", "attributions"),
    "splits": ("contributors", "attributions"),
}


def worth_it(files: Sequence[tuple[str, Path]]) -> bool:
    """Whether there is more than one file, and enough in them."""
    return len(files) > 1 and sum(path.stat().st_size for _, path in files) >= LARGE_BYTES


def ingest_all(
    *, files: Sequence[tuple[str, Path]], act: Act, progress_of: Callable[[str], Progress]
) -> Iterator[tuple[str, Path, Report]]:
    """Takes in files (kind, path), one of a kind; gives each with its report, in their order. Raises what `ingest` does
    for the first that is refused; one that waited for it is refused too."""
    futures: dict[str, Future[Report]] = {}

    def turn(kind: str) -> None:
        for earlier in AFTER.get(kind, ()):
            if earlier in futures and futures[earlier].exception() is not None:
                raise Refused(f"{kind} are not taken in: {earlier} were refused.")

    def one(kind: str, path: Path) -> Report:
        try:
            return ingest(kind=kind, path=path, act=act, progress=progress_of(kind), turn=lambda: turn(kind))
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        # First those that wait for no other: the database is at work on them while the others are read.
        for kind, path in sorted(files, key=lambda file: file[0] in AFTER):
            futures[kind] = pool.submit(one, kind, path)
        for kind, path in files:
            yield kind, path, futures[kind].result()
