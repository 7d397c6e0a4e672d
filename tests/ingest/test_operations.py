"""The same again, conflicts, waiting rows, quarantine; and one result whatever the format."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import transaction

from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.errors import NotFound, Refused
from revshare.files import quarantine
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.files.preflight import FileRefused
from revshare.files.queries import reject_lines, totals
from revshare.ingest.operations import find_files, ingest, retry_quarantine
from revshare.manifests.models import Training, Weight
from revshare.manifests.operations import freeze
from revshare.sales.models import Sale
from tests.files import forms
from tests.files.hostile_rows import BAD_AMOUNTS, BAD_IDS, EXACT_IDS, Case, take_in_hostile

pytestmark = pytest.mark.django_db
AT = "2026-06-01T00:00:00Z"
SALES = "sale_id,sold_at,stream,model,currency,gross_amount,refund_of\n"
Write = Callable[[str, str | bytes], Path]


def sale(name: str, amount: str = "10", refund_of: str = "") -> str:
    return f"{name},{AT},generation,m,USD,{amount},{refund_of}\n"


def sales() -> dict[str, int]:
    return dict(Sale.objects.values_list("sale_id", "gross_micros"))


def test_the_same_bytes_again_do_nothing_under_whatever_name(file: Write, act: Act) -> None:
    first = ingest(kind="sales", path=file("a.csv", SALES + sale("s1") + sale("s2", "x")), act=act)
    events = Event.objects.count()
    again = ingest(kind="sales", path=file("b.csv", SALES + sale("s1") + sale("s2", "x")), act=act)
    assert (again.file, again.seen_before) == (first.file, True)
    assert (IngestedFile.objects.count(), QuarantinedRow.objects.count(), Event.objects.count()) == (1, 1, events)
    assert (first.file.rows_in, first.file.rows_accepted, first.file.rows_quarantined) == (2, 1, 1)


def test_the_same_rows_in_other_bytes_are_duplicates(file: Write, act: Act) -> None:
    ingest(kind="sales", path=file("a.csv", SALES + sale("s1", "1.5") + sale("s2")), act=act)
    other = SALES + sale("s2") + sale("s1", "1.500").replace(AT, "2026-06-01T02:00:00.000+02:00") + sale("s2")
    report = ingest(kind="sales", path=file("b.csv", other), act=act)
    assert (report.file.rows_accepted, report.file.rows_duplicate, report.file.rows_quarantined) == (0, 3, 0)
    assert report.file.sum_duplicate == report.file.sum_in == 21_500_000


@pytest.mark.parametrize(("column", "value"), [
    ("sold_at", "2026-06-01T00:00:00.000001Z"), ("stream", "subscription"), ("model", "n"), ("currency", "EUR"),
    ("gross_amount", "9"), ("fees", "0"), ("tax", "1"), ("customer_id", "c"), ("generation_id", "g"), ("plan", "gold"),
])  # fmt: skip
def test_an_id_with_other_content_is_a_conflict_and_overwrites_nothing(
    column: str, value: str, tmp_path: Path, act: Act
) -> None:
    row = {"sale_id": "s1", "sold_at": AT, "stream": "generation", "model": "m", "currency": "USD", "gross_amount": "10",
           "fees": "", "tax": "", "customer_id": "", "generation_id": "", "plan": ""}  # fmt: skip
    ingest(kind="sales", path=forms.write(tmp_path, "sales", "csv", [row], list(row)), act=act)
    before = Sale.objects.values().get()
    report = ingest(
        kind="sales", path=forms.write(tmp_path, "sales", "csv", [row | {column: value}], list(row)), act=act
    )
    assert report.file.rows_quarantined == 1
    assert QuarantinedRow.objects.get().reason == "conflicting_duplicate@sale_id"
    assert Sale.objects.values().get() == before


def test_waiting_refunds_come_in_although_the_files_come_in_reverse_order(file: Write, act: Act) -> None:
    """Ten files; each refund is in an earlier one than its sale."""
    for number in reversed(range(10)):
        rows = sale(f"s{number}") + (sale(f"r{number}", "-4", f"s{number - 1}") if number else "")
        report = ingest(kind="sales", path=file(f"{number}.csv", SALES + rows), act=act)
        assert report.facts["released_refunds"] == (number < 9)
    assert sales() == {f"s{n}": 10_000_000 for n in range(10)} | {f"r{n}": -4_000_000 for n in range(1, 10)}
    for stored in IngestedFile.objects.all():
        now = totals(stored)
        assert (now.rows_in, now.quarantined, now.open) == (now.accepted, 0, 0)
        assert (now.sum_in, now.sum_quarantined) == (now.sum_accepted, 0)
    released = Event.objects.filter(action="quarantine.released")
    assert released.count() == 9


def test_of_waiting_refunds_only_those_within_the_sale_come_in(file: Write, act: Act) -> None:
    ingest(kind="sales", path=file("r.csv", SALES + sale("r2", "-6", "s") + sale("r1", "-6", "s")), act=act)
    ingest(kind="sales", path=file("s.csv", SALES + sale("s")), act=act)
    assert sales() == {"s": 10_000_000, "r1": -6_000_000}  # of the same time: by id
    assert QuarantinedRow.objects.get(state="open").reason == "refund_exceeds_sale@gross_amount"


def test_shares_of_zero_wait_for_others_of_their_asset(file: Write, act: Act) -> None:
    header = "dataset_version,asset_id,contributor_id,share\n"
    ingest(kind="attributions", path=file("1", header + "v,a,c1,0\n"), act=act)
    assert QuarantinedRow.objects.get().reason == "asset_share_zero@share"
    assert ingest(kind="attributions", path=file("2", header + "v,a,c2,1\n"), act=act).facts["released_shares"] == 1
    freeze(dataset_versions=["v"], act=act)
    assert dict(Weight.objects.values_list("contributor_id", "assets_ticks")) == {"c1": 0, "c2": 720_720}


def test_a_retry_takes_in_what_passes_by_now(file: Write, act: Act) -> None:
    stored = ingest(kind="sales", path=file("a.csv", SALES + sale("s", "10", "") + sale("ſ")), act=act).file
    late = Act(actor="olivia", at=datetime(2020, 1, 1, tzinfo=UTC))
    future = ingest(kind="sales", path=file("b.csv", SALES + sale("t") + sale("t2", "x")), act=late).file
    assert QuarantinedRow.objects.get(row__sale_id="t").reason == "time_future@sold_at"
    counts = retry_quarantine(file_id=future.pk, act=act)
    assert (counts["accepted"], counts["duplicate"], counts["quarantined"]) == (1, 0, 1)
    assert QuarantinedRow.objects.get(row__sale_id="t").state == "accepted"
    now = totals(future)
    assert (now.accepted, now.quarantined, now.open, now.sum_accepted) == (1, 1, 1, 10_000_000)
    assert retry_quarantine(file_id=None, act=act)["accepted"] == 0
    assert totals(stored).rows_in == 2
    with pytest.raises(NotFound):
        retry_quarantine(file_id=10**9, act=act)


def test_a_retried_row_that_came_in_otherwise_is_a_duplicate(file: Write, act: Act) -> None:
    long_ago = Act(actor="olivia", at=datetime(2020, 1, 1, tzinfo=UTC))
    early = ingest(kind="sales", path=file("a.csv", SALES + sale("s")), act=long_ago).file
    ingest(kind="sales", path=file("b.csv", SALES + sale("s") + sale("u")), act=act)
    assert retry_quarantine(file_id=early.pk, act=act)["duplicate"] == 1
    now = totals(early)
    assert (now.duplicate, now.quarantined, now.sum_duplicate, now.sum_quarantined) == (1, 0, 10_000_000, 0)
    assert sales() == {"s": 10_000_000, "u": 10_000_000}


def test_dismissed_rows_stay_on_record_and_never_come_back(file: Write, act: Act) -> None:
    stored = ingest(kind="sales", path=file("r.csv", SALES + sale("r", "-1", "s")), act=act).file
    with pytest.raises(Refused, match="reason"):
        quarantine.dismiss(file_id=stored.pk, act=Act(actor="olivia", at=act.at, why="  "))
    assert quarantine.dismiss(file_id=stored.pk, act=act) == 1
    assert quarantine.dismiss(file_id=stored.pk, act=act) == 0
    ingest(kind="sales", path=file("s.csv", SALES + sale("s")), act=act)
    retry_quarantine(file_id=None, act=act)
    assert sales() == {"s": 10_000_000}
    row = QuarantinedRow.objects.get()
    assert (row.state, row.decided_by, row.decision) == ("dismissed", "olivia", "test")
    assert totals(stored).quarantined == 1
    with pytest.raises(NotFound):
        quarantine.dismiss(file_id=10**9, act=act)


def test_the_reject_file_says_where_and_why_and_is_safe_to_open(file: Write, act: Act) -> None:
    bad = SALES + sale("s1") + sale('"=1+1\n"', "-5.00") + sale("@x", "=1+1").replace("generation", '"+a,""b"""')
    stored = ingest(kind="sales", path=file("s.csv", bad), act=act).file
    assert "".join(reject_lines(stored)) == (
        "line,reason,column,state,meaning,sale_id,sold_at,stream,currency,gross_amount,model,dataset_version,refund_of,"
        "fees,tax,customer_id,generation_id,plan\n"
        '3,id_characters,sale_id,open,"The id holds invisible, control or unusual space characters.",'
        f'"\'=1+1\n",{AT},generation,USD,-5.00,m,,,,,,,\n'
        f'5,amount_syntax,gross_amount,open,Not a plain amount such as 1234.50.,\'@x,{AT},"\'+a,""b""",USD,\'=1+1,m,,,,,,,\n'
    )


