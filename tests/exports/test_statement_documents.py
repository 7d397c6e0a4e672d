"""PDF, CSV and canonical text of a statement, worked out by hand and through real operations."""

import csv
import hashlib
import io
import json
import subprocess
import sys
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from django.utils.translation import override

from revshare.exports import statement_pdf as pdf
from revshare.exports.statement_csv import COLUMNS, statement_csv
from revshare.exports.statement_document import Document
from revshare.exports.statement_reading import document
from revshare.exports.statement_text import statement_text
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from revshare.statements.rules import Movement
from tests.conftest import ROOT
from tests.portal.conftest import ANN, BEN, CY, worked_example
from tests.portal.pdf_text import pdf_text
from tests.stories import Story

pytestmark = pytest.mark.django_db
HOSTILE = '#panic("x") $x$ [*a*] \\ "q" \' <b>& = - @ // /* `raw` مرحبا שלום ไทย 😀 \x07\u202etxt ' + "long" * 60


@pytest.fixture(scope="module")
def _may(told: Story) -> None:
    worked_example(told)
    told.publish("2026-05", "2026-05-01", "2026-06-01", zone="Europe/London")


@pytest.fixture
def documents(_may: None, db: None) -> dict[str, Document]:
    """The worked example's statements of May, by contributor."""
    return by_contributor("2026-05")


def by_contributor(key: str) -> dict[str, Document]:
    rows = Statement.objects.select_related("cycle__policy", "contributor").filter(cycle__key=key)
    return {row.contributor_id: document(explain(row)) for row in rows}


