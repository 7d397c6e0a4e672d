"""CSV of middle size, read into memory: the cells that a slow reader finds, or left to the patient one."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import duckdb
import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare.audit_trail.operations import Act
from revshare.files import held, plain_csv, spooling
from revshare.files.formats import KINDS
from revshare.files.glance import NotPlain
from revshare.files.models import QuarantinedRow
from revshare.files.preflight import FileRefused, inspect
from revshare.ingest.operations import ingest
from revshare.sales.models import Sale
from tests.examples import examples
from tests.files.test_csv_by_the_rules import COLUMNS, naive, plain_texts

SALES = "sale_id,sold_at,stream,model,currency,gross_amount,refund_of,note\n"
ROWS = (
    "s1,2026-06-01T00:00:00Z,generation,m,USD,5,,x\ns2,2026-06-01T00:00:00Z,generation,m,USD,1e5,,\n\n"
    "s3,2026-06-01T00:00:00+02:00,generation,m,JPY,7,,é\ns3,2026-06-01T00:00:00+02:00,generation,m,JPY,7,,\n"
    "s 4 ,2026-06-01T00:00:00Z,generation,m,USD,5,,\ns5,2026-06-01T00:00:00Z,generation,m,USD,5,nobody,\n"
)


@pytest.fixture(autouse=True)
def of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "FROM_BYTES", 1)


def spooled(path: Path, con: duckdb.DuckDBPyConnection) -> spooling.Spooled:
    """Raises NotPlain."""
    with pytest.MonkeyPatch.context() as patch, held.holding(path, columns=COLUMNS) as future:
        patch.setitem(KINDS, "xyz", COLUMNS)
        if future is None:
            raise NotPlain
        source = inspect(path, path.parent)
        return spooling.hold_rows(con, source, kind="xyz", held=future, scratch=path.parent)


@given(body=plain_texts, end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
@settings(max_examples=examples(quick=50, long=120), deadline=None)
def test_it_is_read_by_the_rules_or_left_to_others(body: str, end: str, mark: bool) -> None:
    text = "x,y,z" + end + body
    with TemporaryDirectory() as folder, duckdb.connect() as con:
        path = Path(folder) / "in.csv"
        path.write_bytes(text.encode("utf-8-sig" if mark else "utf-8"))
        try:
            found = spooled(path, con)
        except NotPlain:
            return
        cells = [cells for _, cells in naive(text)]
        assert con.execute(f"SELECT x, y, z FROM ({found.query}) ORDER BY row").fetchall() == [
            tuple(row) for row in cells
        ]
        assert con.execute(f"SELECT row FROM ({found.query}) ORDER BY row").fetchall() == [
            (n,) for n in range(found.rows)
        ]
        assert found.said == {name for place, name in enumerate("xyz") if any(row[place] for row in cells)}


def test_a_file_without_quotes_is_not_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("z,unknown,x,y\n" + "".join(f"é {row},u,{row},\n" for row in range(300_000)), encoding="utf-8")
    with duckdb.connect() as con:
        found = spooled(path, con)
        assert (found.rows, found.unknown_columns, found.said) == (300_000, ["unknown"], {"x", "z"})
        wrong = f"SELECT count(*) FROM ({found.query}) WHERE x <> row::VARCHAR OR y <> '' OR z <> 'é ' || row"
        assert con.execute(wrong).fetchall() == [(0,)]


def test_what_takes_too_much_memory_is_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("x,y,z\n1,2,3\n", encoding="utf-8")
    with duckdb.connect() as con, override_settings(REVSHARE_ARRAY_BYTES=10), pytest.raises(NotPlain):
        spooled(path, con)


@pytest.mark.parametrize(
    "text",
    ["x,y\n1,2\n", "x,y,z\n", "x,y,z\n1,2\n", "x,y,z\n1,2,3\n4,5,6,7\n", 'x,y,"z"\n1,2,3\n', "x,y,z\n1\r2,3,4\n"],
)
def test_what_is_malformed_or_empty_is_left_to_others(text: str, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(text.encode())
    with duckdb.connect() as con, pytest.raises(NotPlain):
        spooled(path, con)


def test_what_was_read_before_somebody_wrote_to_the_file_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("x,y,z\n1,2,3\n", encoding="utf-8")
    with held.holding(path, columns=COLUMNS) as future, duckdb.connect() as con:
        assert future is not None
        future.result()
        path.write_text("x,y,z\n1,2,30\n", encoding="utf-8")
        source = inspect(path, tmp_path)
        with pytest.raises(NotPlain):
            spooling.hold_rows(con, source, kind="sales", held=future, scratch=tmp_path)


@pytest.mark.parametrize("wrong", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc3,\xa9"])
def test_bytes_that_are_no_text_are_refused_by_the_first_pass(wrong: bytes, tmp_path: Path) -> None:
    """Whoever reads beside it does not look."""
    path = tmp_path / "in.csv"
    path.write_bytes(b"x,y,z\n1,2,3\n4,5," + wrong + b"\n")
    with held.holding(path, columns=COLUMNS) as future:
        assert future is not None
        with pytest.raises(FileRefused, match="byte 16"):
            inspect(path, tmp_path)


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["", "s6,2026-06-01T00:00:00Z,generation,m,USD,5,s1,\n", "s6,ragged\n"])
def test_the_books_are_those_of_the_patient_reader(
    ending: str, file: Callable[..., Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that wait are kept with their lines and texts; a file that is malformed is refused for the same reason."""

    def books() -> object:
        with transaction.atomic():
            try:
                taken = ingest(kind="sales", path=file("sales.csv", SALES + ROWS + ending), act=act).file
            except FileRefused as refused:
                return str(refused)
            left = (
                taken.rows_in, taken.rows_accepted, taken.rows_duplicate, taken.rows_quarantined, taken.sum_in,
                taken.unknown_columns, taken.format,
                list(QuarantinedRow.objects.order_by("line").values_list("line", "reason", "row", "amount_micros")),
                list(Sale.objects.order_by("sale_id").values_list("sale_id", "sold_at", "gross_micros", "row")),
            )  # fmt: skip
            transaction.set_rollback(True)
        return left

    asked: list[str] = []
    hold = spooling.hold_rows

    def holding(*args: object, **kwargs: object) -> spooling.Spooled:
        asked.append("held")
        return hold(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(spooling, "hold_rows", holding)
    quick = books()
    assert asked == ["held"]
    monkeypatch.setattr(held, "FROM_BYTES", 1 << 30)
    assert books() == quick
    assert asked == ["held"]


@pytest.mark.django_db
def test_a_file_that_is_still_written_is_refused(
    file: Callable[..., Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its bytes and the judgement of its rows, both of which are of what it was."""
    path = file("sales.csv", SALES + ROWS)
    fits = plain_csv.fits

    def meanwhile(*args: object, **kwargs: object) -> bool:
        path.write_text(SALES + ROWS * 2, encoding="utf-8")
        return fits(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(plain_csv, "fits", meanwhile)
    with pytest.raises(FileRefused) as refused:
        ingest(kind="sales", path=path, act=act)
    assert refused.value.code == "file_changed"
    assert not Sale.objects.exists()


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Files alike, of many pieces, and memory for one of them, but not for both."""
    monkeypatch.setattr(plain_csv, "READ_BYTES", 1_000)
    paths = tmp_path / "a.csv", tmp_path / "b.csv"
    for path in paths:
        path.write_text("x,y,z\n" + "1,2,3\n" * 1_000, encoding="utf-8")
    sizes: list[int] = []
    with held.holding(paths[0], columns=COLUMNS) as future:
        assert future is not None
        sizes += [column.nbytes for column in future.result().take().select(["x", "y", "z"]).columns]
    monkeypatch.setattr(django_settings, "REVSHARE_ARRAY_BYTES", held.SHARE * sum(sizes) * 3 // 2)
    return paths


def is_held(path: Path) -> bool:
    with held.holding(path, columns=COLUMNS) as future:
        assert future is not None
        return future.exception() is None


def test_all_that_is_held_at_once_has_a_bound(two: tuple[Path, Path]) -> None:
    first, second = two
    with held.holding(first, columns=COLUMNS) as future:
        assert future is not None
        rows = future.result().take()
        assert not is_held(second)
        assert rows.select(["x"]).to_pylist() == [{"x": "1"}] * 1_000
    assert is_held(second)
    assert is_held(first)


def test_what_gives_up_gives_its_memory_back_at_once(two: tuple[Path, Path], tmp_path: Path) -> None:
    """It is not over then: the file is read another way."""
    large = tmp_path / "large.csv"
    large.write_text(two[0].read_text() * 3, encoding="utf-8")
    with held.holding(large, columns=COLUMNS) as future:
        assert future is not None
        assert isinstance(future.exception(), NotPlain)
        assert is_held(two[0])


@pytest.mark.django_db
def test_what_finds_no_memory_left_is_spooled(
    two: tuple[Path, Path], file: Callable[..., Path], act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    spools = mock.Mock(wraps=spooling.spool_rows)
    monkeypatch.setattr(spooling, "spool_rows", spools)
    sale = "s{},2026-06-01T00:00:00Z,generation,m,USD,5,,\n"
    one, many = (file(f"{n}.csv", SALES + "".join(map(sale.format, range(n)))) for n in (1, 200))
    with held.holding(two[0], columns=COLUMNS) as future:
        assert future is not None
        future.result()
        assert ingest(kind="sales", path=one, act=act).file.rows_accepted == 1
        assert spools.call_count == 0
        assert ingest(kind="sales", path=many, act=act).file.rows_accepted == 199  # one is there already
        assert spools.call_count == 1