def test_a_frozen_version_takes_nothing_new(file: Write, act: Act) -> None:
    header = "dataset_version,asset_id,contributor_id\n"
    ingest(kind="attributions", path=file("1", header + "v,a,c\n"), act=act)
    before = freeze(dataset_versions=["v"], act=act)[0].sha256
    report = ingest(kind="attributions", path=file("2", header + "v,a,c\nv,b,c\nw,b,c\n"), act=act)
    assert (report.file.rows_accepted, report.file.rows_duplicate) == (1, 1)
    assert QuarantinedRow.objects.get().reason == "manifest_frozen@dataset_version"
    assert freeze(dataset_versions=["v"], act=act)[0].sha256 == before


@pytest.mark.parametrize(("stored", "new", "reason"), [
    ("c1,,2", "c2,,", "asset_weight_conflict@weight"), ("c1,,", "c2,,2", "asset_weight_conflict@weight"),
    ("c1,0.5,", "c2,,", "asset_share_incomplete@share"), ("c1,,", "c2,0.5,", "asset_share_incomplete@share"),
    ("c1,0.5,", "c1,0.6,", "conflicting_duplicate@contributor_id"), ("c1,0.5,2", "c1,0.50,2.0", ""),
])  # fmt: skip
def test_rows_of_an_asset_must_agree_with_those_stored(
    stored: str, new: str, reason: str, file: Write, act: Act
) -> None:
    header = "dataset_version,asset_id,contributor_id,share,weight\n"
    ingest(kind="attributions", path=file("1", header + f"v,a,{stored}\n"), act=act)
    report = ingest(kind="attributions", path=file("2", header + f"v,a,{new}\nv,b,{new}\n"), act=act)
    assert dict(QuarantinedRow.objects.values_list("line", "reason")) == ({2: reason} if reason else {})
    assert (report.file.rows_accepted, report.file.rows_duplicate) == (1, 0 if reason else 1)


