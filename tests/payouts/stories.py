"""A published month with balances to pay, and the steps of a batch."""

from revshare.files.operations import Report
from revshare.payouts import operations as payouts
from revshare.payouts.models import PaymentBatch
from tests.stories import Story

M = 1_000_000
RESULTS = ("payment_key", "result", "date", "reference", "reason")


def people(story: Story) -> None:
    """Ann, Ben and Cy have payees, Dee has none, and Eve is only known from the manifest. Of eight assets Ann has
    four, the others one each."""
    story.take(
        "contributors", ("contributor_id", "contributor_name", "payee_id"),
        [("ann", "Ann", "P-ann"), ("ben", "=Ben", "P-ben"), ("cy", "Cy", "P-cy"), ("dee", "Dee", "")],
    )  # fmt: skip
    story.models(("m", "ds@1"))
    story.attributions(
        *[("ds@1", f"a{i}", "ann") for i in range(4)], *[("ds@1", name, name) for name in ("ben", "cy", "dee", "eve")]
    )


def january(
    story: Story, *, payout: str = 'minimum = {USD = "3.00"}', sold: str = "100.00", currency: str = "USD"
) -> None:
    """A fifth of what is sold: of 100 dollars Ann has 10, the others 2.50 each."""
    people(story)
    story.policy(payout=payout)
    story.sales(("s1", "2026-01-10T00:00:00Z", "m", currency, sold))
    story.publish("jan", "2026-01-01", "2026-02-01")


def exported(story: Story, currency: str = "USD") -> PaymentBatch:
    batch = payouts.prepare(currency=currency, act=story.act("fiona"))
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=story.act("adam"))
    return payouts.release_to_bank(batch_id=batch.pk, act=story.act("fiona"))


def results(story: Story, *rows: tuple[str, ...]) -> Report:
    """(payment key, result, date, reference[, reason])"""
    return story.take("payment_results", RESULTS, [(*row, *[""] * (5 - len(row))) for row in rows])
