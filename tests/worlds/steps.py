"""What can happen in a world, and how often. A step does something with the product and writes the same into the book:
`checks.after` compares the two after each. A new kind of step is a function of a `Play`, and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.worlds import steps_again, steps_cycle, steps_debts, steps_in, steps_money, steps_pay
from tests.worlds.play import Play


@dataclass(frozen=True)
class Step:
    do: Callable[[Play], None]
    often: int


STEPS = (
    Step(steps_in.sales, 10),
    Step(steps_in.late_sales, 4),
    Step(steps_in.refunds, 8),
    Step(steps_in.refund_before_its_sale, 1),
    Step(steps_in.outputs, 5),
    Step(steps_in.usage, 4),
    Step(steps_in.measures, 4),
    Step(steps_in.consents, 2),
    Step(steps_in.splits, 2),
    Step(steps_in.the_same_file_again, 1),
    Step(steps_in.a_model_becomes_known, 2),
    Step(steps_in.a_manifest_is_corrected, 2),
    Step(steps_money.file_a_claim, 3),
    Step(steps_money.move_a_claim, 4),
    Step(steps_money.release_an_opt_out, 2),
    Step(steps_money.match_a_name, 2),
    Step(steps_money.settle_suspense, 2),
    Step(steps_money.share_suspense, 4),
    Step(steps_debts.advance, 2),
    Step(steps_debts.overpaid, 2),
    Step(steps_debts.write_off, 1),
    Step(steps_pay.hold_or_let_go, 2),
    Step(steps_pay.pay_in, 2),
    Step(steps_pay.prepare, 5),
    Step(steps_pay.move_a_batch, 6),
    Step(steps_pay.results, 4),
    Step(steps_cycle.the_same_again, 1),
    Step(steps_cycle.commit_to_statements, 2),
    Step(steps_again.void_a_file, 3),
    Step(steps_again.restate, 6),
)
CLOSING = (steps_cycle.lock, steps_cycle.calculate, steps_cycle.publish)


def chosen(play: Play) -> Callable[[Play], None]:
    """Any of them."""
    return play.rng.choices(STEPS, [step.often for step in STEPS])[0].do
