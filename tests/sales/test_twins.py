"""Sales as they are taken in against a slow twin in plain Python: dictionaries, Decimal, one row after another."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from revshare.audit_trail.operations import Act
from revshare.files import held as held_files
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.ingest.operations import ingest
from revshare.sales import storing
from revshare.sales.models import Sale
from tests.conftest import AT
from tests.examples import examples
from tests.files.forms import csv_bytes

pytestmark = pytest.mark.django_db
COLUMNS = ("sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "refund_of")
ACT = Act(actor="olivia", at=AT)
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)  # the examples are small; each costs a transaction or more
Content = tuple[datetime, str, Decimal, str]
"""When, currency, amount, what it refunds."""


@dataclass
class Twin:
    """What a marketplace's books should hold after some files."""

    sales: dict[str, Content] = field(default_factory=dict)
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)  # (file, line) → why the row waits
    duplicates: int = 0
    texts: set[bytes] = field(default_factory=set)
    rows: dict[tuple[int, int], tuple[str, Content]] = field(default_factory=dict)

    def take_in(self, number: int, data: bytes) -> None:
        if data in self.texts:
            return
        self.texts.add(data)
        good = []
        for line, row in enumerate(csv.DictReader(io.StringIO(data.decode())), 2):
            place = (number, line)
            if not row["gross_amount"].removeprefix("-").replace(".", "", 1).isdigit():
                self.reasons[place] = "amount_syntax"
            elif row["refund_of"] and Decimal(row["gross_amount"]) > 0:
                self.reasons[place] = "refund_positive"
            else:
                content = (
                    datetime.fromisoformat(row["sold_at"]), row["currency"], Decimal(row["gross_amount"]), row["refund_of"],
                )  # fmt: skip
                self.rows[place] = (row["sale_id"], content)
                good.append(place)
        if self.judge(good):
            while self.release():
                pass

    def release(self) -> int:
        """Files one after another, as a person would go through the waiting ones."""
        waiting = defaultdict(list)
        for place, reason in sorted(self.reasons.items()):
            if reason == "refund_of_unknown_sale" and self.rows[place][1][3] in self.sales:
                waiting[place[0]].append(place)
        return sum(self.judge(places) for places in waiting.values())

    def judge(self, places: Sequence[tuple[int, int]]) -> int:
        """Takes in those of the rows that may stand; returns how many."""
        for place in places:
            self.reasons.pop(place, None)
        left = self._against_known(self._within_file(places))
        of_file = {self.rows[place][0]: self.rows[place][1] for place in left}
        stands = []
        for place in left:
            _, (_, currency, _, refund_of) = self.rows[place]
            target = self.sales.get(refund_of) or of_file.get(refund_of)
            if refund_of and target is None:
                self.reasons[place] = "refund_of_unknown_sale"
            elif refund_of and (target[3] or target[2] < 0):
                self.reasons[place] = "refund_of_refund"
            elif refund_of and target[1] != currency:
                self.reasons[place] = "refund_currency"
            else:
                stands.append(place)
        return self._store(self._not_beyond(stands))

    def _within_file(self, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        by_id = defaultdict(list)
        for place in places:
            by_id[self.rows[place][0]].append(place)
        left = []
        for same in by_id.values():
            if len({self.rows[place][1] for place in same}) > 1:
                self.reasons.update(dict.fromkeys(same, "conflicting_duplicate"))
            else:
                left.append(same[0])
                self.duplicates += len(same) - 1
        return left

    def _against_known(self, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        left = []
        for place in places:
            name, content = self.rows[place]
            if name not in self.sales:
                left.append(place)
            elif self.sales[name] == content:
                self.duplicates += 1
            else:
                self.reasons[place] = "conflicting_duplicate"
        return left

    def _not_beyond(self, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        contents = {self.rows[place][0]: self.rows[place][1] for place in places}
        rest = {}
        for refund_of in {content[3] for content in contents.values() if content[3]}:
            sale = self.sales.get(refund_of) or contents[refund_of]
            before = sum((content[2] for content in self.sales.values() if content[3] == refund_of), Decimal())
            rest[refund_of] = sale[2] + before
        stands = []
        for place in sorted(places, key=lambda place: (self.rows[place][1][0], self.rows[place][0])):
            refund_of, amount = self.rows[place][1][3], self.rows[place][1][2]
            if refund_of and rest[refund_of] + amount < 0:
                self.reasons[place] = "refund_exceeds_sale"
                continue
            if refund_of:
                rest[refund_of] += amount
            stands.append(place)
        return stands

    def _store(self, places: Iterable[tuple[int, int]]) -> int:
        new = dict(self.rows[place] for place in places)
        self.sales |= new
        return len(new)


ids = st.sampled_from(["a", "b", "c", "007", "7", "NA"])
BASE = {"stream": "generation", "model": "m"}
times = st.sampled_from(["2026-06-01T00:00:00Z", "2026-06-01T02:00:00+02:00", "2026-06-02T00:00:00.000001Z"])


def rows(**columns: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({name: st.just(value) for name, value in BASE.items()} | {"sold_at": times} | columns)


anything = rows(
    sale_id=ids,
    currency=st.sampled_from(["USD", "USD", "USD", "JPY"]),
    gross_amount=st.sampled_from(["5", "5.00", "0", "-0.00", "-1", "-2.50", "-2.5", "-5", "1.000001", "1,5", "x"]),
    refund_of=st.one_of(st.just(""), ids, st.just("never")),
)
sales_of_five = rows(
    sale_id=st.sampled_from("ab"), sold_at=st.just("2026-06-01T00:00:00Z"), currency=st.just("USD"),
    gross_amount=st.just("5"), refund_of=st.just(""),
)  # fmt: skip
refunds = rows(
    sale_id=st.integers(0, 99).map("r{}".format), currency=st.just("USD"),
    gross_amount=st.sampled_from(["-1", "-2.5", "-4", "-5", "-5.000001"]), refund_of=st.sampled_from("ab"),
)  # fmt: skip
batches = st.lists(st.lists(st.one_of(anything, sales_of_five, refunds, refunds), max_size=8), min_size=1, max_size=3)


def _books() -> tuple[dict[str, Content], dict[tuple[int, int], str], int]:
    sales = {
        sale.sale_id: (sale.sold_at, sale.currency, Decimal(sale.gross_micros) / 1_000_000, sale.refund_of)
        for sale in Sale.objects.all()
    }
    open_rows = QuarantinedRow.objects.filter(state="open").values_list("file__name", "line", "reason")
    reasons = {(int(name), line): reason.partition("@")[0] for name, line, reason in open_rows}
    duplicates = sum(IngestedFile.objects.values_list("rows_duplicate", flat=True))
    return sales, reasons, duplicates + QuarantinedRow.objects.filter(state="duplicate").count()


@given(batches=batches, large=st.booleans(), held=st.booleans())
@settings(
    max_examples=examples(quick=15, long=40), deadline=None, phases=UNSHRUNK,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_sales_are_taken_in_as_the_slow_twin_does(
    batches: list[list[dict[str, str]]], large: bool, held: bool, tmp_path: Path
) -> None:
    """`large`: each file gets a partition of its own, as large ones do. `held`: it is read into memory, as those of
    middle size are."""
    twin = Twin()
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(storing, "PARTITION_ROWS", 1 if large else 1_000)
        patch.setattr(held_files, "FROM_BYTES", 1 if held else 1 << 20)
        for number, rows in enumerate(batches):
            data = csv_bytes(rows, COLUMNS)
            twin.take_in(number, data)
            path = tmp_path / "sales.csv"
            path.write_bytes(data)
            ingest(kind="sales", path=path, act=ACT, name=str(number))
        sales, reasons, duplicates = _books()
        transaction.set_rollback(True)
    assert sales == twin.sales
    assert reasons == twin.reasons
    assert duplicates == twin.duplicates


@st.composite
def shop(draw: st.DrawFn) -> list[dict[str, str]]:
    """Sales and refunds without conflicts: no refund is more than its sale can bear."""
    rows = []
    for number in range(draw(st.integers(1, 4))):
        base = {"sold_at": "2026-06-01T00:00:00Z", "stream": "generation", "model": "m", "currency": "USD"}
        rows.append(base | {"sale_id": f"s{number}", "gross_amount": "10"})
        for part in range(draw(st.integers(0, 2))):
            refund = {"sale_id": f"r{number}{part}", "refund_of": f"s{number}", "gross_amount": "-5"}
            rows += [base | refund] * draw(st.integers(1, 2))
    return rows


@given(rows=shop(), data=st.data())
@settings(
    max_examples=examples(quick=4, long=10),
    deadline=None,
    phases=UNSHRUNK,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_neither_order_nor_cut_decides_what_is_accepted(
    rows: list[dict[str, str]], data: st.DataObject, tmp_path: Path
) -> None:
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    parts = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    path = tmp_path / "sales.csv"
    with transaction.atomic():
        for number, part in enumerate(parts):
            path.write_bytes(csv_bytes(part, COLUMNS))
            ingest(kind="sales", path=path, act=ACT, name=str(number))
        accepted = set(Sale.objects.values_list("sale_id", "gross_micros", "refund_of"))
        waiting = QuarantinedRow.objects.filter(state="open").count()
        transaction.set_rollback(True)
    units = {"10": 10_000_000, "-5": -5_000_000}
    assert accepted == {(row["sale_id"], units[row["gross_amount"]], row.get("refund_of", "")) for row in rows}
    assert waiting == 0
