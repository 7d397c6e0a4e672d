"""Sums kept of large files: whoever adds up sales gets what adding them up one by one gives, whatever is kept."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from revshare.audit_trail.operations import Act
from revshare.files.models import IngestedFile
from revshare.files.voiding import void
from revshare.ingest.operations import ingest
from revshare.reviews.takings import takings_of
from revshare.sales import part_sums, storing
from revshare.sales.models import PartSum, Sale
from revshare.sales.queries import Range, Sum, last_seq, sums_by_target, whole_parts
from revshare.verification.operations import verify
from tests.conftest import AT
from tests.examples import examples
from tests.stories import Story
from tests.verification.test_operations import without_triggers

pytestmark = pytest.mark.django_db
HEADER = "sale_id,sold_at,stream,model,dataset_version,currency,gross_amount,refund_of,customer_id\n"
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
ACT = Act(actor="olivia", at=AT)
Write = Callable[[str, str | bytes], Path]
M = 1_000_000
LARGEST = 999_999_999_999  # units of a currency in one sale; ten of them are too many micros for 64 bits


def day(number: int) -> datetime:
    return FIRST_DAY + timedelta(days=number)


def everything() -> list[Range]:
    return [Range(*ALWAYS, 0, last_seq())]


def counted(ranges: Sequence[Range]) -> list[Sale]:
    return [
        sale for sale in Sale.objects.all()
        if any(
            r.starts_at <= sale.sold_at < r.ends_at and r.after_seq < sale.seq <= r.upto_seq
            and sale.file_id not in r.voided for r in ranges
        )
    ]  # fmt: skip


def slow_sums(ranges: Sequence[Range]) -> list[Sum]:
    upto = max((r.upto_seq for r in ranges), default=0)
    void_files = {file for r in ranges for file in r.voided}
    known = {sale.sale_id: sale for sale in Sale.objects.filter(seq__lte=upto).exclude(file_id__in=void_files)}
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for sale in counted(ranges):
        of = known.get(sale.refund_of, sale) if sale.refund_of else sale
        sums[of.stream, of.model, of.dataset_version, sale.currency][0] += sale.gross_micros
        sums[of.stream, of.model, of.dataset_version, sale.currency][1] += 1
    return [Sum(*target, *sums[target]) for target in sorted(sums)]  # type: ignore[arg-type]


def slow_takings(ranges: Sequence[Range]) -> dict[str, Any]:
    nets: dict[str, int] = defaultdict(int)
    by: dict[str, dict[str, dict[str, list[int]]]] = {}
    for sale in counted(ranges):
        nets[sale.currency] += sale.gross_micros
        names = {"customer": sale.customer_id, "model": sale.model or sale.dataset_version, "file": str(sale.file_id)}
        for what, name in names.items():
            sold = by.setdefault(sale.currency, {each: {} for each in names})[what].setdefault(name, [0, 0])
            sold[0] += sale.gross_micros
            sold[1] += 1
    return {
        currency: {"net_micros": nets[currency], "by": {
            what: {
                name: sold for name, sold in names.items()
                if name and sold[0] > 0 and sold[0] * 1000 >= nets[currency]
            } for what, names in told.items()
        }} for currency, told in by.items()
    }  # fmt: skip


def check(ranges: Sequence[Range]) -> None:
    assert sums_by_target(ranges) == sums_by_target(ranges, read_all=True) == slow_sums(ranges)
    assert {currency: taken.as_json() for currency, taken in takings_of(ranges).items()} == slow_takings(ranges)


rows = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from(("m", "n", "")), st.sampled_from(("USD", "JPY")), st.integers(1, 900),
        st.sampled_from(("", "k1", "k2", "k3")), st.sampled_from((None, None, 0, 1, 2, 9)),
    ),
    min_size=1, max_size=6,
)  # fmt: skip
files = st.lists(st.tuples(rows, st.booleans()), min_size=1, max_size=4)
bounds = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 25), st.integers(0, 25), st.booleans())


def text(number: int, lines: Sequence[tuple[Any, ...]], ids: list[tuple[str, str]]) -> str:
    """`lines`: the last value of each says of which sale, counted back from here, it is a refund."""
    written = HEADER
    for place, (on, model, currency, number_of, customer, back) in enumerate(lines):
        own, refunded = f"s{number}-{place}", back is not None and back < len(ids)
        of, code = ids[-1 - back] if refunded else ("", currency)
        amount = f"-0.{number_of:03}" if refunded else f"{number_of}"  # a refund is less than any sale
        version = "" if model else "ds@1"
        written += f"{own},{day(on):%Y-%m-%dT%H:%M:%SZ},generation,{model},{version},{code},{amount},{of},{customer}\n"
        if not refunded:
            ids.append((own, code))
    return written


@settings(
    max_examples=examples(quick=20, long=200), phases=[Phase.explicit, Phase.generate], deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(taken=files, spans=st.lists(bounds, min_size=1, max_size=2))
@example(  # the first file lies within the range, the second ends with it, the third refunds sales of both
    taken=[
        ([(0, "m", "USD", 100, "k1", None), (1, "n", "USD", 5, "", None)], True),
        ([(1, "m", "USD", 30, "k1", None), (2, "m", "USD", 7, "k2", None)], True),
        ([(1, "n", "USD", 9, "", 0), (1, "n", "USD", 9, "", 2)], True),
    ],
    spans=[(0, 2, 0, 25, False)],
)
def test_they_are_what_adding_up_one_by_one_gives(file: Write, taken: Any, spans: Any) -> None:
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        ids: list[tuple[str, str]] = []
        numbers = []
        first = last_seq()
        for number, (lines, large) in enumerate(taken):
            patch.setattr(storing, "PARTITION_ROWS", 1 if large else 1_000)
            patch.setattr(part_sums, "MOST", 3 if number == 2 else 5_000)
            report = ingest(kind="sales", path=file("sales.csv", text(number, lines, ids)), act=ACT)
            numbers.append(report.file.pk)
        for low, high, after, upto, without in spans:
            void_files = tuple(numbers[:1]) if without else ()
            check([Range(day(low), day(high), first + after, first + upto, void_files)])
        check([Range(day(0), day(3), 0, first + 9), Range(day(3), day(6), 0, last_seq())])
        check(everything())
        check([])
        transaction.set_rollback(True)


@pytest.fixture
def large(file: Write, monkeypatch: pytest.MonkeyPatch) -> IngestedFile:
    """A part of the third and fourth of June: two sales of a model, one of them refunded, and one of a dataset."""
    monkeypatch.setattr(storing, "PARTITION_ROWS", 1)
    return ingest(kind="sales", act=ACT, path=file("large.csv", HEADER + (
        "a1,2026-06-03T00:00:00Z,generation,m,,USD,10,,k1\na2,2026-06-03T12:00:00Z,generation,m,,USD,5,,k2\n"
        "r1,2026-06-04T00:00:00.000001Z,generation,m,,USD,-2,a1,k1\na3,2026-06-03T01:00:00Z,data_deal,,ds@1,EUR,7,,\n"
    ))).file  # fmt: skip


def test_what_is_kept(large: IngestedFile) -> None:
    fields = ("refunds", "stream", "model", "dataset_version", "currency", "customer_id", "net_micros", "sales")
    assert sorted(PartSum.objects.filter(part=large).values_list(*fields)) == [
        (False, "data_deal", "", "ds@1", "EUR", "", 7 * M, 1), (False, "generation", "m", "", "USD", "k1", 10 * M, 1),
        (False, "generation", "m", "", "USD", "k2", 5 * M, 1), (True, "generation", "m", "", "USD", "k1", -2 * M, 1),
    ]  # fmt: skip
    edges = set(PartSum.objects.values_list("first_seq", "last_seq", "first_at", "last_at"))
    assert edges == {(last_seq() - 3, last_seq(), day(2), day(3) + timedelta(microseconds=1))}
    assert not verify(cycles=[]).findings


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "after", "upto", "whole"),
    [
        (day(2), day(3) + timedelta(microseconds=2), 0, 0, True),
        (day(2), day(3) + timedelta(microseconds=1), 0, 0, False),  # the last one is at the end, and so after it
        (day(2) + timedelta(microseconds=1), day(9), 0, 0, False),
        (day(0), day(9), 1, 0, False), (day(0), day(9), 0, -1, False),
    ],
)  # fmt: skip
def test_a_part_counts_as_a_whole_only_within_a_range(
    large: IngestedFile, starts_at: datetime, ends_at: datetime, after: int, upto: int, whole: bool
) -> None:
    one = Range(starts_at, ends_at, last_seq() - 4 + after, last_seq() + upto)
    assert whole_parts([one]) == ([large.pk] if whole else [])
    check([one])
    halves = [Range(day(0), day(3), 0, last_seq()), Range(day(3), day(9), 0, last_seq())]
    assert whole_parts(halves) == []
    check(halves)


def test_a_void_file_does_not_count(large: IngestedFile) -> None:
    assert whole_parts([Range(*ALWAYS, 0, last_seq(), (large.pk,))]) == []
    assert sums_by_target([Range(*ALWAYS, 0, last_seq(), (large.pk,))]) == []


def test_a_refund_goes_back_to_its_sale_when_that_one_is_void(large: IngestedFile, file: Write) -> None:
    """Which sale a refund is of may change after its part is closed."""
    refund = HEADER + "r2,2026-06-05T00:00:00Z,subscription,n,,USD,-3,a2,\n"
    second = ingest(kind="sales", path=file("refund.csv", refund), act=ACT).file
    [only] = [Range(*ALWAYS, last_seq() - 1, last_seq())]
    assert whole_parts([only]) == [second.pk]
    assert sums_by_target([only]) == [Sum("generation", "m", "", "USD", -3 * M, 1)]
    gone = Range(*ALWAYS, last_seq() - 1, last_seq(), (large.pk,))
    assert sums_by_target([gone]) == [Sum("subscription", "n", "", "USD", -3 * M, 1)]


def test_their_sales_are_not_read(large: IngestedFile) -> None:
    before = slow_sums(everything())
    without_triggers("UPDATE sales_sale SET gross_micros = gross_micros + 1 WHERE refund_of = ''")
    assert sums_by_target(everything()) == before != slow_sums(everything())
    assert sums_by_target(everything(), read_all=True) == slow_sums(everything())


def test_many_customers_are_not_told_apart(file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "PARTITION_ROWS", 1)
    monkeypatch.setattr(part_sums, "MOST", 3)
    lines = "".join(f"s{i},2026-06-0{1 + i % 3}T00:00:00Z,generation,m,,USD,{i + 1},,k{i}\n" for i in range(9))
    part = ingest(kind="sales", path=file("many.csv", HEADER + lines), act=ACT).file
    assert list(PartSum.objects.values_list("part_id", "customer_id", "net_micros", "sales")) == [
        (part.pk, None, 45 * M, 9)
    ]
    assert whole_parts(everything()) == [part.pk]
    assert whole_parts(everything(), by_customer=True) == []
    check(everything())
    assert not verify(cycles=[]).findings


@pytest.mark.parametrize("lines", [
    [f"s{i},2026-06-01T00:00:00Z,generation,m{i},,USD,1,,\n" for i in range(4)],
    [f"s{i},2026-06-01T00:00:00Z,generation,m,,USD,{LARGEST},,\n" for i in range(10)],
], ids=["too many targets", "too large"])  # fmt: skip
def test_what_cannot_be_kept_is_read(file: Write, monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    monkeypatch.setattr(storing, "PARTITION_ROWS", 1)
    monkeypatch.setattr(part_sums, "MOST", 3)
    ingest(kind="sales", path=file("sales.csv", HEADER + "".join(lines)), act=ACT)
    assert Sale.objects.exclude(part=0).count() == len(lines)
    assert not PartSum.objects.exists()
    check(everything())
    assert not verify(cycles=[]).findings


@pytest.mark.parametrize("wrong", [{"first_seq": 1}, {"last_seq": 1}, {"less": 1}])
def test_sums_of_other_sales_do_not_come_in(
    file: Write, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, int]
) -> None:
    monkeypatch.setattr(storing, "PARTITION_ROWS", 1)

    def keep(groups: list[part_sums.Group], **bounds: int) -> None:
        part_sums.keep(
            groups[wrong.get("less", 0) :], **{name: value + wrong.get(name, 0) for name, value in bounds.items()}
        )

    monkeypatch.setattr(storing, "keep", keep)
    lines = "a1,2026-06-03T00:00:00Z,generation,m,,USD,10,,\na2,2026-06-03T00:00:00Z,generation,n,,USD,10,,\n"
    with pytest.raises(IntegrityError, match="are not of its sales"):
        ingest(kind="sales", path=file("sales.csv", HEADER + lines), act=ACT)


def test_no_sums_come_after_their_part(large: IngestedFile) -> None:
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="it is closed"), transaction.atomic():
        cursor.execute(
            "INSERT INTO sales_part_sum (part, first_seq, last_seq, first_at, last_at, refunds, stream, model, "
            "dataset_version, currency, net_micros, sales) SELECT part, first_seq, last_seq, first_at, last_at, refunds, "
            "stream, model, 'x', currency, net_micros, sales FROM sales_part_sum LIMIT 1"
        )


FORGERIES = {
    "a sum": "UPDATE sales_part_sum SET net_micros = net_micros + 1 WHERE currency = 'EUR'",
    "a count": "UPDATE sales_part_sum SET sales = sales + 1 WHERE currency = 'EUR'",
    "a sum that is gone": "DELETE FROM sales_part_sum WHERE currency = 'EUR'",
    "two sums": "UPDATE sales_part_sum SET net_micros = net_micros + CASE customer_id WHEN 'k1' THEN 1 ELSE -1 END "
    "WHERE currency = 'USD' AND NOT refunds",
    "a target": "UPDATE sales_part_sum SET dataset_version = 'ds@2' WHERE currency = 'EUR'",
    "a bound": "UPDATE sales_part_sum SET last_at = last_at + interval '1 day'",
    "a number": "UPDATE sales_part_sum SET first_seq = first_seq - 1",
}


@pytest.mark.parametrize("what", FORGERIES)
def test_sums_that_somebody_changed_are_found(large: IngestedFile, what: str) -> None:
    without_triggers(FORGERIES[what])
    findings = verify(cycles=[]).findings
    assert {finding.invariant for finding in findings} == {"I12"}
    assert {finding.where for finding in findings} == {f"sums of part {large.pk}"}


def test_a_cycle_takes_them_for_its_sales(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of large files; one of them is void, one is late, one holds a refund of the month before."""
    monkeypatch.setattr(storing, "PARTITION_ROWS", 1)
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"), ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"), ("s2", "2026-01-11T00:00:00Z", "m", "USD", "1"))
    january = story.publish("jan", "2026-01-01", "2026-02-01")
    wrong = story.sales(("s3", "2026-02-10T00:00:00Z", "m", "USD", "1000")).file
    void(file_id=wrong.pk, reason="a test's", act=story.act())
    story.sales(
        ("s4", "2026-02-11T00:00:00Z", "m", "USD", "10"), ("r1", "2026-02-12T00:00:00Z", "m", "USD", "-4", "s1")
    )
    story.sales(("s5", "2026-01-12T00:00:00Z", "m", "USD", "50"))  # of January, late
    february = story.publish("feb", "2026-02-01", "2026-03-01")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.key, p.net_micros FROM pools_pool p JOIN cycles_cycle c ON c.id = p.cycle_id ORDER BY 1"
        )
        assert cursor.fetchall() == [("feb", 56 * M), ("jan", 101 * M)]
    assert not verify(cycles=[january, february]).findings


def test_pools_of_sums_that_somebody_changed_are_found(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes them before the lock changes what is shared: `verify` adds the sales up itself."""
    monkeypatch.setattr(storing, "PARTITION_ROWS", 1)
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"), ("ds@1", "b1", "ben"))
    story.policy()
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", "USD", "100"))
    without_triggers("UPDATE sales_part_sum SET net_micros = net_micros + 1000000")
    january = story.calculate("jan", "2026-01-01", "2026-02-01")
    assert {finding.invariant for finding in verify(cycles=[january]).findings} == {"I12", "I22"}
