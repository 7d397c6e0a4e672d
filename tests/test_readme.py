"""The worked example of the README is what the product really does: its text is made here and looked for there."""

from pathlib import Path

from revshare.allocation.models import Allocation
from revshare.apportion import TICKS_PER_ASSET
from revshare.ledger.models import Leg
from revshare.money import format_micros, group_digits
from revshare.pools.models import Pool
from revshare.statements.models import Statement
from tests.conftest import ROOT
from tests.stories import Story

README = ROOT / "README.md"


def example(story: Story) -> str:
    """One sale of half a dollar, three contributors with an asset each."""
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a1", "ann"), ("ds@1", "b1", "ben"), ("ds@1", "c1", "cy"))
    story.policy(share="20%")
    story.sales(("s1", "2026-06-10T00:00:00Z", "m", "USD", "0.50"))
    cycle = story.publish("june", "2026-06-01", "2026-07-01")
    pool = Pool.objects.get(cycle=cycle)
    lines = [f"sale        s1        {group_digits(pool.net_micros):>8}  (0.50 USD)"]
    lines.append(
        f"pool        20%       {group_digits(pool.distributable_micros):>8}  ÷ {pool.denominator_ticks // TICKS_PER_ASSET} assets"
    )
    rows = Allocation.objects.filter(cycle=cycle, bucket="contributor").order_by("contributor_id")
    for row in rows:
        quota = f"{group_digits(pool.distributable_micros)} × {row.numerator_ticks // TICKS_PER_ASSET} ÷ 3"
        lines.append(f"allocation  {row.contributor_id:<8}  {group_digits(row.amount_micros):>8}  = {quota}")
    for leg in Leg.objects.order_by("-side", "-amount_micros", "account"):
        lines.append(
            f"journal     {'debit ' if leg.side == 'D' else 'credit'}    {group_digits(leg.amount_micros):>8}  {leg.account}"
        )
    for statement in Statement.objects.order_by("number"):
        closing = format_micros(statement.closing_micros, statement.currency)
        lines.append(
            f"statement   {statement.contributor_id:<8}  {group_digits(statement.closing_micros):>8}  {statement.number}: "
            f"opening {statement.opening_micros} + earned {statement.earned_micros} = {closing} USD"
        )
    return "\n".join(lines)


def test_the_worked_example_is_what_happens(story: Story) -> None:
    text = example(story)
    assert f"```\n{text}\n```" in README.read_text(encoding="utf-8"), text


def test_commands_and_files_that_the_documents_name_exist() -> None:
    documents = "".join(path.read_text(encoding="utf-8") for path in (README, ROOT / "ARCHITECTURE.md"))
    commands = {path.stem for path in (ROOT / "revshare" / "management" / "commands").glob("[a-z]*.py")}
    for name in commands:
        assert f"{name}" in documents, f"{name} is not documented"
    for target in ("make demo", "make test", "make serve", "make bench"):
        assert target in documents
    for line in documents.splitlines():
        for word in line.split("`")[1::2]:
            if (
                word.startswith(("revshare/", "tests/", "config/", "docs/", "fixtures/"))
                and "*" not in word
                and " " not in word
            ):
                assert Path(ROOT / word.split("::")[0]).exists(), word
