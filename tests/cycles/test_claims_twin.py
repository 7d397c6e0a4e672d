"""Claims against the slow twin, on random small marketplaces of two months: whose money is held, who gets it, and whose
the assets are from then on."""

from collections import defaultdict
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from revshare.allocation.releasing import decide
from revshare.claims.operations import file_claim, prove
from revshare.ledger.models import NamedLeg
from tests.cycles.slow_methods import Twin
from tests.cycles.slow_rules import Claimed, World
from tests.cycles.test_methods_twin import clean, real, tell, without_zeros
from tests.cycles.worlds import PEOPLE, worlds
from tests.examples import examples
from tests.stories import Story

STATES = {"prove": "proven", "uphold": "upheld", "reject": "rejected"}
moves = st.sampled_from([(), (), ("prove",), ("prove", "uphold"), ("reject",), ("prove", "reject")])
# Which record's asset, by whom, before which month, and what comes of it before June and before July is closed.
claims = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(PEOPLE), st.integers(0, 1), moves, moves), min_size=1, max_size=4
)  # fmt: skip


class Court:
    """Files and decides claims, in the product and in the world; `moved`: what decisions gave contributors."""

    def __init__(self, story: Story, world: World, twin: Twin, drawn: list[Any]) -> None:
        self.story, self.world, self.twin, self.drawn = story, world, twin, drawn
        self.moved: dict[tuple[str, str], int] = defaultdict(int)
        self.fates: dict[int, Any] = {}

    def sit(self, cycle: int) -> None:
        for claim in self.world.claims:
            self._move(claim, self.fates[claim.number][1])
        for place, who, when, early, late in self.drawn:
            if when == cycle and self.world.records:
                self._file(self.world.records[place % len(self.world.records)], who, (early, late))
        self.twin.close(cycle)

    def _file(self, record: Any, who: str, fate: tuple[Any, Any]) -> None:
        about = (record.version, record.asset)
        if any((c.version, c.asset) == about and c.state in ("filed", "proven") for c in self.world.claims):
            return
        made = file_claim(
            claimant_id=who, dataset_version=about[0], asset_id=about[1], proof="the raw file", act=self.story.act()
        )
        claim = Claimed(made.pk, *about, who)
        self.world.claims.append(claim)
        self.fates[claim.number] = fate
        self._move(claim, fate[0])

    def _move(self, claim: Claimed, actions: tuple[str, ...]) -> None:
        for action in actions:
            if claim.state in ("upheld", "rejected") or (action == "prove" and claim.state == "proven"):
                continue
            if action == "prove":
                prove(number=claim.number, evidence="the negative", act=self.story.act())
            else:
                decide(number=claim.number, action=action, reason="it was looked at", act=self.story.act("adam"))
            claim.state = STATES[action]
            if claim.state in ("upheld", "rejected"):
                self._release(claim)

    def _release(self, claim: Claimed) -> None:
        for (_, who, number, currency), micros in self.twin.held.items():
            if number == claim.number:
                self.moved[claim.claimant if claim.state == "upheld" else who, currency] += micros


@pytest.mark.usefixtures("one_duckdb")
@settings(real, max_examples=examples(quick=2, long=8))
@given(world=worlds(), drawn=claims)
def test_claims_are_what_the_slow_twin_says(story: Story, world: World, drawn: list[Any]) -> None:
    with transaction.atomic():
        court = Court(story, world, Twin(world, 0), drawn)
        assert tell(story, world, before=court.sit) == without_zeros(court.twin.result)
        moved: dict[tuple[str, str], int] = defaultdict(int)
        for leg in NamedLeg.objects.filter(journal__kind="claim", account__startswith="payable:"):
            assert leg.side == "C"
            moved[leg.account.removeprefix("payable:"), leg.currency] += leg.amount_micros
        assert moved == {about: micros for about, micros in court.moved.items() if micros}
        clean()
        transaction.set_rollback(True)