def test_models_are_trained_on_versions_once(file: Write, act: Act) -> None:
    header = "model,dataset_version,mix\n"
    ingest(kind="models", path=file("1", header + "m,v,\nm,v,\nm,w,\n"), act=act)
    assert list(Training.objects.values_list("model", "dataset_version", "mix")) == [("m", "v", None), ("m", "w", None)]
    report = ingest(kind="models", path=file("2", header + "m,v,\nn,v,\n"), act=act)
    assert (report.file.rows_accepted, report.file.rows_duplicate) == (1, 1)


MIXES: list[Case] = [
    ({"mix": "0.3"}, None),
    ({"dataset_version": "w", "mix": "0.700000"}, None),
    *(
        ({"model": "b", "mix": text}, "mix_syntax@mix")
        for text in (*BAD_AMOUNTS, "0", "0.0", "-1", "0.0000001", "30%")
        if text
    ),
    ({"model": "most", "mix": "999999999999.999999"}, None),
    ({"model": "least", "mix": "0.000001"}, None),
    ({"model": "none"}, None),
    ({"model": "none", "dataset_version": "w"}, None),
    ({"model": "some", "mix": "1"}, "mix_incomplete@mix"),
    ({"model": "some", "dataset_version": "w"}, "mix_incomplete@mix"),
    ({"model": "two", "mix": "1"}, "conflicting_duplicate@dataset_version"),
    ({"model": "two", "mix": "2"}, "conflicting_duplicate@dataset_version"),
    ({"model": "one", "mix": "1"}, "conflicting_duplicate@dataset_version"),
    ({"model": "one"}, "conflicting_duplicate@dataset_version"),
    *(({"model": name}, f"{code}@model") for name, code in BAD_IDS.items()),
    *(({"model": name, "mix": "1"}, None) for name in EXACT_IDS),
]


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_mix_is_quarantined_on_its_line(form: str, tmp_path: Path, act: Act) -> None:
    good = {"model": "m", "dataset_version": "v", "mix": ""}
    take_in_hostile(kind="models", form=form, good=good, cases=MIXES, folder=tmp_path, act=act)
    stored = {
        (model, version): mix for model, version, mix in Training.objects.values_list("model", "dataset_version", "mix")
    }
    assert stored == {
        (row["model"], row["dataset_version"]): Decimal(row["mix"]) if row["mix"] else None
        for row in (good | changes for changes, reason in MIXES if reason is None)
    }


