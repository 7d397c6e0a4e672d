"""What pools owe, over several cycles: listed with its age until sales have made up for it."""

from datetime import date

from revshare.pools.deficits import Deficit, deficits
from tests.recoupments.stories import M, clean, month, shop
from tests.stories import Story, payouts


def test_a_deficit_is_listed_with_its_age_until_it_is_made_up_for(story: Story) -> None:
    shop(story)
    month(story, 1)
    assert deficits() == []
    story.sales(("r1", "2026-02-15T00:00:00Z", "m", "USD", "-130"))  # a refund that names no sale
    assert payouts(month(story, 2)) == {"ann": 0, "ben": 0, "<carried>": -30 * M}
    assert deficits() == [Deficit("default · m · USD", "USD", 30 * M, 30 * M, "2026-02", date(2026, 2, 1), 1)]
    month(story, 3, sold="20")
    month(story, 4, sold="")
    (found,) = deficits()
    assert (found.amount_micros, found.worst_micros, found.since_cycle, found.cycles) == (10 * M, 30 * M, "2026-02", 3)
    # 100 dollars make up for the last 10; a fifth of the rest is shared, and nothing is owed any more.
    assert payouts(month(story, 5)) == {"ann": 13_500_000, "ben": 4_500_000, "<platform>": 72 * M}
    assert deficits() == []
    story.sales(("r2", "2026-06-15T00:00:00Z", "m", "USD", "-101"))
    month(story, 6)
    assert [(item.amount_micros, item.since_cycle) for item in deficits()] == [(M, "2026-06")]
    clean()
