"""Findings told anew in the reader's language say what is stored, where that language is English."""

from dataclasses import replace

from django.utils.translation import override

from revshare.console.finding_words import retold, told
from revshare.policies.review_terms import RULES, ReviewTerms
from revshare.reviews.differences import Mover
from revshare.reviews.findings import Found, PoolFact, find
from revshare.reviews.holdings import Growth, Holding
from revshare.reviews.takings import Sold, Takings
from tests.reviews.test_rules import difference, facts, takings

M = 1_000_000
NET = 2_000 * M


def every_sentence() -> list[Found]:
    """One of each that a review knows, as it is stored: numbers as text."""
    many = tuple(Mover(f"c{number:02}", 2 * M, 1_234_560_000) for number in range(23))
    pool = PoolFact("p · USD", "USD", NET, M, 100, 3)
    now = takings(
        2_000, customer={"k": Sold(100 * M, 9)}, model={"m of mine": Sold(1_234 * M, 9)}, file={"7": Sold(NET, 2_000)}
    )
    was = Takings(2_000 * M, {"customer": {}, "model": {}, "file": {"6": Sold(M, 1_000)}})
    grown = (Holding("ann", 30, 100), Holding("ben", 0, 33))
    best = {"best_before_micros": 5 * M, "best_after_micros": 60 * M}
    settings = [
        facts(difference(off=many)),
        facts(difference(largest=(Mover("ann", 5 * M, 11 * M),), **best)),
        facts(difference(largest=(Mover("ann", 0, 50 * M),), before_micros=0, **best)),
        facts(pools=[pool], earlier_pools=[[replace(pool, net_micros=net * M)] for net in (9, 10, 11, 9, 10, 11)]),
        facts(takings=now, earlier_takings=[{"USD": was}] * 6),
        facts(growth=Growth(holders_before=40, total_ticks=1_000, grown=grown)),
    ]
    found = [item for given in settings for item in find(given, ReviewTerms())]
    return [replace(item, measured={name: str(value) for name, value in item.measured.items()}) for item in found]  # type: ignore[misc]


def test_in_english_it_is_what_is_stored() -> None:
    found = every_sentence()
    assert {item.rule for item in found} == set(RULES)
    assert {item.subject.partition(" ")[0] for item in found} >= {"", "best", "customer", "model", "file", "ann", "ben"}
    for item in found:
        assert retold(item, NET) == item.says
        assert told(item, NET) == item.says


def test_in_another_language_numbers_are_its_own_and_what_cannot_be_told_is_marked() -> None:
    [dear] = [item for item in every_sentence() if item.subject == "model m of mine"]
    with override("de"):
        assert "1.234,00 USD" in told(dear, NET)
        assert "61,7\xa0%" in told(dear, NET)
        old = replace(dear, measured={})
        assert told(old, NET) == f'<span lang="en">{dear.says}</span>'
