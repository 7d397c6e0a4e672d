"""The formulas of a review, by hand."""

from fractions import Fraction

import pytest

from revshare.policies.reading import BadPolicy
from revshare.policies.review_terms import ReviewTerms, read_review
from revshare.reviews.differences import Difference, Mover
from revshare.reviews.findings import Facts, PoolFact, find
from revshare.reviews.holdings import Growth, Holding
from revshare.reviews.rules import Center, center, concentrated, expected, lower_median, percent, ratio, reaches, times
from revshare.reviews.takings import Sold, Takings

M = 1_000_000


def test_medians_are_values_that_there_are() -> None:
    assert lower_median([5]) == 5
    assert lower_median([9, 1, 4]) == 4
    assert lower_median([9, 1, 4, 5]) == 4


def test_the_score_of_iglewicz_and_hoaglin() -> None:
    """Median 14, distances 4 2 1 0 1 2 86, of which 2 is in the middle: 0.6745 × 86 ÷ 2."""
    found = center([10, 12, 13, 14, 15, 16, 100])
    assert found == Center(14, 2)
    assert found.score(100) == Fraction(6745 * 86, 20_000)
    assert found.score(14) == 0


def test_where_all_are_alike_the_spread_is_a_tenth_of_the_median() -> None:
    found = center([200] * 9)
    assert found.spread == 20
    assert found.score(240) == Fraction(6745 * 2, 10_000)
    assert center([0, 0, 0]).spread == 1


def test_ratios_and_parts() -> None:
    assert ratio(3, 2) == 1_500_000
    assert ratio(2, 3) == 666_666
    assert ratio(9 * 10**18, 1) == 2**63 - 1
    assert expected(10, 1_500_000) == 15
    assert reaches(-10, 1000, Fraction(1, 100))
    assert not reaches(9, 1000, Fraction(1, 100))
    assert not reaches(0, 0, Fraction(1, 100)), "nothing is no part of nothing"
    assert (percent(1, 3), percent(1, 0), times(7, 2)) == ("33.3%", "0.0%", "3.5 times")


def test_concentration_needs_a_limit_and_growth() -> None:
    def seen(part: int, before: int) -> bool:
        return concentrated(
            part=part, total=100, part_before=before, total_before=100, limit=Fraction(1, 10), growth=Fraction(1, 20)
        )

    assert seen(20, 15)
    assert not seen(20, 16)
    assert not seen(10, 0), "at the limit, not above it"
    assert not concentrated(
        part=9, total=9, part_before=0, total_before=0, limit=Fraction(1, 10), growth=Fraction(1, 20)
    )


def difference(**changed: object) -> Difference:
    usual = {
        "before_micros": 100 * M, "after_micros": 100 * M, "paid_before": 40, "paid_after": 40, "stayed": 40,
        "newcomers": 0, "newcomers_micros": 0, "dropouts": 0, "dropouts_micros": 0, "change": Center(M, 0),
        "best_before_micros": 5 * M, "best_after_micros": 5 * M, "largest": (Mover("ann", 5 * M, 5 * M),),
        "risers": (), "fallers": (), "new": (), "gone": (), "off": (),
    }  # fmt: skip
    return Difference("USD", **(usual | changed))  # type: ignore[arg-type]


def facts(*differences: Difference, **changed: object) -> Facts:
    usual = {"pools": (), "earlier_pools": (), "takings": {}, "earlier_takings": (), "growth": Growth(0, 0, ())}
    return Facts(differences=differences, **(usual | changed))  # type: ignore[arg-type]


def found(given: Facts, **terms: object) -> list[tuple[str, str, bool]]:
    return [(item.rule, item.subject, item.blocks) for item in find(given, ReviewTerms(**terms))]  # type: ignore[arg-type]


def test_a_contributor_far_from_the_others() -> None:
    ann = Mover("ann", 2 * M, 4 * M)
    off = facts(difference(off=(ann,)))
    assert found(off) == [("contributors", "ann", True)]
    assert found(off, without=("contributors",)) == []
    assert found(off, least_contributors=41) == []
    assert found(off, material=Fraction(3, 100)) == [], "2 of 100 is less than 3%"
    assert found(facts(difference(off=(ann,), change=Center(2 * M, 0)))) == [], "all doubled"


