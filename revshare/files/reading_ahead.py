"""A large CSV is read while its bytes are still hashed and counted; what was read counts once they are found fit."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from revshare.files import plain_csv
from revshare.files.formats import KINDS
from revshare.files.glance import Glance, Plain
from revshare.files.preflight import begins_as_plain_csv
from revshare.lake import duck

Read = tuple[int, list[str], Glance]


class Ahead:
    """What is being read into `target`."""

    def __init__(self, target: Path, future: Future[Read]) -> None:
        self.target = target
        self._future = future

    def result(self) -> Read:
        """Waits for the end. Raises NotPlain."""
        return self._future.result()


@contextmanager
def reading_ahead(path: Path, *, kind: str, plain: Plain | None, scratch: Path) -> Iterator[Ahead | None]:
    """Begins to read the file, if it is such a CSV by its first bytes; else gives None. Whoever leaves before the end
    ends the reading."""
    if plain is None or not begins_as_plain_csv(path):
        yield None
        return
    left = Event()
    target = scratch / "ahead.parquet"

    def read() -> Read:
        with duck(scratch) as con:
            return plain_csv.spool(
                con, path, columns=KINDS[kind], plain=plain, target=target, stopped=left.is_set
            )  # fmt: skip

    with ThreadPoolExecutor(1) as pool:
        try:
            yield Ahead(target, pool.submit(read))
        finally:
            left.set()
