"""From sums to pools: which pool a sale is of, what it has to share, what waits, what is carried."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revshare.policies.rules import Rulebook, parse
from revshare.pools.exchange import Converted, Exchange
from revshare.pools.rules import (
    CARRIED_ONLY,
    RELEASED,
    Attributed,
    Key,
    Pinned,
    PoolSum,
    Waited,
    conversions,
    gather,
    nothing_to_divide_by,
    places,
    pool_key,
)
from revshare.rates.rules import Found
from revshare.sales.queries import Sum

DAY = date(2026, 6, 10)
PINNED = Pinned(
    manifests={"a@1": "x", "b@1": "y"}, models={"m": ["a@1"], "n": ["b@1", "a@1"], "half": ["a@1", "gone@1"]}
)


def rules(extra: str = "", *, pooling: str = "per_model", allocation: str = "asset_count") -> Rulebook:
    return parse(
        f'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "{pooling}"\n'
        f'allocation = "{allocation}"\n{extra}'
    )


PLAIN, SINGLE = rules(), rules(pooling="single")
COMMONS = rules('commons = "10%"\n')


def sold(
    net: int, model: str = "m", *, dataset: str = "", stream: str = "generation", currency: str = "USD",
    deducted: int = 0, day: date | None = None,
) -> Sum:  # fmt: skip
    return Sum(stream, model, dataset, currency, net, 2, deducted, "", day)


def pools(sums: list[Sum], rulebook: Rulebook = PLAIN, pinned: Pinned = PINNED, **more: object) -> list[PoolSum]:
    return gather(sums=sums, rulebook=rulebook, pinned=pinned, **{"carried": {}, **more})  # type: ignore[arg-type]


def key(model: str = "m", dataset: str = "", *, currency: str = "USD", part: str = "", table: str = "default") -> Key:
    return Key(table, model, dataset, currency, part)


def test_a_pool_for_each_model_and_currency_in_the_order_of_their_keys() -> None:
    found = pools([sold(7, "n"), sold(100), sold(5, currency="EUR"), sold(11), sold(3, "", dataset="b@1")])
    assert [(p.key, p.net_micros, p.count, p.versions, p.suspense_reason) for p in found] == [
        (key("", "b@1"), 3, 2, ["b@1"], ""), (key(currency="EUR"), 5, 2, ["a@1"], ""), (key(), 111, 4, ["a@1"], ""),
        (key("n"), 7, 2, ["b@1", "a@1"], ""),
    ]  # fmt: skip
    # 20 % of 111 is 22.2: the contributors' part is cut to whole micros, what is left is the platform's.
    whole = found[2]
    assert (whole.shared_micros, whole.commons_micros, whole.distributable_micros, whole.platform_micros) == (
        22,
        0,
        22,
        89,
    )
    assert (whole.share, whole.share_text, whole.measure, whole.carried_out_micros) == (
        Fraction(1, 5),
        "20%",
        "assets",
        0,
    )
    assert whole.rule == whole.words == "20% of net sales × (your assets ÷ all assets in the model's dataset versions)"


@pytest.mark.parametrize(
    ("model", "dataset", "name"), [("unheard", "", "unheard"), ("half", "", "half"), ("", "gone@1", "gone@1")]
)
@pytest.mark.parametrize("rulebook", [PLAIN, SINGLE])
def test_what_is_not_known_waits_in_a_pool_of_its_own(model: str, dataset: str, name: str, rulebook: Rulebook) -> None:
    (found,) = pools([sold(10, model, dataset=dataset)], rulebook)
    assert (found.key, found.versions) == (key(model, dataset), [])
    assert found.suspense_reason == f"{name} is not known, or a dataset of it has no records"


def test_a_single_pool_is_of_all_models_that_have_records() -> None:
    (found,) = pools([sold(10), sold(5, "n"), sold(1, "", dataset="a@1")], SINGLE)
    assert (found.key, found.net_micros, found.versions) == (key(""), 16, ["a@1", "b@1"])
    (none,) = pools([sold(-1)], SINGLE, Pinned(manifests={"a@1": ""}, models={"m": ["a@1"]}))
    assert none.versions == ["a@1"]


def test_what_customers_used_is_not_said_by_a_sale_without_a_model() -> None:
    (found,) = pools([sold(10, "")], rules(allocation="by_usage"))
    assert (found.versions, found.suspense_reason) == ([], "nothing says what these customers used")
    (single,) = pools([sold(10, "", dataset="")], SINGLE, Pinned(manifests={"": "x"}))
    assert (single.versions, single.suspense_reason) == ([], "no registered model has a dataset with records")


def test_a_deficit_is_carried_until_it_is_made_up_for() -> None:
    (first,) = pools([sold(-30, deducted=-5)], rules('base = "net"\n'))
    assert (first.base_micros, first.shared_micros, first.platform_micros, first.carried_out_micros) == (
        -25,
        0,
        -5,
        -25,
    )
    (second,) = pools([sold(20)], carried={key(): -25})
    assert (second.base_micros, second.carried_out_micros, second.platform_micros) == (-5, -5, 0)
    (third,) = pools([sold(100)], carried={key(): -5})
    assert (third.base_micros, third.distributable_micros, third.platform_micros) == (95, 19, 76)


def test_a_deficit_without_sales_is_carried_on_by_the_pool_or_without_one() -> None:
    (kept,) = pools([], carried={key(): -5})
    assert (kept.net_micros, kept.count, kept.carried_out_micros, kept.versions) == (0, 0, -5, ["a@1"])
    assert (kept.terms, kept.words) == (PLAIN.tables["default"], PLAIN.tables["default"].words)
    for lost in (key(table="gone"), key(part="assets")):
        (other,) = pools([], carried={lost: -7})
        assert (other.key, other.terms, other.words, other.carried_out_micros) == (lost, None, CARRIED_ONLY, -7)
        assert (other.versions, other.suspense_reason, other.share, other.share_text) == (["a@1"], "", 0, "0%")


def test_the_commons_come_off_what_is_shared() -> None:
    (found,) = pools([sold(1009)], COMMONS)
    # 20 % of 1,009 is 201.8; a tenth of 201 is 20.1.
    assert (found.shared_micros, found.commons_micros, found.distributable_micros, found.platform_micros) == (
        201,
        20,
        181,
        808,
    )


@given(
    st.lists(st.tuples(st.sampled_from(["m", "n", "unheard"]), st.integers(-(10**9), 10**9), st.integers(-99, 99)), max_size=6),
    st.sampled_from([COMMONS, SINGLE, rules('base = "net"\n')]), st.integers(-(10**9), 0), st.integers(0, 10**9),
)  # fmt: skip
def test_nothing_is_lost_between_sales_and_pools(
    sales: list[tuple[str, int, int]], rulebook: Rulebook, carried: int, waited: int
) -> None:
    matched = replace(PINNED, matches={"model": {"old": "m"}})
    found = pools(
        [sold(net, model, deducted=deducted) for model, net, deducted in sales], rulebook, matched,
        carried={key("n"): carried}, released={Waited(key("old")): waited},
    )  # fmt: skip
    assert sum(p.net_micros for p in found) == sum(net for _, net, _ in sales)
    assert sum(p.carried_in_micros for p in found) == carried
    assert sum(p.released_micros for p in found) == waited
    for p in found:
        parts = p.distributable_micros + p.commons_micros + p.platform_micros + p.carried_out_micros
        assert p.net_micros + p.carried_in_micros + p.released_micros == parts
        assert p.commons_micros >= 0 >= p.carried_out_micros
    assert [p.key for p in found] == sorted({p.key for p in found})


MATCHED = replace(PINNED, matches={"model": {"old": "m", "m": "n"}, "dataset_version": {"old@1": "b@1"}})


def test_a_match_says_what_a_name_stands_for_unless_it_is_known() -> None:
    assert MATCHED.meant(model="old", dataset_version="") == ("m", "")
    assert MATCHED.meant(model="m", dataset_version="") == ("m", "")
    assert MATCHED.meant(model="", dataset_version="old@1") == ("", "b@1")
    assert MATCHED.meant(model="other", dataset_version="") == ("other", "")
    assert MATCHED.meant(model="", dataset_version="other@1") == ("", "other@1")
    assert PINNED.meant(model="old", dataset_version="z") == ("old", "z")
    for kind, names in (("model", {"x": "m"}), ("dataset_version", {"a@1": "b@1", "x": "a@1"})):
        one = replace(PINNED, matches={kind: names})
        assert one.meant(model="", dataset_version="a@1") == ("", "a@1")  # known, so not replaced
        assert one.meant(model="", dataset_version="x") == ("", "a@1" if kind == "dataset_version" else "x")
        assert one.meant(model="x", dataset_version="") == ("m" if kind == "model" else "x", "")
    found = pools([sold(10, "old"), sold(1), sold(2, "", dataset="old@1")], PLAIN, MATCHED)
    assert [(p.key, p.net_micros) for p in found] == [(key("", "b@1"), 2), (key(), 11)]


def test_a_deficit_of_a_name_goes_with_its_match() -> None:
    found = pools([sold(10)], PLAIN, MATCHED, carried={key("old"): -3, key(): -2, key("unheard"): -1})
    assert [(p.key, p.carried_in_micros) for p in found] == [(key(), -5), (key("unheard"), -1)]


def test_money_is_released_to_the_pool_of_the_match_and_no_other() -> None:
    (found,) = pools([], PLAIN, MATCHED, released={Waited(key("old")): 50})
    assert (found.key, found.released_micros, found.distributable_micros, found.net_micros) == (key(), 50, 50, 0)
    assert found.terms == PLAIN.tables["default"]
    assert found.rule == found.words + RELEASED
    (beside,) = pools([sold(100)], PLAIN, MATCHED, released={Waited(key("old")): 50})
    assert (beside.released_micros, beside.distributable_micros, beside.platform_micros) == (50, 70, 80)
    (single,) = pools([], SINGLE, MATCHED, released={Waited(key("old")): 50})
    assert (single.key, single.versions) == (key(""), ["a@1", "b@1"])
    assert places(Waited(key("unheard")), PLAIN, MATCHED) == []
    assert places(Waited(key("", "other@1")), PLAIN, MATCHED) == []
    assert [p.key for p in places(Waited(key("", "old@1")), PLAIN, MATCHED)] == [key("", "b@1")]
    lost = Pinned(manifests={}, models={}, matches={"model": {"old": "m"}})
    assert places(Waited(key("old")), PLAIN, lost) == []


def test_of_a_table_that_is_gone_the_default_takes_what_waited() -> None:
    assert [p.key for p in places(Waited(key("old", table="gone")), PLAIN, MATCHED)] == [key()]
    only = parse(
        'name = "p"\nversion = "1"\n[streams.download]\ncontributor_share = "20%"\npooling = "per_model"\n'
        'allocation = "asset_count"\n'
    )
    assert places(Waited(key("old", table="gone")), only, MATCHED) == []


OWN_TABLE = rules('[streams.download]\ncontributor_share = "30%"\npooling = "per_model"\nallocation = "asset_count"\n')
FACTORS = '[streams.default.factors]\nassets = "50%"\n"measure:income" = "50%"\n'
RATES = '[[streams.default.rates]]\nplan = "pro"\ncontributor_share = "40%"\n'


def test_money_stays_in_its_own_table_at_its_own_rate() -> None:
    (own,) = places(Waited(key("old", table="download")), OWN_TABLE, MATCHED)
    assert (own.key.table, own.terms.share) == ("download", Fraction(3, 10))
    assert [p.key for p in places(Waited(key("", "old@1")), SINGLE, MATCHED)] == [key("")]
    rated = rules(RATES)
    for part, share in (("pro", Fraction(2, 5)), ("", Fraction(1, 5)), ("gone", Fraction(1, 5))):
        (place,) = places(Waited(key("old", part=part)), rated, MATCHED)
        assert (place.key.part, place.part.share) == ("" if part == "gone" else part, share)
    mixed = replace(MATCHED, mixes={"m": {"a@1": 1}})
    both = rules(FACTORS + RATES, allocation="factors")
    for part in ("pro · assets · mix:gone@1", "pro · assets"):  # the model's mix changed, or it had none yet
        found = places(Waited(key("old", part=part)), both, mixed)
        assert [p.key.part for p in found] == ["pro · assets · mix:a@1"]


def test_what_a_plan_pays_is_shared_at_its_own_rate() -> None:
    found = pools([sold(1000), replace(sold(10), rate="pro"), replace(sold(40), rate="pro")], rules(RATES))
    # 20 % of 1,000, and 40 % of 50.
    assert [(p.key.part, p.share, p.net_micros, p.distributable_micros, p.count) for p in found] == [
        ("", Fraction(1, 5), 1000, 200, 2), ("pro", Fraction(2, 5), 50, 20, 4),
    ]  # fmt: skip


def test_the_pool_of_a_stream_with_its_own_table_is_of_that_table() -> None:
    assert pool_key(sold(1, stream="download"), OWN_TABLE, PINNED) == key(table="download")
    assert pool_key(sold(1, stream="generation"), OWN_TABLE, PINNED) == key(table="default")


def test_a_lost_pool_of_customers_fees_has_no_dataset_versions() -> None:
    (lost,) = pools([], rules(allocation="by_usage"), carried={key("", part="gone"): -7})
    assert (lost.terms, lost.versions, lost.count, lost.carried_out_micros) == (None, [], 0, -7)


def test_by_a_decision_money_goes_where_it_waited_or_with_a_model() -> None:
    waits = key("unheard")
    (same,) = places(Waited(waits, decided=True), PLAIN, PINNED)
    assert (same.key, same.weight) == (waits, 1)
    (other,) = places(Waited(waits, decided=True, model="n"), PLAIN, PINNED)
    assert other.key == key("n")
    assert (same.terms, same.part.label) == (PLAIN.tables["default"], "")
    assert (other.terms, other.weight) == (PLAIN.tables["default"], 1)
    assert places(Waited(replace(waits, part="gone"), decided=True), PLAIN, PINNED) == []
    (moved,) = places(Waited(replace(waits, table="gone"), decided=True), PLAIN, PINNED)
    assert moved.key == waits
    factors = rules(FACTORS, allocation="factors")
    (part,) = places(Waited(replace(waits, part="measure:income"), decided=True), factors, PINNED)
    assert (part.key, part.part.measure) == (replace(waits, part="measure:income"), "measure:income")
    assert places(Waited(waits, decided=True, model="unheard"), PLAIN, PINNED) == []


def test_a_mix_divides_what_is_released_and_factors_by_assets_take_it() -> None:
    mixed = replace(MATCHED, mixes={"n": {"a@1": 1, "b@1": 3}}, matches={"model": {"old": "n"}})
    found = pools([], PLAIN, mixed, released={Waited(key("old")): 10})
    # 10 by 1:3 is 2.5 and 7.5; the tie goes to the first.
    assert [(p.key.part, p.released_micros, p.versions) for p in found] == [
        ("mix:a@1", 3, ["a@1"]), ("mix:b@1", 7, ["b@1"]),
    ]  # fmt: skip
    factors = rules(FACTORS, allocation="factors")
    (place,) = places(Waited(key("old", part="measure:income")), factors, MATCHED)
    assert place.key == key(part="assets")


def test_parts_by_measures_need_no_dataset() -> None:
    factors = rules(FACTORS, allocation="factors")
    found = pools([sold(10, "unheard")], factors)
    assert [(p.key.part, p.measure, p.versions, bool(p.suspense_reason)) for p in found] == [
        ("assets", "assets", [], True), ("measure:income", "measure:income", [], False),
    ]  # fmt: skip
    assert nothing_to_divide_by("measure:income") == "nobody has any income in this cycle"
    assert nothing_to_divide_by("directed:style") == "nobody has any style in this cycle"
    assert {nothing_to_divide_by(m) for m in ("assets", "weight")} == {
        "no asset of its dataset versions earns under this policy"
    }


def test_what_is_attributed_comes_off_the_pool_of_its_sales() -> None:
    directed = rules('[streams.default.directed]\nstyle = "10%"\n')
    found = pools([sold(100)], directed, attributed=[Attributed("generation", "m", "", "USD", "", "style", 10)])
    assert [(p.key.part, p.net_micros) for p in found] == [("", 90), ("directed:style", 10)]


def test_what_several_days_attribute_and_deduct_comes_together() -> None:
    directed = rules('base = "net"\n[streams.default.directed]\nstyle = "10%"\nmodified = "5%"\n')
    days = [DAY, DAY.replace(day=11), DAY.replace(day=12)]
    sums = [sold(net, deducted=off, day=day) for net, off, day in zip((100, 200, 300), (7, 11, 13), days, strict=True)]
    asked = [
        Attributed("generation", "m", "", "USD", "", role, micros, day)
        for role, micros, day in (("style", 10, days[0]), ("style", 20, days[1]), ("modified", 5, days[1]), ("style", 1, days[1]))
    ]  # fmt: skip
    found = {p.key.part: p for p in pools(sums, directed, attributed=asked, exchange=Exchange("USD", {}, "as it came"))}
    assert {part: (p.net_micros, p.deducted_micros, p.count) for part, p in found.items()} == {
        "": (564, 31, 6), "directed:style": (31, 0, 0), "directed:modified": (5, 0, 0),
    }  # fmt: skip


def test_pools_in_one_currency_are_converted_by_the_day() -> None:
    rates = {(DAY, "EUR"): Found(Fraction("1.1"), DAY, "ECB", "as given")}
    exchange = Exchange("USD", rates, "at the day's rate")
    sums = [sold(100, currency="EUR", day=DAY), sold(7, day=DAY)]
    (found,) = pools(sums, exchange=exchange)
    assert (found.key, found.net_micros, found.count) == (key(), 117, 4)
    assert found.words.endswith(" · at the day's rate")
    told = conversions(sums=sums, rulebook=PLAIN, pinned=PINNED, exchange=exchange)
    assert told == [Converted(DAY, "EUR", "USD", rates[DAY, "EUR"], 1, 100, 110)]
    assert conversions(sums=sums, rulebook=PLAIN, pinned=PINNED, exchange=None) == []
    # A deficit in another currency has no rate, and no words of one.
    (_, old) = sorted(pools(sums, exchange=exchange, carried={key(currency="GBP"): -1}), key=lambda p: -p.net_micros)
    assert (old.key.currency, "at the day's rate" in old.words) == ("GBP", False)