def test_what_is_too_much_to_list_is_counted() -> None:
    many = tuple(Mover(f"c{number:02}", 2 * M, 4 * M) for number in range(23))
    listed = find(facts(difference(off=many)), ReviewTerms())
    assert len(listed) == 21
    assert listed[-1].says.startswith("3 more")
    assert listed[-1].blocks


def test_a_pool_far_from_its_history() -> None:
    def pool(net: int) -> PoolFact:
        return PoolFact("p · USD", "USD", net * M, net * M // 5, 100, 3)

    history = [[pool(net)] for net in (90, 100, 110, 95, 105, 100)]
    assert found(facts(pools=[pool(200)], earlier_pools=history)) == [("pools", "p · USD", True)]
    assert found(facts(pools=[pool(20)], earlier_pools=history)) == [("pools", "p · USD", True)], "also downwards"
    assert found(facts(pools=[pool(140)], earlier_pools=history)) == [], "0.6745 × 40 ÷ 10 is below 3.5"
    assert found(facts(pools=[pool(200)], earlier_pools=history[1:])) == [], "five cycles are no history"


def test_who_comes_to_get_a_large_part() -> None:
    grown = difference(largest=(Mover("ann", 5 * M, 11 * M),))
    assert found(facts(grown)) == [("concentration", "ann", True)]
    assert found(facts(difference(largest=(Mover("ann", 11 * M, 11 * M),)))) == [("concentration", "ann", False)]
    first = difference(largest=(Mover("ann", 0, 50 * M),), before_micros=0, paid_before=0, stayed=0)
    assert found(facts(first)) == [("concentration", "ann", False)], "there was no cycle before"
    best = difference(best_after_micros=60 * M)
    assert found(facts(best)) == [("concentration", "best paid hundredth", True)]


def takings(net: int, **by: dict[str, Sold]) -> dict[str, Takings]:
    return {"USD": Takings(net * M, {"customer": {}, "model": {}, "file": {}} | by)}


def test_a_buyer_far_from_its_own_history() -> None:
    earlier = [takings(100, customer={"k": Sold(6 * M, 6)})] * 6
    now = takings(200, customer={"k": Sold(100 * M, 9), "small": Sold(9 * M, 1)})
    assert found(facts(takings=now, earlier_takings=earlier)) == [("sales", "customer k", True)]
    assert found(facts(takings=now, earlier_takings=earlier[1:])) == []
    less = takings(100, customer={"k": Sold(0, 1)})
    assert found(facts(takings=less, earlier_takings=earlier)) == [], "who buys less inflates nothing"


def test_a_file_whose_sales_are_dearer_than_ever() -> None:
    earlier = [takings(100, file={str(number): Sold(100 * M, 100)}) for number in range(6)]
    now = takings(100, file={"9": Sold(60 * M, 6), "10": Sold(40 * M, 40)})
    assert found(facts(takings=now, earlier_takings=earlier)) == [("sales", "file 9", True)]


def test_assets_that_come_out_of_nowhere() -> None:
    jump = Growth(1000, 30, (Holding("new", 0, 300), Holding("ann", 100, 250), Holding("ben", 200, 300)))
    assert found(facts(growth=jump)) == [("assets", "new", True), ("assets", "ann", True)]
    assert found(facts(growth=Growth(1000, 29, jump.grown))) == []
    assert found(facts(growth=jump), assets_part=Fraction(1, 5)) == [("assets", "new", True)]


def test_the_table_of_a_policy() -> None:
    assert read_review({}) == ReviewTerms()
    given = {"score": "5", "material": "2%", "least_cycles": 3, "without": ["sales"]}
    assert read_review({"review": given}) == ReviewTerms(
        score=Fraction(5), material=Fraction(1, 50), least_cycles=3, without=("sales",)
    )
    for wrong in ({"score": "0"}, {"score": 3.5}, {"least_cycles": 0}, {"without": ["money"]}, {"typo": 1}):
        with pytest.raises(BadPolicy):
            read_review({"review": wrong})
