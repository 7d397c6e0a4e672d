"""Customers' fees to the models that were used."""

from hypothesis import given
from hypothesis import strategies as st

from revshare.policies.rules import parse
from revshare.pools.routing import by_usage
from revshare.sales.queries import Sum

TABLE = '[streams.{0}]\ncontributor_share = "20%"\npooling = "per_model"\nallocation = "{1}"\n'
RULES = parse('name = "p"\nversion = "1"\n' + TABLE.format("fees", "by_usage") + TABLE.format("default", "asset_count"))


def fee(net: int, *, stream: str = "fees", deducted: int = 0, dataset: str = "") -> Sum:
    return Sum(stream, "", dataset, "USD", net, 3, deducted, "pro")


def test_fees_go_by_units_and_ties_to_the_lower_model() -> None:
    routed = by_usage(sums=[fee(10, deducted=5)], used={"z": 1, "B": 1, "a": 1}, rulebook=RULES)
    assert routed == [
        Sum("fees", "B", "", "USD", 4, 3, 2, "pro"), Sum("fees", "a", "", "USD", 3, 0, 2, "pro"),
        Sum("fees", "z", "", "USD", 3, 0, 1, "pro"),
    ]  # fmt: skip


def test_other_streams_and_fees_without_use_stay_where_they_are() -> None:
    other, own = fee(7, stream="generation"), fee(7)
    assert by_usage(sums=[other], used={"a": 1}, rulebook=RULES) == [other]
    assert by_usage(sums=[own], used={}, rulebook=RULES) == [own]


@given(st.integers(-(10**12), 10**12), st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10**6), min_size=1))
def test_nothing_is_lost_and_a_refund_mirrors(net: int, used: dict[str, int]) -> None:
    there, back = (by_usage(sums=[fee(sign * net, deducted=sign * 99)], used=used, rulebook=RULES) for sign in (1, -1))
    assert sum(item.net_micros for item in there) == net
    assert sum(item.deducted_micros for item in there) == 99
    assert sum(item.count for item in there) == 3
    assert [item.model for item in there] == sorted(used)
    for sale, refund in zip(there, back, strict=True):
        assert (sale.net_micros, sale.deducted_micros) == (-refund.net_micros, -refund.deducted_micros)
        assert abs(sale.net_micros * sum(used.values()) - net * used[sale.model]) < sum(used.values())


def test_each_sum_goes_its_own_way() -> None:
    sums = [fee(7, stream="generation"), fee(4, dataset="ds@1"), fee(5, stream="other"), fee(9)]
    assert by_usage(sums=sums, used={"a": 1, "b": 1}, rulebook=RULES) == [
        sums[0], Sum("fees", "a", "", "USD", 2, 3, 0, "pro"), Sum("fees", "b", "", "USD", 2, 0, 0, "pro"),
        sums[2], Sum("fees", "a", "", "USD", 5, 3, 0, "pro"), Sum("fees", "b", "", "USD", 4, 0, 0, "pro"),
    ]  # fmt: skip
