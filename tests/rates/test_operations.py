"""Exchange rates in: exact, each once, with source and date."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from revshare.audit_trail.operations import Act
from revshare.errors import Refused
from revshare.files.queries import last_arrival
from revshare.ingest.operations import ingest
from revshare.rates.models import Rate
from revshare.rates.queries import rates
from tests.files import forms
from tests.files.hostile_rows import BAD_AMOUNTS, BAD_DAYS, Case, conserved, found, take_in_hostile
from tests.stories import Story

pytestmark = pytest.mark.django_db
HEADER = ("date", "base", "quote", "rate", "source")
ROW = {"date": "2026-06-01", "base": "EUR", "quote": "USD", "rate": "1.1", "source": "ECB"}
BAD: list[Case] = [
    ({}, None),
    *(({"date": day}, f"{code}@date") for day, code in BAD_DAYS.items()),
    ({"date": "2026-08-01"}, "day_future@date"),
    *(({"base": code}, "currency_unknown@base") for code in ("", "eur", "EURO", "XXX", "EUR ", "ＥＵＲ")),
    *(({"quote": code}, "currency_unknown@quote") for code in ("", "usd", "US", "BTC")),
    ({"quote": "EUR"}, "rate_same_currency@quote"),
    *(({"quote": "GBP", "rate": text}, "rate_syntax@rate") for text in (
        *BAD_AMOUNTS, "0", "0.000000000000", "-1", "-0", "1.0000000000001", "1000000000000", "1,1", "1.1 ",
    )),
    ({"quote": "GBP", "rate": "0.000000000001"}, None),
    ({"quote": "JPY", "rate": "999999999999.999999999999"}, None),
    ({"source": ""}, "source_missing@source"),
    ({"source": "x" * 2_001}, "text_too_long@source"),
    ({"quote": "CHF"}, "conflicting_duplicate@date"),
    ({"quote": "CHF", "rate": "1.100000000001"}, "conflicting_duplicate@date"),
]  # fmt: skip


@pytest.mark.parametrize("form", forms.FORMATS)
def test_each_bad_rate_is_quarantined_on_its_line(form: str, tmp_path: Path, act: Act) -> None:
    take_in_hostile(kind="rates", form=form, good=ROW, cases=BAD, folder=tmp_path, act=act)
    assert {one.quote: one.rate for one in Rate.objects.all()} == {
        "USD": Decimal("1.1"), "GBP": Decimal("0.000000000001"), "JPY": Decimal("999999999999.999999999999"),
    }  # fmt: skip


def test_a_rate_stays_and_comes_in_once(story: Story) -> None:
    first = story.take(
        "rates", HEADER, [("2026-06-01", "EUR", "USD", "1.10", "ECB"), ("2026-06-01", "EUR", "USD", "1.1", "X")]
    )
    assert (first.file.rows_accepted, first.file.rows_duplicate) == (1, 1)
    assert story.take("rates", HEADER, [("2026-06-01", "EUR", "USD", "1.100", "Y")]).file.rows_duplicate == 1
    other = conserved(story.take("rates", HEADER, [("2026-06-01", "EUR", "USD", "1.11", "ECB")]))
    assert found(other) == {2: "conflicting_duplicate@date"}
    assert list(Rate.objects.values_list("rate", "source")) == [(Decimal("1.1"), "ECB")]


def test_rates_are_read_by_day_and_arrival(story: Story) -> None:
    story.take("rates", HEADER, [
        ("2026-06-02", "EUR", "USD", "1.2", "ECB"), ("2026-06-01", "EUR", "USD", "1.1", "ECB"),
        ("2026-06-01", "USD", "EUR", "0.9", "ECB"), ("2026-06-04", "EUR", "USD", "1.4", "ECB"),
    ])  # fmt: skip
    before = last_arrival()
    story.take("rates", HEADER, [("2026-06-03", "EUR", "USD", "1.3", "ECB")])
    story.take("rates", HEADER, [("2026-06-01", "EUR", "GBP", "0.8", "BoE")])
    june = {"start": date(2026, 6, 1), "end": date(2026, 6, 4)}
    early = [(one.on.day, one.base, one.rate) for one in rates(**june, upto_arrival=before)]
    assert early == [(1, "EUR", Fraction(11, 10)), (1, "USD", Fraction(9, 10)), (2, "EUR", Fraction(6, 5))]
    assert [one.on.day for one in rates(**june, upto_arrival=last_arrival())] == [1, 1, 1, 2, 3]
    assert [one.quote for one in rates(**june, upto_arrival=last_arrival(), source="BoE")] == ["GBP"]


def test_parquet_keeps_decimals_and_refuses_floats(tmp_path: Path, act: Act) -> None:
    table = {name: [value] for name, value in ROW.items()}
    exact = pa.array([Decimal("1.100000000001")], pa.decimal128(30, 15))
    pq.write_table(pa.table(table | {"rate": exact, "date": pa.array([date(2026, 6, 1)])}), tmp_path / "rates.parquet")
    ingest(kind="rates", path=tmp_path / "rates.parquet", act=act)
    assert Rate.objects.get().rate == Decimal("1.100000000001")
    pq.write_table(pa.table(table | {"rate": [1.1]}), tmp_path / "floats.parquet")
    with pytest.raises(Refused) as caught:
        ingest(kind="rates", path=tmp_path / "floats.parquet", act=act)
    assert caught.value.code == "parquet_float"
