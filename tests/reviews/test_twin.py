"""Random months: the differences, takings and holdings are what a slow twin says."""

from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from revshare.cycles.models import Cycle
from revshare.cycles.queries import pinned_of
from revshare.cycles.review import before, make_review
from revshare.reviews.holdings import growth
from revshare.reviews.models import Review
from tests.examples import examples
from tests.reviews import slow_review
from tests.reviews.conftest import calculate, policy, sell
from tests.stories import Story

NAMES = ("ann", "ben", "cy", "dora", "evi")
assets = st.lists(st.tuples(st.sampled_from(("a@1", "b@1")), st.sampled_from(NAMES)), min_size=1, max_size=9)
sales = st.lists(
    st.tuples(st.sampled_from(("", "k1", "k2")), st.sampled_from(("m", "n")), st.integers(-30, 900)), max_size=6
)
months = st.lists(sales, min_size=3, max_size=3)


@settings(
    max_examples=examples(quick=3, long=5),
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(held=assets, sold=months, grown=assets)
def test_random_months_are_what_the_slow_twin_says(story: Story, held: Any, sold: Any, grown: Any) -> None:
    with transaction.atomic():
        number = story.files
        policy(story, name=f"p{number}")
        story.attributions(*((version, f"{version}-{place}", name) for place, (version, name) in enumerate(held)))
        story.models(("m", "a@1"), ("n", "b@1"))
        for month, rows in enumerate(sold, 1):
            if month == 3:  # another dataset version comes into use
                story.attributions(*(("c@1", f"c{place}", name) for place, (_, name) in enumerate(grown)))
                story.models(("m", "c@1"))
            sell(story, month, *((customer, model, f"{cents / 100:.2f}") for customer, model, cents in rows if cents))
            cycle = calculate(story, month, policy=f"p{number}")
            check(cycle, make_review(key=cycle.key, act=story.act()))
        transaction.set_rollback(True)


def check(cycle: Cycle, review: Review) -> None:
    last = before(cycle)
    review.refresh_from_db()
    assert review.before == last
    facts = review.facts
    codes = {currency for currency, _ in {**slow_review.earned(cycle), **slow_review.earned(last)}}
    assert [item["currency"] for item in facts["differences"]] == sorted(codes)
    for item in facts["differences"]:
        told = {name: _plain(value) for name, value in item.items() if name != "currency"}
        assert told == slow_review.difference(cycle, last, item["currency"])
    told = {currency: item["by"] for currency, item in facts["takings"].items()}
    assert told == slow_review.takings(cycle)
    now, then = slow_review.held(cycle), slow_review.held(last) if last else {}
    found = growth(after=pinned_of(cycle).manifests, before=pinned_of(last).manifests if last else {})
    if not last or pinned_of(cycle).manifests != pinned_of(last).manifests:
        assert (found.total_ticks, found.holders_before) == (sum(now.values()), len(then))
        assert {h.contributor_id: (h.before_ticks, h.after_ticks) for h in found.grown} == {
            name: (then.get(name, 0), ticks) for name, ticks in now.items() if ticks > then.get(name, 0)
        }


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [(each["contributor_id"], each["before_micros"], each["after_micros"]) for each in value]
    return value
