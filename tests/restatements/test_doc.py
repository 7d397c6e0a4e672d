"""The story of docs/corrections.md, told by real operations."""

import pytest

from revshare.files.models import IngestedFile
from revshare.files.voiding import void
from tests.conftest import ROOT
from tests.restatements.test_stories import clean, march, moved, restate
from tests.stories import Story, payouts, statements

pytestmark = pytest.mark.django_db


def signed(leg: tuple[str, str, int]) -> str:
    account, side, micros = leg
    return f"{account.removeprefix('payable:')} {micros if side == 'C' else -micros:,}"


def test_the_story_of_the_docs_is_what_happens(story: Story) -> None:
    published = payouts(march(story))
    wrong = IngestedFile.objects.filter(kind="sales").latest("pk").pk
    void(file_id=wrong, reason="amounts were in cents", act=story.act())
    story.sales(
        ("s1", "2026-03-03T10:00:00Z", "m", "USD", "10.00"), ("s2", "2026-03-20T10:00:00Z", "m", "USD", "40.00"),
    )  # fmt: skip
    first = restate(story, void=(wrong,), late=True)
    story.attributions(("ds@2", "1", "ann"), ("ds@2", "2", "ben"), ("ds@2", "3", "ben"), ("ds@2", "4", "cy"))
    second = restate(story, manifests={"ds@1": "ds@2"})
    april = statements(story.publish("april", "2026-04-01", "2026-05-01"))
    order = ("payable:ann", "payable:ben", "payable:cy", "platform", "sales")
    told = [
        f"march    published  ann {published['ann']:,}  ben {published['ben']:,}  platform {published['<platform>']:,}"
    ]
    for made in (first, second):
        legs = sorted(moved(made), key=lambda leg: order.index(leg[0]))
        told.append(f"{made.key}  posted     {'  '.join(map(signed, legs))}")
    for who in ("ann", "ben", "cy"):
        opening, _, adjusted, *_, closing = april.get(f"{who} USD", (5_000_000, 0, 0, 5_000_000))
        sign = "-" if adjusted < 0 else "+"
        told.append(f"april    statement  {who} {opening:,} {sign} {abs(adjusted):,} = {closing:,}")
    assert "\n".join(told) + "\n" in (ROOT / "docs" / "corrections.md").read_text()
    clean()


def test_the_story_of_chosen_sales(story: Story) -> None:
    march(story)
    day = "2026-03-20T10:00:00Z"
    story.sales(*[(sale, day, "m", "USD", amount) for sale, amount in (("s2", "40"), ("s3", "4"), ("s4", "8"))])
    made = restate(story, sales=("s3",))
    april = statements(story.publish("april", "2026-04-01", "2026-05-01"))
    told = [f"{made.key}  {made.words}  {'  '.join(map(signed, sorted(moved(made))))}"]
    for who in ("ann", "ben"):
        opening, earned, adjusted, *_, closing = april[f"{who} USD"]
        told.append(f"april    statement  {who} {opening:,} + {earned:,} earned + {adjusted:,} corrected = {closing:,}")
    assert "\n".join(told) + "\n" in (ROOT / "docs" / "corrections.md").read_text()
