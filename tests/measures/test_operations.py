"""Measures, outputs and usage in: kept exactly, each once, the rest in quarantine with its reason."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import transaction

from revshare.audit_trail.operations import Act
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.ingest.operations import ingest, retry_quarantine
from revshare.measures.models import Measure, Output, Usage
from tests.files import forms
from tests.files.hostile_rows import (
    BAD_AMOUNTS,
    BAD_DAYS,
    BAD_IDS,
    EXACT_IDS,
    Case,
    conserved,
    found,
    take_in_hostile,
)

pytestmark = pytest.mark.django_db
Write = Callable[[str, str | bytes], Path]
PEOPLE = "contributor_id,contributor_name\nann,Ann\nben,Ben\n"
MEASURES = "contributor_id,measure,start,end,value\n"
OUTPUTS = "sale_id,contributor_id,score,role\n"
USAGE = "customer_id,model,day,units\n"


@pytest.fixture
def people(file: Write, act: Act) -> None:
    ingest(kind="contributors", path=file("people.csv", PEOPLE + "".join(f"{name},\n" for name in EXACT_IDS)), act=act)


MEASURE = {"contributor_id": "ann", "measure": "m", "start": "2026-06-01", "end": "2026-07-01", "value": "12.50"}
BAD_MEASURES: list[Case] = [
    ({}, None),
    *(({"contributor_id": name}, f"{code}@contributor_id") for name, code in BAD_IDS.items()),
    *(({"measure": name}, f"{code}@measure") for name, code in BAD_IDS.items()),
    *(({"contributor_id": name}, None) for name in EXACT_IDS),
    *(({"measure": name}, None) for name in EXACT_IDS),
    *(({"measure": "d", "start": day}, f"{code}@start") for day, code in BAD_DAYS.items()),
    *(({"measure": "d", "end": day}, f"{code}@end") for day, code in BAD_DAYS.items()),
    ({"measure": "d", "end": "2026-06-01"}, "period_empty@end"),
    ({"measure": "d", "end": "2026-05-31"}, "period_empty@end"),
    ({"measure": "d", "start": "2026-08-01", "end": "2026-09-01"}, "day_future@start"),
    ({"measure": "d", "start": "2026-07-31", "end": "2026-08-01"}, None),
    *(({"measure": "v", "value": text}, "amount_syntax@value") for text in BAD_AMOUNTS),
    ({"measure": "v", "value": "1.0000001"}, "amount_decimals@value"),
    ({"measure": "v", "value": "1000000000000"}, "amount_range@value"),
    ({"measure": "v", "value": "-0.000001"}, "value_negative@value"),
    ({"measure": "v", "value": "-0.00"}, None),
    ({"measure": "w", "value": "999999999999.999999"}, None),
    ({"contributor_id": "Аnn"}, "contributor_unknown@contributor_id"),  # Cyrillic А
    ({"contributor_id": "nobody"}, "contributor_unknown@contributor_id"),
    ({"measure": "ｍ"}, "id_confusable@measure"),  # full width
    ({"measure": "twice", "value": "1"}, "conflicting_duplicate@contributor_id"),
    ({"measure": "twice", "value": "2"}, "conflicting_duplicate@contributor_id"),
]


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_measure_is_quarantined_on_its_line(form: str, people: None, tmp_path: Path, act: Act) -> None:
    report = take_in_hostile(kind="measures", form=form, good=MEASURE, cases=BAD_MEASURES, folder=tmp_path, act=act)
    good = {
        (row["contributor_id"], row["measure"], row["start"])
        for row in (MEASURE | changes for changes, reason in BAD_MEASURES if reason is None)
    }
    stored = Measure.objects.values_list("contributor_id", "measure", "starts_on")
    assert {(who, what, f"{day}") for who, what, day in stored} == good
    assert report.file.rows_accepted == len(good)
    values = dict(Measure.objects.values_list("measure", "value_micros"))
    assert (values["m"], values["v"], values["w"]) == (12_500_000, 0, 999_999_999_999_999_999)


OUTPUT = {"sale_id": "s", "contributor_id": "ann", "score": "0.5", "role": ""}
BAD_OUTPUTS: list[Case] = [
    ({}, None),
    *(({"sale_id": name}, f"{code}@sale_id") for name, code in BAD_IDS.items()),
    *(({"sale_id": "c", "contributor_id": name}, f"{code}@contributor_id") for name, code in BAD_IDS.items()),
    *(({"sale_id": name}, None) for name in EXACT_IDS),
    *(({"sale_id": "b", "score": text}, "score_syntax@score") for text in (
        *BAD_AMOUNTS, "-0.1", "-0", "1.000001", "2", "0.0000001", "50%", "1/2", "1.0000000",
    )),
    ({"sale_id": "zero", "score": "0"}, None),
    ({"sale_id": "least", "score": "0.000001"}, None),
    ({"sale_id": "whole", "score": "1.000000"}, None),
    ({"role": "style"}, None),
    ({"role": "modified"}, None),
    *(({"role": text}, "role_unknown@role") for text in ("Style", "remix", " ", "output ")),
    ({"contributor_id": "nobody"}, "contributor_unknown@contributor_id"),
    ({"sale_id": "above", "score": "0.5"}, "scores_above_one@score"),
    ({"sale_id": "above", "contributor_id": "ben", "score": "0.500001"}, "scores_above_one@score"),
    ({"sale_id": "above", "contributor_id": "007", "role": "style", "score": "1"}, None),  # another role: its own whole
    ({"sale_id": "full", "score": "0.4"}, None),
    ({"sale_id": "full", "contributor_id": "ben", "score": "0.6"}, None),
    ({"sale_id": "twice", "score": "0.1"}, "conflicting_duplicate@contributor_id"),
    ({"sale_id": "twice", "score": "0.2", "role": "output"}, "conflicting_duplicate@contributor_id"),
    ({"sale_id": "ѕ"}, "id_confusable@sale_id"),  # Cyrillic ѕ
]  # fmt: skip


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_output_is_quarantined_on_its_line(form: str, people: None, tmp_path: Path, act: Act) -> None:
    take_in_hostile(kind="outputs", form=form, good=OUTPUT, cases=BAD_OUTPUTS, folder=tmp_path, act=act)
    good = [OUTPUT | changes for changes, reason in BAD_OUTPUTS if reason is None]
    assert set(Output.objects.values_list("sale_id", "contributor_id", "role")) == {
        (row["sale_id"], row["contributor_id"], row["role"] or "output") for row in good
    }
    scores = dict(Output.objects.values_list("sale_id", "score_millionths"))
    assert (scores["zero"], scores["least"], scores["whole"]) == (0, 1, 1_000_000)


USED = {"customer_id": "c", "model": "m", "day": "2026-06-01", "units": "3"}
BAD_USAGE: list[Case] = [
    ({}, None),
    *(({"customer_id": name}, f"{code}@customer_id") for name, code in BAD_IDS.items()),
    *(({"model": name}, f"{code}@model") for name, code in BAD_IDS.items()),
    *(({"customer_id": name}, None) for name in EXACT_IDS),
    *(({"customer_id": "d", "day": day}, f"{code}@day") for day, code in BAD_DAYS.items()),
    ({"customer_id": "d", "day": "2026-08-01"}, "day_future@day"),
    ({"customer_id": "d", "day": "2026-07-31"}, None),
    *(({"customer_id": "u", "units": text}, "units_syntax@units") for text in (
        *BAD_AMOUNTS, "0", "-1", "1.0", "1.5", "01", "1000000000000",
    )),
    ({"customer_id": "most", "units": "999999999999"}, None),
    ({"customer_id": "ｃ"}, "id_confusable@customer_id"),
    ({"customer_id": "twice", "units": "1"}, "conflicting_duplicate@customer_id"),
    ({"customer_id": "twice", "units": "2"}, "conflicting_duplicate@customer_id"),
]  # fmt: skip


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_row_of_usage_is_quarantined_on_its_line(form: str, tmp_path: Path, act: Act) -> None:
    take_in_hostile(kind="usage", form=form, good=USED, cases=BAD_USAGE, folder=tmp_path, act=act)
    good = [USED | changes for changes, reason in BAD_USAGE if reason is None]
    assert {(who, f"{day}") for who, day in Usage.objects.values_list("customer_id", "day")} == {
        (row["customer_id"], row["day"]) for row in good
    }
    units = dict(Usage.objects.values_list("customer_id", "units"))
    assert (units["c"], units["most"]) == (3, 999_999_999_999)


@pytest.mark.parametrize(("kind", "header", "same", "other"), [
    ("measures", MEASURES, "ann,m,2026-06-01,2026-07-01,1.5", "ann,m,2026-06-01,2026-07-01,1.6"),
    ("outputs", OUTPUTS, "s,ann,0.5,output", "s,ann,0.6,output"),
    ("usage", USAGE, "c,m,2026-06-01,5", "c,m,2026-06-01,6"),
])  # fmt: skip
def test_what_is_stored_stays_and_comes_in_once(
    kind: str, header: str, same: str, other: str, people: None, file: Write, act: Act
) -> None:
    first = ingest(kind=kind, path=file("1", f"{header}{same}\n{same}\n"), act=act).file
    assert (first.rows_accepted, first.rows_duplicate) == (1, 1)
    assert ingest(kind=kind, path=file("1 again", f"{header}{same}\n{same}\n"), act=act).seen_before
    report = conserved(ingest(kind=kind, path=file("2", f"{header}{same}\n\n"), act=act))
    assert (report.file.rows_accepted, report.file.rows_duplicate) == (0, 1)
    report = conserved(ingest(kind=kind, path=file("3", f"{header}{other}\n"), act=act))
    column = "customer_id" if kind == "usage" else "contributor_id"
    assert found(report) == {2: f"conflicting_duplicate@{column}"}
    assert retry_quarantine(file_id=None, act=act)["quarantined"] == 1
    assert {"measures": Measure, "outputs": Output, "usage": Usage}[kind].objects.count() == 1


def test_the_same_value_in_other_words_is_a_duplicate(people: None, file: Write, act: Act) -> None:
    rows = "s,ann,0.5,\ns,ann,0.50,output\n"
    stored = ingest(kind="outputs", path=file("o", OUTPUTS + rows), act=act).file
    assert (stored.rows_accepted, stored.rows_duplicate) == (1, 1)
    rows = "ann,m,2026-06-01,2026-07-01,1\nann,m,2026-06-01,2026-07-01,1.000000\n"
    stored = ingest(kind="measures", path=file("m", MEASURES + rows), act=act).file
    assert (stored.rows_accepted, stored.rows_duplicate) == (1, 1)
    assert (stored.sum_in, stored.sum_accepted, stored.sum_duplicate) == (2_000_000, 1_000_000, 1_000_000)


def test_scores_of_a_sale_come_to_one_at_most_over_all_files(people: None, file: Write, act: Act) -> None:
    ingest(kind="outputs", path=file("1", OUTPUTS + "s,ann,0.6,\nt,ann,0.6,\n"), act=act)
    rows = "s,ben,0.400001,\ns,007,0.000001,\nt,ben,0.4,\ns,ben,1,style\ns,ann,0.6,\n"
    report = conserved(ingest(kind="outputs", path=file("2", OUTPUTS + rows), act=act))
    assert found(report) == {2: "scores_above_one@score", 3: "scores_above_one@score"}
    assert (report.file.rows_accepted, report.file.rows_duplicate) == (2, 1)
    # With one of the two out of the way the other fits.
    QuarantinedRow.objects.filter(line=2).update(state="dismissed", decided_at=act.at, decided_by="olivia")
    assert retry_quarantine(file_id=report.file.pk, act=act)["accepted"] == 1
    assert set(Output.objects.filter(sale_id="s").values_list("contributor_id", "role", "score_millionths")) == {
        ("ann", "output", 600_000), ("007", "output", 1), ("ben", "style", 1_000_000),
    }  # fmt: skip


@pytest.mark.parametrize("brings", ["contributors", "attributions"])
def test_rows_of_somebody_unknown_wait_for_a_file_that_names_them(brings: str, file: Write, act: Act) -> None:
    ingest(kind="measures", path=file("m", MEASURES + "cy,m,2026-06-01,2026-07-01,1.5\n"), act=act)
    ingest(kind="outputs", path=file("o", OUTPUTS + "s,cy,0.5,\ns,dee,0.6,\n"), act=act)
    assert not Measure.objects.exists()
    assert not Output.objects.exists()
    text = {
        "contributors": "contributor_id,contributor_name\ncy,Cy\n",
        "attributions": "dataset_version,asset_id,contributor_id\nv,1,cy\n",
    }
    report = ingest(kind=brings, path=file("c", text[brings]), act=act)
    assert report.facts["released_unknown"] == 2
    assert Measure.objects.get().contributor_id == Output.objects.get().contributor_id == "cy"
    assert QuarantinedRow.objects.get(state="open").reason == "contributor_unknown@contributor_id"
    for one in IngestedFile.objects.filter(kind__in=("measures", "outputs")):
        assert one.rows_quarantined == one.rows_in
    # Who comes now is one too many for the sale: the row stays where it is, for another reason.
    ingest(kind="contributors", path=file("d", "contributor_id,contributor_name\ndee,Dee\n"), act=act)
    assert QuarantinedRow.objects.get(state="open").reason == "scores_above_one@score"


def test_parquet_may_hold_days_as_dates_and_numbers_as_decimals(people: None, tmp_path: Path, act: Act) -> None:
    table = pa.table({
        "contributor_id": ["ann", "ben"], "measure": ["m", "m"],
        "start": pa.array([date(2026, 6, 1), None], pa.date32()), "end": pa.array([date(2026, 7, 1)] * 2, pa.date64()),
        "value": pa.array([12_500_000, 1], pa.int64()).cast(pa.decimal128(25, 6)),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "measures.parquet")
    report = ingest(kind="measures", path=tmp_path / "measures.parquet", act=act)
    assert found(report) == {2: "day_syntax@start"}
    stored = Measure.objects.get()
    assert (stored.starts_on, stored.ends_on) == (date(2026, 6, 1), date(2026, 7, 1))
    assert stored.value_micros == 12_500_000_000_000


def test_every_format_keeps_the_same_rows(people: None, tmp_path: Path, act: Act) -> None:
    rows = [USED | {"customer_id": name, "units": f"{n + 1}"} for n, name in enumerate(EXACT_IDS)]
    kept = {}
    for form in forms.FORMATS:
        with transaction.atomic():
            ingest(kind="usage", path=forms.write(tmp_path, "usage", form, rows, list(USED)), act=act)
            kept[form] = list(Usage.objects.order_by("customer_id").values_list("customer_id", "model", "day", "units"))
            transaction.set_rollback(True)
    assert len(kept["csv"]) == len(rows)
    assert all(found == kept["csv"] for found in kept.values())
