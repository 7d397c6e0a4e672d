"""The story of docs/review.md, played, and compared with what stands there to the letter."""

import pytest

from revshare.cycles import operations as cycles
from revshare.cycles.review import decide_finding
from revshare.errors import Refused
from revshare.policies.review_terms import ReviewTerms, read_review
from revshare.policies.rules import parse
from revshare.reviews.models import Finding
from revshare.reviews.queries import findings_of
from tests.conftest import ROOT
from tests.reviews.conftest import calculate, release, sell
from tests.stories import Story

TEXT = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")


def test_an_inflated_buyer(forty: Story) -> None:
    for number in (1, 2, 3):
        sell(forty, number, ("k1", "m", "60.00"), ("k2", "m", "40.00"))
        release(forty, calculate(forty, number))
    sell(forty, 4, ("k1", "m", "61.00"), ("k2", "m", "1200.00"))
    cycle = cycles.submit(key=calculate(forty, 4).key, act=forty.act())
    file = Finding.objects.get(subject__startswith="file").subject
    lines = [
        f"{item.number} {'open':<11} {item.rule}: {item.says}".replace(file, "file 7")
        for item in findings_of(cycle.pk).filter(blocks=True)
    ]
    assert "```\n" + "\n".join(lines) + "\n```" in TEXT
    why = "k2 says that it bought nothing"
    decide_finding(key=cycle.key, number=4, action="stop", act=forty.act("adam", why))
    with pytest.raises(Refused, match=why):
        cycles.approve(key=cycle.key, act=forty.act("vera"))
    assert release(forty, cycle).state == "published"


def test_the_values_are_those_that_hold_without_a_table() -> None:
    table = TEXT.partition("```toml\n")[2].partition("```")[0]
    stream = '[streams.default]\ncontributor_share = "20%"\npooling = "single"\nallocation = "asset_count"\n'
    assert parse(f'name = "p"\nversion = "1"\n{stream}{table}').review == read_review({}) == ReviewTerms()
