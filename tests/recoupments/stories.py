"""A shop whose policy takes debts back and keeps a reserve, month by month."""

from datetime import UTC, datetime

from revshare.cycles.models import Cycle
from revshare.policies.operations import register
from revshare.recoupments import operations as recoupments
from revshare.recoupments.models import Debt, Recouped
from revshare.verification.operations import verify
from tests.stories import Story

M = 1_000_000
STREAM = '[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\nallocation = "asset_count"\n'
CAP = '[recoupment]\ncap = "25%"\nnotice_days = 30\n'
RESERVE = '[reserve]\nshare = "10%"\ncycles = 3\n'
DEALS = (
    '[streams.data_deal]\ncontributor_share = "20%"\npooling = "per_model"\nallocation = "asset_count"\n'
    '[streams.data_deal.reserve]\nshare = "30%"\ncycles = 2\n'
)


def shop(story: Story, *tables: str) -> None:
    """Ann has three assets of the datasets of model m, Ben has one; each month sells for 100 dollars, of which Ann gets
    15 and Ben 5."""
    story.take(
        "contributors", ("contributor_id", "contributor_name", "payee_id"),
        [("ann", "Ann", "P-ann"), ("ben", "Ben", "P-ben"), ("agnes", "Agnes", "P-agnes")],
    )  # fmt: skip
    story.models(("m", "ds@1"))
    story.attributions(*[("ds@1", f"a{i}", "ann") for i in range(3)], ("ds@1", "b1", "ben"))
    policy(story, *tables)


def policy(story: Story, *tables: str, name: str = "p") -> None:
    text = f'name = "{name}"\nversion = "1"\n' + STREAM + "".join(tables)
    story.policies[name], _ = register(content=text.encode(), act=story.act())


def month(story: Story, number: int, *, sold: str = "100", policy: str = "p") -> Cycle:
    """The cycle of a month of 2026, calculated and published on the fifth of the next one."""
    story.at = datetime(2026, number + 1, 5, 12, tzinfo=UTC)
    if sold:
        story.sales((f"s{number}", f"2026-{number:02}-10T00:00:00Z", "m", "USD", sold))
    return story.publish(f"2026-{number:02}", f"2026-{number:02}-01", f"2026-{number + 1:02}-01", policy=policy)


def advance(story: Story, name: str, micros: int, *, currency: str = "USD") -> Debt:
    """Asked for by Fiona, granted by Adam."""
    debt = recoupments.ask_for_advance(
        contributor_id=name, currency=currency, amount_micros=micros, act=story.act("fiona", "a new camera")
    )
    recoupments.approve(number=debt.pk, act=story.act("adam", "agreed"))
    return debt


def taken(cycle: Cycle) -> list[tuple[str, int, int]]:
    """(whose, of what they earned, how much) by debt."""
    rows = Recouped.objects.filter(cycle=cycle).order_by("debt_id")
    return list(rows.values_list("debt__contributor_id", "earned_micros", "amount_micros"))


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []
