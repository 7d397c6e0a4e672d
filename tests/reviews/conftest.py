"""A market of forty contributors and as many months as are asked for."""

from collections.abc import Callable
from datetime import date

import pytest

from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from tests.stories import SALES, Story

NAMES = [f"c{number:02}" for number in range(1, 41)]
Month = Callable[..., Cycle]
REVIEW = "[review]\nleast_cycles = 3\n"


def policy(story: Story, *, name: str = "p", review: str = REVIEW) -> None:
    from revshare.policies.operations import register

    text = f'name = "{name}"\nversion = "1"\n{review}[streams.default]\ncontributor_share = "20%"\n'
    text += 'pooling = "per_model"\nallocation = "asset_count"\n'
    story.policies[name], _ = register(content=text.encode(), act=story.act())


def market(story: Story) -> Story:
    """Contributor number n holds n assets of ds@1, which the model m was trained on."""
    assets = [(f"{name}-{number}", name) for place, name in enumerate(NAMES, 1) for number in range(place)]
    story.attributions(*(("ds@1", asset, name) for asset, name in assets))
    story.models(("m", "ds@1"))
    policy(story)
    return story


def sell(story: Story, number: int, *rows: tuple[str, str, str]) -> None:
    """(customer, model, amount), in one file, on the tenth of a month of 2026."""
    story.take("sales", (*SALES, "customer_id"), [
        (f"s{number}-{place}-{story.files}", f"2026-{number:02}-10T00:00:00Z", "generation", model, "", "USD", amount, "", customer)
        for place, (customer, model, amount) in enumerate(rows)
    ])  # fmt: skip


def calculate(story: Story, number: int, *, policy: str = "p") -> Cycle:
    start, end = date(2026, number, 1), date(2026 + number // 12, number % 12 + 1, 1)
    return story.calculate(f"{start:%Y-%m}", str(start), str(end), policy=policy)


def release(story: Story, cycle: Cycle) -> Cycle:
    """Submits, overrides whatever was found, approves and publishes."""
    cycles.submit(key=cycle.key, act=story.act())
    story.pass_findings(cycle.key)
    cycles.approve(key=cycle.key, act=story.act("adam"))
    return cycles.publish(key=cycle.key, act=story.act("adam"))


@pytest.fixture
def forty(story: Story) -> Story:
    return market(story)
