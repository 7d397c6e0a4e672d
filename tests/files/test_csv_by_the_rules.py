"""CSV as it is read against a slow reader of RFC 4180, letter by letter: the same cells, or both refuse."""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare.files import csv_file, plain_csv
from revshare.files.formats import Columns
from revshare.files.glance import NotPlain, Plain
from revshare.files.preflight import FileRefused, inspect
from tests.examples import examples

COLUMNS = Columns(required=("x", "y", "z"))
PLAIN = Plain(key=("x",), owner="x", only={})
WIDTH = 3


class _Refused(Exception):
    pass


def naive(text: str) -> list[tuple[int, list[str]]]:  # noqa: C901 - one branch a rule
    """The records of a text with the line each begins on; blank lines are none. Raises _Refused."""
    records: list[tuple[int, list[str]]] = []
    cells: list[str] = []
    cell, state, line, begins = "", "new line", 1, 1
    for at, sign in enumerate(text):
        if state == "quoted":
            state, cell = ("closed", cell) if sign == '"' else ("quoted", cell + sign)
        elif sign == "\r":
            if text[at + 1 : at + 2] != "\n":
                raise _Refused
        elif sign == "\n":
            if state != "new line":
                records.append((begins, [*cells, cell]))
            cells, cell, state, begins = [], "", "new line", line + 1
        elif sign == ",":
            cells, cell, state = [*cells, cell], "", "new cell"
        elif state == "closed":
            if sign != '"':
                raise _Refused
            cell, state = cell + sign, "quoted"
        elif sign == '"' and state.startswith("new"):
            state = "quoted"
        else:
            cell, state = cell + sign, "plain"
        line += sign == "\n"
    if state == "quoted":
        raise _Refused
    if state != "new line":
        records.append((begins, [*cells, cell]))
    if any(len(cells) != WIDTH for _, cells in records):
        raise _Refused
    return records[1:]


cells = st.one_of(
    st.sampled_from(["", "a", " ", "é", '""', '"a"', '" "', '"a,b"', '"a\nb"', '"\r\n"', '""""', '"a""b"', '"\r"']),
    st.text('ab,"\n\r é', max_size=4),
)
lines = st.lists(cells, min_size=2, max_size=4).map(",".join) | st.lists(cells, min_size=3, max_size=3).map(",".join)
ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r\n", "\n\n", "\r", ""])
texts = st.lists(st.tuples(lines, ends), max_size=4).map(lambda found: "".join(line + end for line, end in found))


@given(body=texts, end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
@settings(max_examples=examples(quick=50, long=120), deadline=None)
def test_csv_is_read_by_the_rules(body: str, end: str, mark: bool) -> None:
    text = "x,y,z" + end + body
    try:
        expected = naive(text)
    except _Refused:
        expected = None
    with TemporaryDirectory() as folder, duckdb.connect() as con:
        path = Path(folder) / "file"
        path.write_bytes(b"\xef\xbb\xbf" * mark + text.encode())
        source = inspect(path, Path(folder))
        target = Path(folder) / "rows.parquet"
        if expected is None:
            with pytest.raises(FileRefused):
                csv_file.spool(con, source, columns=COLUMNS, target=target)
            return
        rows, _ = csv_file.spool(con, source, columns=COLUMNS, target=target)
        found = con.execute(f"SELECT x, y, z FROM read_parquet('{target}')").fetchall()
        assert [list(row) for row in found] == [cells for _, cells in expected]
        of = dict(con.execute(csv_file.lines_of(con, source, target, rows)).fetchall())
        assert [of[row] for row in range(rows)] == [line for line, _ in expected]


@pytest.mark.long
def test_values_that_span_lines_are_read_right_wherever_a_thread_begins(tmp_path: Path) -> None:
    """100 MB, so that DuckDB reads it in parallel from the middle of quoted values."""
    path = tmp_path / "file"
    with path.open("w", newline="") as file:
        file.write("x,y,z\n")
        for number in range(600_000):
            spanning = "a,b\n" * (number % 40)
            file.write(f'{number},"{spanning}{number}","""{number}"""\n')
    with duckdb.connect() as con:
        source = inspect(path, tmp_path)
        rows, _ = csv_file.spool(con, source, columns=COLUMNS, target=tmp_path / "rows.parquet")
        assert rows == 600_000
        wrong = con.execute(
            f"SELECT count(*) FROM read_parquet('{tmp_path / 'rows.parquet'}', file_row_number=true) WHERE "
            "x <> file_row_number::VARCHAR OR y <> repeat('a,b' || chr(10), file_row_number % 40) || x OR z <> '\"' || x || '\"'"
        ).fetchall()
        assert wrong == [(0,)]


plain_cells = st.sampled_from(["a", "bc", "d", "'", "\\", "", " ", '"', "é", "\t"])
plain_lines = st.lists(plain_cells, min_size=3, max_size=3).map(",".join) | lines
plain_texts = st.lists(st.tuples(plain_lines, ends), max_size=4).map(
    lambda found: "".join(line + end for line, end in found)
)


@given(body=plain_texts, end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
@settings(max_examples=examples(quick=50, long=120), deadline=None)
def test_plain_csv_is_read_by_the_rules_or_left_to_others(body: str, end: str, mark: bool) -> None:
    text = "x,y,z" + end + body
    with TemporaryDirectory() as folder, duckdb.connect() as con:
        path, target = Path(folder) / "in.csv", Path(folder) / "rows.parquet"
        path.write_bytes(text.encode("utf-8-sig" if mark else "utf-8"))
        try:
            rows, names, glance = plain_csv.spool(con, path, columns=COLUMNS, plain=PLAIN, target=target)
        except NotPlain:
            return
        if not plain_csv.fits(inspect(path, Path(folder)), width=len(names), rows=rows):
            return
        cells = [cells for _, cells in naive(text)]
        assert pq.read_table(target).to_pylist() == [dict(zip("xyz", found, strict=True)) for found in cells]
        assert (rows, glance.rows) == (len(cells), len(cells))


def test_a_plain_file_is_not_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"\xef\xbb\xbfz,y,x\r\n1,,a\r\n\r\n2,b,a\r\n")
    with duckdb.connect() as con:
        rows, names, glance = plain_csv.spool(con, path, columns=COLUMNS, plain=PLAIN, target=tmp_path / "rows.parquet")
    assert plain_csv.fits(inspect(path, tmp_path), width=len(names), rows=rows)
    found = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert found == [{"x": "a", "y": "", "z": "1"}, {"x": "a", "y": "b", "z": "2"}]
    repeated = glance.repeated()
    assert repeated is not None
    assert len(repeated) == 1
