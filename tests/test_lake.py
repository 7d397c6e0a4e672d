"""Files of the lake are there whole or not at all; scratch folders go with their process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from revshare import lake


def test_what_is_kept_is_named_by_its_bytes(tmp_path: Path) -> None:
    for _ in range(2):
        draft = tmp_path / "draft"
        draft.write_bytes(b"abc")
        digest = lake.keep(draft, "kind")
        assert not draft.exists()
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert lake.part("kind", digest).read_bytes() == b"abc"
    assert len(list((settings.REVSHARE_HOME / "lake" / "kind").iterdir())) == 1
    lake.check_part("kind", digest)
    lake.part("kind", digest).write_bytes(b"abd")
    with pytest.raises(lake.LakeDamaged, match="changed"):
        lake.check_part("kind", digest)
    lake.part("kind", digest).unlink()
    with pytest.raises(lake.LakeDamaged, match="lost"):
        lake.part("kind", digest)


def test_a_scratch_folder_is_gone_afterwards_also_after_an_error() -> None:
    with lake.spool() as folder:
        (folder / "file").touch()
    assert not folder.exists()
    with pytest.raises(ZeroDivisionError), lake.spool():
        1 / 0  # noqa: B018
    assert not any((settings.REVSHARE_HOME / "spool").iterdir())


def test_the_dead_are_swept_and_the_living_are_not() -> None:
    root = settings.REVSHARE_HOME / "spool"
    code = (
        "import fcntl, os, sys, time\n"
        "os.makedirs(sys.argv[1]); fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\n"
        "print(flush=True); time.sleep(60)"
    )
    # The number in the name says nothing: this one is alive, under the number of a process that is not.
    theirs = root / "999999-theirs"
    process = subprocess.Popen([sys.executable, "-c", code, str(theirs)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        left = root / f"{os.getpid()}-left-behind"
        left.mkdir()
        (left / "rows.parquet").touch()
        with lake.spool() as mine:
            assert theirs.exists()
            assert not left.exists()
            lake.sweep_spool()
            assert mine.exists()
    finally:
        process.kill()
        process.wait()
    lake.sweep_spool()
    assert not theirs.exists()


def test_text_moves_to_the_database_and_back_unchanged(db: None, tmp_path: Path) -> None:
    texts = ["", "\\N", "\\.", '"', "a\n\\.\nb", "é作\U0001f600", "a,b\r\n", " ", "'", "\\\\", None]
    with lake.duck(tmp_path) as con, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE moved (n int, t text)")
        con.execute("CREATE TABLE texts (n INTEGER, t VARCHAR)")
        con.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(texts)))
        assert lake.copy_in(con, "FROM texts", table="moved", columns="n, t") == len(texts)
        cursor.execute("SELECT t FROM moved ORDER BY n")
        assert [row[0] for row in cursor.fetchall()] == texts
        lake.copy_out("SELECT n, t FROM moved ORDER BY n", tmp_path / "out")
        scan = lake.csv_scan(tmp_path / "out", {"n": "INTEGER", "t": "VARCHAR"})
        assert con.execute(f"SELECT t FROM {scan} ORDER BY n").fetchall() == [(text,) for text in texts]


@pytest.mark.django_db
def test_a_full_disk_ends_a_copy_and_leaves_the_connection_in_order() -> None:
    """Rows are still on their way when the first do not fit: the transaction ends, and the next query is answered."""
    with pytest.raises(OSError, match="No space left"), transaction.atomic():
        lake.copy_out("SELECT generate_series(1, 2000000)", Path("/dev/full"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
