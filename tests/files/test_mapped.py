"""Files whose columns have other names, read by a saved mapping."""

from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from revshare.audit_trail.operations import Act
from revshare.errors import Conflict, NotFound, Refused
from revshare.files.mapped import save
from revshare.files.models import ColumnMapping, IngestedFile, QuarantinedRow
from revshare.files.preflight import FileRefused
from revshare.files.uploads import receive
from revshare.ingest.operations import ingest
from revshare.runs.models import Run
from revshare.sales.models import Sale
from revshare.tasks import perform, request_step
from tests.ownership import owner

pytestmark = pytest.mark.django_db
COLUMNS = {
    "Order, No": "sale_id",
    "Date": "sold_at",
    "Channel": "stream",
    "Model": "model",
    "Cur": "currency",
    "Total": "gross_amount",
}
HEADER = '\ufeff"Order, No",Date,Channel,Model,Cur,Total,Shop\r\n'
ROWS = "s1,2026-06-01T00:00:00Z,generation,m,USD,5.00,north\r\ns2,never,generation,m,USD,7.00,north\r\n"


@pytest.fixture
def shop(act: Act) -> ColumnMapping:
    return save(name="shop", kind="sales", columns=COLUMNS, act=act)[0]


def write(folder: Path, text: str = HEADER + ROWS) -> Path:
    path = folder / "orders.csv"
    path.write_bytes(text.encode())
    return path


def test_rows_are_judged_after_mapping(shop: ColumnMapping, act: Act, tmp_path: Path) -> None:
    path = write(tmp_path)
    report = ingest(kind="sales", path=path, act=act, mapping="shop")
    file = report.file
    assert (file.mapping, file.unknown_columns) == (shop, ["Shop"])
    assert (file.rows_in, file.rows_accepted, file.rows_quarantined) == (2, 1, 1)
    assert (file.sum_in, file.size_bytes) == (12_000_000, path.stat().st_size)
    assert Sale.objects.get().sale_id == "s1"
    row = QuarantinedRow.objects.get()
    assert (row.line, row.row["sale_id"]) == (3, "s2")
    assert ingest(kind="sales", path=path, act=act, mapping="shop").seen_before
    assert ingest(kind="sales", path=path, act=act).seen_before, "the same bytes, whatever they are read by"


def test_an_upload_remembers_its_mapping(shop: ColumnMapping, act: Act, tmp_path: Path) -> None:
    content = write(tmp_path).read_bytes()
    upload = receive(kind="sales", name="orders.csv", chunks=[content], act=act, mapping="shop")
    run, _ = request_step(
        step="ingest", subject=f"upload:{upload.pk}", act=act, request={"upload": upload.pk}, queue=False
    )
    perform(run.pk)
    assert (Run.objects.get(pk=run.pk).error, IngestedFile.objects.get().mapping) == ("", shop)


def test_a_file_that_the_mapping_does_not_fit_is_refused(shop: ColumnMapping, act: Act, tmp_path: Path) -> None:
    for text, code in (
        (HEADER.replace("Cur,", "Curr,") + ROWS, "mapping_does_not_fit"),
        (HEADER.replace("Shop", "sale_id") + ROWS, "header_duplicate"),
        ('{"a": 1}\n', "mapping_of_csv"),
        ('"open\nb",c\n1,2\n', "csv_malformed"),
    ):
        with pytest.raises(FileRefused) as caught:
            ingest(kind="sales", path=write(tmp_path, text), act=act, mapping="shop")
        assert caught.value.code == code
    with pytest.raises(Refused, match="is for sales, not for models"):
        ingest(kind="models", path=write(tmp_path), act=act, mapping="shop")
    with pytest.raises(NotFound, match="Mappings: shop"):
        ingest(kind="sales", path=write(tmp_path), act=act, mapping="store")


def test_a_mapping_is_saved_once_and_never_changes(shop: ColumnMapping, act: Act) -> None:
    assert save(name="shop", kind="sales", columns=COLUMNS, act=act) == (shop, False)
    with pytest.raises(Conflict, match="another name"):
        save(name="shop", kind="sales", columns={"Order": "sale_id"}, act=act)
    for name, kind, columns in (
        ("", "sales", COLUMNS), ("x/y", "sales", COLUMNS), ("x", "nothing", COLUMNS), ("x", "sales", {}),
        ("x", "sales", {"a": "no_such"}), ("x", "sales", {"a": "sale_id", "b": "sale_id"}), ("x", "sales", {"\u200b": "sale_id"}),
    ):  # fmt: skip
        with pytest.raises(Refused):
            save(name=name, kind=kind, columns=columns, act=act)
    with pytest.raises(DatabaseError, match="does not change"), owner(), connection.cursor() as cursor:
        cursor.execute("UPDATE files_mapping SET columns = '{}'")