def test_a_mix_stays_and_is_of_all_versions_of_a_model(file: Write, act: Act) -> None:
    header = "model,dataset_version,mix\n"
    ingest(kind="models", path=file("1", header + "m,v,0.5\nn,v,\n"), act=act)
    again = ingest(kind="models", path=file("2", header + "m,v,0.50\nn,v,\nm,w,0.5\nn,w,\n"), act=act).file
    assert (again.rows_accepted, again.rows_duplicate) == (2, 2)
    other = ingest(kind="models", path=file("3", header + "m,v,0.6\nn,v,1\nm,w,\nm,x,\nn,x,1\n"), act=act).file
    assert dict(QuarantinedRow.objects.filter(file=other).values_list("line", "reason")) == {
        2: "conflicting_duplicate@dataset_version", 3: "conflicting_duplicate@dataset_version",
        4: "conflicting_duplicate@dataset_version", 5: "mix_incomplete@mix", 6: "mix_incomplete@mix",
    }  # fmt: skip


def test_kinds_and_folders_that_cannot_be_taken_are_refused(file: Write, act: Act, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        ingest(kind="nonsense", path=file("x", "a\n"), act=act)
    with pytest.raises(NotFound):
        find_files(tmp_path / "missing")
    (tmp_path / "sales.csv").touch()
    (tmp_path / "contributors.jsonl").touch()
    assert find_files(tmp_path) == [
        ("contributors", tmp_path / "contributors.jsonl"),
        ("sales", tmp_path / "sales.csv"),
    ]


TYPED: dict[str, Any] = {
    "gross_amount": lambda values: pa.array([Decimal(value) for value in values], pa.decimal128(30, 9)),
    "fees": lambda values: pa.array([int(value) if value else None for value in values], pa.int64()),
}
INSTANTS = {
    unit: (
        lambda values, unit=unit: pa.array(
            [datetime.fromisoformat(value) for value in values], pa.timestamp(unit, "UTC")
        )
    )
    for unit in ("ms", "us", "ns")
}


def _books() -> list[tuple[Any, ...]]:
    return list(
        Sale.objects.order_by("row").values_list(
            "sale_id", "sold_at", "stream", "model", "currency", "gross_micros", "refund_of", "fees_micros", "row"
        )
    )


def test_every_format_gives_the_same_books(tmp_path: Path, act: Act) -> None:
    columns = ["sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "refund_of", "fees"]
    amounts = ["12.50", "0.000001", "-0.01", "999999999999.999999", "100", "-12.5", "0"]
    rows = [
        {"sale_id": f"00{n}作\"", "sold_at": f"2026-06-01T00:00:0{n}.00{n}Z", "stream": "generation", "model": "m, n",
         "currency": "KWD", "gross_amount": amount, "refund_of": "", "fees": "3" if n % 2 else ""}
        for n, amount in enumerate(amounts)
    ]  # fmt: skip
    rows[5]["refund_of"] = rows[0]["sale_id"]
    paths = {form: forms.write(tmp_path, "sales", form, rows, columns) for form in forms.FORMATS}
    for unit, instant in INSTANTS.items():
        typed = TYPED | {"sold_at": instant}
        table = {name: typed.get(name, pa.array)([row[name] for row in rows]) for name in columns}
        table["stream"] = table["stream"].dictionary_encode()
        table["model"] = table["model"].cast(pa.large_string())
        paths[unit] = tmp_path / f"{unit}.parquet"
        pq.write_table(pa.table(table), paths[unit], row_group_size=2)
    found = {}
    for form, path in paths.items():
        with transaction.atomic():
            stored = ingest(kind="sales", path=path, act=act).file
            sums = (stored.rows_in, stored.rows_accepted, stored.sum_in, stored.sum_accepted)
            found[form] = (_books(), sums)
            transaction.set_rollback(True)
    assert found["csv"][1][:2] == (7, 7)
    for form, result in found.items():
        assert result == found["csv"], form


def test_times_of_parquet_that_are_finer_or_none_are_not_rounded(tmp_path: Path, act: Act) -> None:
    def table(values: pa.Array) -> Path:
        good = {"sale_id": ["a", "b"], "stream": ["g", "g"], "model": ["m", "m"], "currency": ["USD", "USD"],
                "gross_amount": ["1", "1"]}  # fmt: skip
        pq.write_table(pa.table(good | {"sold_at": values}), tmp_path / "sales.parquet")
        return tmp_path / "sales.parquet"

    cases = {
        "time_syntax": pa.array([1_500_000_000_000_000_001, 1_500_000_000_000_000_999], pa.timestamp("ns", "UTC")),
        "time_naive": pa.array([0, 1_500_000_000_000_000], pa.timestamp("us")),
        "time_impossible": pa.array([-1, -(10**15)], pa.timestamp("us", "UTC")),
    }
    finer = pa.array([1_500_000_000_000_000_001, 1_500_000_000_000_000_999], pa.timestamp("ns"))
    infinite = pa.array([2**63 - 1, None], pa.timestamp("us", "UTC"))
    for code, values in [*cases.items(), ("time_syntax", finer), ("time_syntax", infinite)]:
        stored = ingest(kind="sales", path=table(values), act=act).file
        assert set(QuarantinedRow.objects.filter(file=stored).values_list("reason", flat=True)) == {f"{code}@sold_at"}
    assert not Sale.objects.exists()


def test_a_failure_while_storing_leaves_nothing(file: Write, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("revshare.files.operations._quarantine", full)
    path = file("s.csv", SALES + sale("s") + sale("t", "x"))
    with pytest.raises(OSError, match="No space"):
        ingest(kind="sales", path=path, act=act)
    assert not sales()
    assert not IngestedFile.objects.exists()
    monkeypatch.undo()
    with pytest.raises(FileRefused):
        ingest(kind="contributors", path=path, act=act)
    assert ingest(kind="sales", path=path, act=act).file.rows_accepted == 1
