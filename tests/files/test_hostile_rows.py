"""Hostile rows: each quarantined on its line with its code, the others kept exactly; nothing lost on the way."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from revshare.audit_trail.operations import Act
from revshare.files.models import QuarantinedRow
from revshare.ingest.operations import ingest
from revshare.manifests.models import Part
from revshare.sales.models import Sale
from tests.files import forms
from tests.files.hostile_rows import conserved, found
from tests.files.test_hostile import AT, COLUMNS, GOOD, PLAIN, ROW, SALES

pytestmark = pytest.mark.django_db


# Each: what differs from a good row, and the reason; None: accepted. The line of each is known by its place.
CYRILLIC_S = "ѕ"
BAD_SALES: list[tuple[dict[str, str], str | None]] = [
    ({"sale_id": "first"}, None),
    *(({"gross_amount": text}, "amount_syntax@gross_amount") for text in (
        "NaN", "1e400", "1_0", "１２", "0x10", "1,234.50", " 5 ", "5 ", "+5", "", "-", ".5", "5.", "00.5", "1.5.0", "−5",
        "Infinity", "1E5", "٣", "=1+1", "1\n", "$5", "5%", "-+5", "1e5",
    )),
    ({"gross_amount": "1.0000001"}, "amount_decimals@gross_amount"),
    ({"gross_amount": "0.00000010"}, "amount_decimals@gross_amount"),
    ({"gross_amount": "9223372036854775808"}, "amount_range@gross_amount"),
    ({"gross_amount": "1000000000000"}, "amount_range@gross_amount"),
    ({"gross_amount": "-9999999999999.999999"}, "amount_range@gross_amount"),
    ({"gross_amount": "999999999999.999999"}, None),
    ({"gross_amount": "-999999999999.999999"}, None),
    ({"gross_amount": "-0.00"}, None),
    ({"fees": "1_0"}, "amount_syntax@fees"),
    ({"tax": "0.0000001"}, "amount_decimals@tax"),
    *(({"currency": text}, "currency_unknown@currency") for text in ("", "usd", "XXX", "US", "USD ", "ＵＳＤ", "XAU", "BTC")),
    ({"sold_at": "2026-06-01T00:00:00"}, "time_naive@sold_at"),
    ({"sold_at": "2026-06-01"}, "time_syntax@sold_at"),
    ({"sold_at": ""}, "time_syntax@sold_at"),
    ({"sold_at": "1780000000"}, "time_syntax@sold_at"),
    ({"sold_at": "2026-06-01T00:00:00.1234567Z"}, "time_syntax@sold_at"),
    ({"sold_at": "２０２６-06-01T00:00:00Z"}, "time_syntax@sold_at"),
    ({"sold_at": "2026-02-30T00:00:00Z"}, "time_impossible@sold_at"),
    ({"sold_at": "2026-06-01T24:00:00Z"}, "time_impossible@sold_at"),
    ({"sold_at": "2026-06-01T00:00:60Z"}, "time_impossible@sold_at"),
    ({"sold_at": "2026-06-01T00:00:00+19:00"}, "time_impossible@sold_at"),
    ({"sold_at": "1969-12-31T23:59:59Z"}, "time_impossible@sold_at"),
    ({"sold_at": "2026-07-31T12:00:01Z"}, "time_future@sold_at"),
    ({"sold_at": "9998-12-31T00:00:00Z"}, "time_future@sold_at"),
    ({"sold_at": "2026-07-31T12:00:00Z"}, None),
    ({"sold_at": "2026-06-01 02:00+0200"}, None),
    ({"stream": ""}, "id_missing@stream"),
    ({"model": ""}, "target_missing@model"),
    ({"dataset_version": "d"}, "target_ambiguous@model"),
    ({"model": "", "dataset_version": "d"}, None),
    ({"refund_of": "never seen", "gross_amount": "-1"}, "refund_of_unknown_sale@refund_of"),
    ({"refund_of": "first", "gross_amount": "1"}, "refund_positive@gross_amount"),
    ({"refund_of": "first", "gross_amount": "-1.500001"}, "refund_exceeds_sale@gross_amount"),
    ({"refund_of": "first", "gross_amount": "-1", "currency": "EUR"}, "refund_currency@currency"),
    ({"sale_id": "unlinked", "gross_amount": "-1"}, None),
    ({"refund_of": "unlinked", "gross_amount": "-1"}, "refund_of_refund@refund_of"),
    ({"sale_id": "itself", "refund_of": "itself", "gross_amount": "-1"}, "refund_of_refund@refund_of"),
    ({"sale_id": "twice"}, "conflicting_duplicate@sale_id"),
    ({"sale_id": "twice", "gross_amount": "1.6"}, "conflicting_duplicate@sale_id"),
    ({"sale_id": "tax only", "tax": "1"}, "conflicting_duplicate@sale_id"),
    ({"sale_id": "tax only"}, "conflicting_duplicate@sale_id"),
    ({"sale_id": ""}, "id_missing@sale_id"),
    ({"sale_id": "x" * 200}, None),
    ({"sale_id": "x" * 201}, "id_too_long@sale_id"),
    *(({"sale_id": text}, "id_characters@sale_id") for text in (
        " a", "a ", "a\tb", "a\nb", "a\u200bb", "a\u00a0b", "\ufeffa", "a\u202eb", "a\u3000b", "a\u00adb", "a\x7f", "a\x85b",
        "\u3164", "a\ufe0f", "a\u2028b", "a\U000e0041", "a\ufffd", "\x1b[31m",
    )),
    ({"model": "m\u200b"}, "id_characters@model"),
    ({"refund_of": "first ", "gross_amount": "-1"}, "id_characters@refund_of"),
    ({"customer_id": "c" * 2_001}, "text_too_long@customer_id"),
    ({"sale_id": "look1"}, None),
    ({"sale_id": "lооk1"}, "id_confusable@sale_id"),  # Cyrillic о
    ({"sale_id": "ｌｏｏｋ１"}, "id_confusable@sale_id"),  # full width
    ({"sale_id": f"{CYRILLIC_S}eе"}, "id_confusable@sale_id"),  # of two that are not plain the lowest stays
    ({"sale_id": "sеe"}, None),
    ({"sale_id": "\u304c1"}, None),
    ({"sale_id": "\u304b\u30991"}, "id_confusable@sale_id"),  # the same, decomposed
    *(({"sale_id": text}, None) for text in (
        "NA", "null", "None", "NaN", "true", "007", "7", "1e5", "123456789012345678901234567890", "=1+1", "+1", "-1", "@x",
        "two words", "作品123", "ﬁne", "'", '"', "a,b", "\\N", "\\.", "%s", "{}", "$$", "--", "s1'; DROP TABLE x", "Ω", "é",
    )),
]  # fmt: skip


def _rows() -> list[dict[str, str]]:
    columns = [*COLUMNS, "dataset_version", "fees", "tax", "customer_id"]
    blank = dict.fromkeys(columns, "")
    return [blank | ROW | {"sale_id": f"row {n}"} | changes for n, (changes, _) in enumerate(BAD_SALES)]


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_sale_is_quarantined_on_its_line_with_its_code(form: str, tmp_path: Path, act: Act) -> None:
    rows = _rows()
    columns = list(rows[0])
    path = forms.write(tmp_path, "sales", form, rows, columns)
    report = conserved(ingest(kind="sales", path=path, act=act))
    expected, line = {}, forms.FIRST_LINE[form]
    for row, (_, reason) in zip(rows, BAD_SALES, strict=True):
        if reason:
            expected[line] = reason
        line += 1 + (sum(value.count("\n") for value in row.values()) if form.startswith("csv") else 0)
    assert found(report) == expected
    assert report.file.rows_quarantined == len(expected)
    good = {row["sale_id"] for row, (_, reason) in zip(rows, BAD_SALES, strict=True) if not reason}
    assert set(Sale.objects.values_list("sale_id", flat=True)) == good
    kept = QuarantinedRow.objects.order_by("line").values_list("row", flat=True)
    bad = [row for row, (_, reason) in zip(rows, BAD_SALES, strict=True) if reason]
    assert [{name: row[name] for name in columns} for row in kept] == bad


BAD_ATTRIBUTIONS: list[tuple[dict[str, str], str | None]] = [
    *(({"weight": text}, "weight_syntax@weight") for text in ("-1", "NaN", "x", "1e3", "+1", "0.0000001", "-0", "１")),
    *(({"share": text}, "share_syntax@share") for text in ("-0.5", "NaN", "50%", "1/2", "0,5", ".5")),
    ({"weight": "0"}, None),
    ({"weight": "999999999999.999999"}, None),
    ({"share": "0.5", "weight": "1.0"}, None),
    ({"share": "0"}, "asset_share_zero@share"),
    ({"asset_id": "w", "contributor_id": "a", "weight": "2"}, "asset_weight_conflict@weight"),
    ({"asset_id": "w", "contributor_id": "b", "weight": ""}, "asset_weight_conflict@weight"),
    ({"asset_id": "i", "contributor_id": "a", "share": "0.5"}, "asset_share_incomplete@share"),
    ({"asset_id": "i", "contributor_id": "b"}, "asset_share_incomplete@share"),
    ({"asset_id": "d", "licence": "A"}, "conflicting_duplicate@contributor_id"),
    ({"asset_id": "d", "licence": "B"}, "conflicting_duplicate@contributor_id"),
    ({"asset_id": "e", "weight": "1"}, None),
    ({"asset_id": ""}, "id_missing@asset_id"),
    ({"contributor_id": "a\u200d"}, "id_characters@contributor_id"),
    ({"dataset_version": "v\t"}, "id_characters@dataset_version"),
    ({"contributor_id": "Turner"}, None),
    ({"contributor_id": "Тurner"}, "id_confusable@contributor_id"),
    ({"dataset_version": "ν"}, "id_confusable@dataset_version"),
    ({"asset_id": "A1"}, None),
    ({"asset_id": "А1"}, "id_confusable@asset_id"),
    ({"asset_id": "А1", "dataset_version": "other"}, None),
    ({"contributor_id": "007"}, None),
    ({"contributor_id": "NA", "asset_id": "null", "dataset_version": "None"}, None),
    ({"licence": "x" * 2_001}, "text_too_long@licence"),
]


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_attribution_is_quarantined_on_its_line_with_its_code(form: str, tmp_path: Path, act: Act) -> None:
    columns = ["dataset_version", "asset_id", "contributor_id", "share", "weight", "licence"]
    blank = dict.fromkeys(columns, "") | {"dataset_version": "v", "contributor_id": "c"}
    rows = [blank | {"asset_id": f"asset {n}"} | changes for n, (changes, _) in enumerate(BAD_ATTRIBUTIONS)]
    path = forms.write(tmp_path, "attributions", form, rows, columns)
    report = conserved(ingest(kind="attributions", path=path, act=act))
    first = forms.FIRST_LINE[form]
    expected = {first + n: reason for n, (_, reason) in enumerate(BAD_ATTRIBUTIONS) if reason}
    assert found(report) == expected
    assert Part.objects.get().rows == report.file.rows_accepted == len(rows) - len(expected)


ACCEPTED = {
    "byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "CR LF": PLAIN.replace(b"\n", b"\r\n"),
    "mixed line ends": SALES.replace("\n", "\r\n").encode() + GOOD.encode(),
    "no final newline": PLAIN[:-1],
    "no final newline after CR LF": PLAIN.replace(b"\n", b"\r\n")[:-2],
    "blank lines": (SALES + "\n\n" + GOOD + "\n\n").encode(),
    "quoted throughout": "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in (SALES + GOOD).splitlines()
    ).encode(),
    "columns in another order": f"gross_amount,model,refund_of,currency,stream,sale_id,sold_at\n1.50,m,,USD,generation,s1,{AT}\n".encode(),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_merely_unusual_is_accepted(name: str, file: Callable[..., Path], act: Act) -> None:
    report = conserved(ingest(kind="sales", path=file("sales.csv", ACCEPTED[name]), act=act))
    assert report.file.rows_in == report.file.rows_accepted == 1
    assert list(Sale.objects.values_list("sale_id", "gross_micros", "refund_of")) == [("s1", 1_500_000, "")]


def test_a_header_alone_is_an_empty_table(file: Callable[..., Path], act: Act) -> None:
    for name, content in (("a", SALES), ("b", SALES[:-1]), ("c", SALES.replace("\n", "\r\n"))):
        assert conserved(ingest(kind="sales", path=file(name, content), act=act)).file.rows_in == 0


def test_quotes_keep_commas_and_line_ends(file: Callable[..., Path], act: Act) -> None:
    text = 'a,"b"\r\nc\rd\n\n\\.\n'
    quoted = text.replace('"', '""')
    rows = (
        SALES.strip()
        + ",customer_id\n"
        + GOOD.replace("\n", f',"{quoted}"\n')
        + GOOD.replace("s1", "s2").replace("\n", ",\n")
    )
    conserved(ingest(kind="sales", path=file("sales.csv", rows), act=act))
    assert dict(Sale.objects.values_list("sale_id", "customer_id")) == {"s1": text, "s2": ""}


def test_spaces_round_quotes_are_part_of_the_value(file: Callable[..., Path], act: Act) -> None:
    """DuckDB would drop them."""
    report = ingest(kind="sales", path=file("sales.csv", SALES + GOOD.replace("1.50", ' "1.50"')), act=act)
    assert found(report) == {2: "amount_syntax@gross_amount"}


def test_unknown_columns_are_left_out_and_named(file: Callable[..., Path], act: Act) -> None:
    content = SALES.strip() + ",Notes,\n" + GOOD.replace("\n", ",x,\n")
    report = ingest(kind="sales", path=file("sales.csv", content), act=act)
    assert (report.file.unknown_columns, report.file.rows_accepted) == (["Notes", ""], 1)
    line = json.dumps(ROW | {"sale_id": "s2", "b": "\ud800", "a": 1.5}) + "\n"
    report = ingest(kind="sales", path=file("sales.jsonl", line), act=act)
    assert (sorted(report.file.unknown_columns), report.file.rows_accepted) == (["a", "b"], 1)


@pytest.mark.parametrize(
    ("before", "after"), [("Ab1", "Аb1"), ("Аb1", "Ab1"), ("Аb1", "Αb1"), ("\u304c", "\u304b\u3099")]
)
def test_an_id_that_looks_like_a_stored_one_waits(before: str, after: str, file: Callable[..., Path], act: Act) -> None:
    """In both directions, and between two that are not plain; for each kind of id."""
    kinds = {
        "sales": (SALES, GOOD.replace("s1", "{}"), "sale_id"),
        "contributors": ("contributor_id,contributor_name\n", "{},n\n", "contributor_id"),
        "attributions": ("dataset_version,asset_id,contributor_id\n", "v,{},c\n", "asset_id"),
        "models": ("model,dataset_version\n", "{},v\n", "model"),
    }
    for kind, (header, line, column) in kinds.items():
        first = ingest(kind=kind, path=file("1", header + line.format(before)), act=act)
        assert first.file.rows_accepted == 1
        report = ingest(kind=kind, path=file("2", header + line.format("plain") + line.format(after)), act=act)
        assert found(report) == {3: f"id_confusable@{column}"}
        again = ingest(kind=kind, path=file("3", header + line.format(before) + line.format("plain")), act=act)
        assert again.file.rows_duplicate == 2
    versions = "dataset_version,asset_id,contributor_id\n{},x,y\n"
    assert ingest(kind="attributions", path=file("4", versions.format(before)), act=act).file.rows_accepted == 1
    assert ingest(kind="attributions", path=file("5", versions.format(after)), act=act).file.rows_quarantined == 1


def test_gzip_of_several_members_is_one_text(file: Callable[..., Path], act: Act) -> None:
    members = gzip.compress(SALES.encode()) + gzip.compress(b"") + gzip.compress(GOOD.encode()) + bytes(512)
    assert ingest(kind="sales", path=file("sales.csv.gz", members), act=act).file.rows_accepted == 1