def test_the_sentence_has_the_numbers_of_the_example_worked_out_by_hand(documents: dict[str, Document]) -> None:
    net = Fraction("10.000003")
    pool = Fraction(net * Fraction(20, 100) * 10**6 // 1, 10**6)
    assert pool == 2
    held = {ANN: 1 + Fraction(1, 3), BEN: Fraction(1, 3), CY: Fraction(1, 3)}
    quotas = {who: pool * part / 2 for who, part in held.items()}
    floors = {who: quota * 10**6 // 1 for who, quota in quotas.items()}
    # All remainders are a third of a micro, so the one micro that is left goes to the first id: "=1+1".
    assert {who: quotas[who] * 10**6 - floors[who] for who in held} == dict.fromkeys(held, Fraction(1, 3))
    assert floors == {ANN: 1_333_333, BEN: 333_333, CY: 333_333}
    beginning = "20% of $10.000003 net sales is a pool of $2.00, rounded down to a millionth; "
    third = "you hold 1/3 of one asset, out of 2 assets; your part is $0.333333, rounded down to a millionth."
    more = "you hold 1\N{NO-BREAK SPACE}1/3 of 2 assets; your part is $1.333334, rounded up to a millionth."
    answers = {who: item.answer.removeprefix(beginning) for who, item in documents.items()}
    assert answers == {ANN: more, BEN: third, CY: third}


def test_the_canonical_text_has_the_hash_of_the_statement(documents: dict[str, Document]) -> None:
    for item in documents.values():
        assert hashlib.sha256(statement_text(item)).hexdigest() == item.recorded_sha256
        assert item.is_intact
    other = documents[ANN]
    assert not replace(other, content=replace(other.content, closing_micros=1)).is_intact


def test_csv_has_numbers_as_numbers_and_no_formulas(documents: dict[str, Document]) -> None:
    content = statement_csv(documents[ANN])
    assert b"\r" not in content
    assert content == statement_csv(documents[ANN])
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row["kind"] for row in rows] == ["opening", "earned", "closing"]
    assert {row["contributor_id"] for row in rows} == {"'=1+1"}
    line = rows[1]
    assert (line["pool_micros"], line["amount_micros"]) == ("2000000", "1333334")
    assert (line["numerator_ticks"], line["denominator_ticks"]) == ("960960", "1441440")
    assert (line["share"], line["model"], line["table"], line["currency"]) == ("20%", "m", "default", "USD")
    assert line["rule"].startswith("20% of net sales")
    assert sum(int(row["amount_micros"]) for row in rows[:-1]) == int(rows[-1]["amount_micros"])


def test_negative_numbers_are_not_escaped(documents: dict[str, Document]) -> None:
    item = documents[ANN]
    paid = (Movement(2, "payment", "p-7", -7),)
    content = replace(item.content, opening_micros=-5, paid_micros=7, closing_micros=1_333_322, movements=paid)
    moved = replace(item, content=content)
    rows = list(csv.DictReader(io.StringIO(statement_csv(moved).decode(), newline="")))
    assert [(row["kind"], row["amount_micros"]) for row in rows] == [
        ("opening", "-5"), ("earned", "1333334"), ("payment", "-7"), ("closing", "1333322"),
    ]  # fmt: skip
    assert (rows[2]["line"], rows[2]["rule"], rows[2]["reference"]) == ("2", "Paid out", "p-7")
    assert "Paid out" in pdf_text(pdf.statement_pdf(moved))


def test_pdf_repeats_and_is_tagged_dated_and_quick(documents: dict[str, Document]) -> None:
    item = documents[ANN]
    start = time.monotonic()
    first = pdf.statement_pdf(item)
    assert time.monotonic() - start < 1
    pdf._known.clear()
    pdf._fonts.cache_clear()
    assert pdf.statement_pdf(item) == first
    assert first.startswith(b"%PDF-1.7")
    assert first.rstrip().endswith(b"%%EOF")
    for mark in (b"/StructTreeRoot", b"/Marked true", b"<pdfuaid:part>1</pdfuaid:part>", b"/Lang(en-GB)"):
        assert mark in first
    assert f">Statement {item.number}</rdf:li></rdf:Alt></dc:title>".encode() in first
    published = item.cycle.published_at
    assert published
    assert f"/CreationDate(D:{published:%Y%m%d%H%M%S}Z)".encode() in first


def test_pdf_says_what_the_page_says(documents: dict[str, Document]) -> None:
    item = documents[ANN]
    text = pdf_text(pdf.statement_pdf(item))
    for words in (
        item.number, "Ann <b>&amp; Co</b>", ANN, item.answer, "$1.333334", "2 assets",
        "Page 1 of 1", "Europe/London", "p@1", item.content.policy_sha256, item.recorded_sha256,
        item.content.journal_hash, "2026-05-01T00:00:00+01:00", "2,000,000 × 960,960 ÷ 1,441,440 = 1,333,333.333333… → 1,333,334",
    ):  # fmt: skip
        assert words in text
    assert "DRAFT" not in text
    assert BEN not in text


def test_hostile_names_are_text_and_cannot_break_the_document(documents: dict[str, Document]) -> None:
    item = documents[ANN]
    item = replace(item, name=HOSTILE)
    content = pdf.statement_pdf(item)
    text = pdf_text(content).replace(pdf.BREAK, "")
    assert '#panic("x") $x$ [*a*] \\ "q" \' <b>& = - @ // /* `raw`' in text
    assert "□□□ □" in text
    assert "stands for a character" in text
    assert "long" * 60 in text
    assert all(sign in text for sign in "שלום")  # right to left: drawn in the other order
    assert "مرحبا"[0] in text
    assert content == pdf.statement_pdf(item)


@pytest.mark.parametrize(
    "name",
    ["漢" * 2_000, "\U0010ffff\ufffe\ud7ff", "e\u0301\u0327" * 50, "👩‍👩‍👧", "ไทย", "\n\t\0", "ﷺ" * 120],
)
def test_no_name_is_too_strange(documents: dict[str, Document], name: str) -> None:
    item = replace(documents[BEN], name=name)
    assert item.number in pdf_text(pdf.statement_pdf(item))


def test_only_what_no_font_has_is_replaced() -> None:
    assert pdf._undrawable("aé漢ж□ไש€😀\x01") == set("ไ😀\x01")
    assert pdf._undrawable("".join(chr(0x0E01 + at) for at in range(40))) == {chr(0x0E01 + at) for at in range(40)}
    assert pdf._undrawable("Zoë Лев Ελένη שרה 山田 花子 김철수 王伟 さくら") == frozenset()


def test_a_japanese_statement_is_japanese_and_no_name_of_its_neighbours_becomes_boxes(
    documents: dict[str, Document],
) -> None:
    names = "山田 花子 김철수 王伟 Лев Ελένη"
    item = replace(documents[BEN], name=names)
    with override("ja"):
        content = pdf.statement_pdf(item)
        text = pdf_text(content)
    assert b"/Lang(ja-JP)" in content
    assert names in text
    assert "どのように計算されましたか" in text
    assert "How was this computed?" not in text
    assert pdf.SUBSTITUTE not in text


def test_what_cannot_be_set_even_so_falls_back_to_ascii(
    documents: dict[str, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = replace(documents[BEN], name="ไท Ben")
    monkeypatch.setattr(pdf, "_undrawable", lambda signs: frozenset())
    assert "□□ Ben" in pdf_text(pdf.statement_pdf(item))


def test_an_error_in_the_template_is_a_clear_error(
    documents: dict[str, Document], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    broken = tmp_path / "broken.typ"
    broken.write_text("#let x = ")
    monkeypatch.setattr(pdf, "TEMPLATE", broken)
    with pytest.raises(pdf.StatementNotRendered, match=documents[ANN].number):
        pdf.statement_pdf(documents[ANN])


def test_setting_a_statement_asks_the_database_nothing(
    documents: dict[str, Document], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        pdf.statement_pdf(documents[ANN])
        statement_csv(documents[ANN])


FRESH = """
import hashlib, sys
sys.path.insert(0, "bench")
from statement_pdfs import statement, statement_pdf
for number in map(int, sys.argv[1:]):
    print(number, hashlib.sha256(statement_pdf(statement(number))).hexdigest())
"""


def test_the_bytes_do_not_depend_on_what_was_set_before() -> None:
    def made(*numbers: int) -> set[str]:
        command = [sys.executable, "-c", FRESH, *map(str, numbers)]
        return set(subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout.splitlines())

    together = made(*range(9), 3, 8)
    assert len(together) == 9
    assert made(8, 3) < together


def test_threads_do_not_disturb_each_other(documents: dict[str, Document]) -> None:
    alone = {who: pdf.statement_pdf(item) for who, item in documents.items()}
    with ThreadPoolExecutor(4) as threads:
        made = [(who, threads.submit(pdf.statement_pdf, item)) for who, item in documents.items() for _ in range(8)]
        assert all(content.result() == alone[who] for who, content in made)


def test_the_benchmark_says_how_many_a_second() -> None:
    command = [sys.executable, "bench/statement_pdfs.py", "--count", "3", "--json"]
    said = json.loads(subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout)
    assert said["statements"] == 3
    assert said["per_second"] == pytest.approx(3 / said["seconds"], rel=0.1)


def test_figures_of_any_length_are_whole(documents: dict[str, Document]) -> None:
    item = documents[ANN]
    content = replace(item.content, currency="CHF", opening_micros=-(10**17) - 1, closing_micros=98_765_432_100)
    [line] = item.lines
    figures = line.line._replace(pool_micros=10**17 + 123_457, denominator_ticks=720_720 * 10**9)
    text = pdf_text(pdf.statement_pdf(replace(item, content=content, lines=(line._replace(line=figures),))))
    nbsp = "\N{NO-BREAK SPACE}"
    for figure in (
        f"−CHF{nbsp}100,000,000,000.000001",
        f"CHF{nbsp}98,765.4321",
        "100,000,000,000.123457",
        "1,000,000,000",
    ):
        assert figure in text


def test_control_characters_are_those_of_unicode() -> None:
    found = {chr(at) for at in range(sys.maxunicode + 1) if pdf.CONTROLS.match(chr(at))}
    assert found == {chr(at) for at in range(sys.maxunicode + 1) if unicodedata.category(chr(at)) in ("Cc", "Zl", "Zp")}
