"""Random small worlds of twelve months on the real product, against a book kept by hand and a slow twin: contributors,
policies of all methods, splits, consents, claims, refunds, late sales, unknown names, currencies, payments, reserves,
void files, other manifests, restatements, advances and debts."""

from collections.abc import Callable

import pytest

from tests.stories import Story
from tests.worlds import checks
from tests.worlds.play import Play, begin
from tests.worlds.steps import CLOSING, chosen
from tests.worlds.steps_cycle import calculate
from tests.worlds.steps_in import rates, sales

WORLDS = 220  # in the last 20 of them restatements choose late sales
QUICK = 1  # of them is played by `make test`
SEEDS = [pytest.param(seed, id=f"seed-{seed}", marks=[pytest.mark.long] * (seed >= QUICK)) for seed in range(WORLDS)]


def play_step(play: Play, step: Callable[[Play], None]) -> None:
    play.told.append(f"{play.story.at:%Y-%m-%d %H} {step.__name__}")
    try:
        step(play)
        checks.after(play)
        if step is calculate:
            checks.statements(play)
            if play.rng.random() < 0.1:
                checks.verified(play, all_cycles=False)
    except BaseException as error:
        steps = "\n".join(play.told[-12:])
        error.add_note(f"World {play.seed}, step {len(play.told)}. The last ones:\n{steps}")
        raise
    play.later()


@pytest.mark.usefixtures("one_duckdb")
@pytest.mark.timeout(900)  # a world takes some 15 s of work, on a busy machine much longer
@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_of_twelve_months(story: Story, seed: int) -> None:
    play = begin(seed, story)
    for month in range(12):
        play.month_begins(month)
        play_step(play, rates)
        play_step(play, sales)
        for _ in range(play.rng.randint(1, 5)):
            play_step(play, chosen(play))
        play.month_ends(month)
        for step in CLOSING:
            if step is CLOSING[-1] and play.rng.random() < 0.3:
                continue  # published a month later
            play_step(play, step)
            if play.rng.random() < 0.4:
                play_step(play, chosen(play))
        while play.book.published < play.calculated - 1:
            play_step(play, CLOSING[-1])
    play_step(play, the_end)


def the_end(play: Play) -> None:
    checks.verified(play, all_cycles=True)
