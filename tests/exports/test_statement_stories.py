"""Statements of several pools, of a deficit, of measures, of a draft: what their sentences and their PDF say."""

from typing import Any

import pytest

from revshare.exports import statement_pdf as pdf
from revshare.exports.statement_reading import document
from revshare.policies.operations import register
from revshare.statements.models import Statement
from revshare.statements.queries import explain
from tests.exports.test_statement_documents import by_contributor
from tests.portal.conftest import ANN, BEN, CY, worked_example
from tests.portal.pdf_text import pdf_text
from tests.stories import Story


def test_several_pools_are_a_sum_with_a_sentence_each(story: Any) -> None:
    worked_example(story)
    story.attributions(("deal@1", "x1", BEN), ("deal@1", "x2", CY))
    story.deals(("d1", "2026-05-20T00:00:00Z", "deal@1", "USD", "100.00"))
    story.publish("2026-05", "2026-05-01", "2026-06-01", zone="Europe/London")
    doc = by_contributor("2026-05")[BEN]
    assert doc.answer == "You earned $10.00 + $0.333333 = $10.333333: your parts of 2 pools."
    assert [item.scope for item in doc.lines] == ["Dataset deal@1", "Model m"]
    assert doc.lines[0].sentence == (
        "20% of $100.00 net sales is a pool of $20.00; you hold 1 of 2 assets; your part is $10.00"
    )


def test_a_deficit_is_told_in_both_cycles(story: Any) -> None:
    worked_example(story)
    story.sales(("u1", "2026-04-02T00:00:00Z", "m", "USD", "-5.00"))
    story.publish("2026-04", "2026-04-01", "2026-05-01", zone="Europe/London")
    story.publish("2026-05", "2026-05-01", "2026-06-01", zone="Europe/London")
    assert by_contributor("2026-04")[BEN].answer == (
        "Sales and refunds came to −$5.00 net sales, so the pool is $0.00 and the deficit is carried on; "
        "you hold 1/3 of one asset, out of 2 assets; your part is $0.00."
    )
    assert by_contributor("2026-05")[BEN].answer.startswith(
        "20% of $5.000003 ($10.000003 net sales less a deficit of $5.00 carried from the cycle before) "
        "is a pool of $1.00, rounded down to a millionth; "
    )


@pytest.mark.parametrize(
    ("by", "said", "not_said"),
    [
        ("assets", ("All assets", "Your assets", "your ticks ÷ all ticks"), ("All units", "other measures")),
        ("weighted", ("All units", "Your units", "your units ÷ all units", "other measures in units of their own"),
         ("All assets", "Your assets")),
    ],
)  # fmt: skip
def test_the_pdf_says_assets_only_where_pools_are_divided_by_assets(
    story: Story, by: str, said: tuple[str, ...], not_said: tuple[str, ...]
) -> None:
    head = 'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    allocation = "weighted" if by == "weighted" else "asset_count"
    story.policies["p"], _ = register(content=f'{head}allocation = "{allocation}"\n'.encode(), act=story.act())
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "a", "ann"), ("ds@1", "b", "ben"))
    story.sales(("s", "2026-05-10T00:00:00Z", "m", "USD", "10"))
    cycle = story.publish("may", "2026-05-01", "2026-06-01")
    doc = document(explain(Statement.objects.get(cycle=cycle, contributor_id="ann")))
    text = pdf_text(pdf.statement_pdf(doc))
    for words in said:
        assert words in text, words
    for words in not_said:
        assert words not in text, words


def test_a_draft_is_marked_and_dated_by_its_period(story: Any) -> None:
    worked_example(story)
    story.calculate("2026-05", "2026-05-01", "2026-06-01", zone="Europe/London")
    content = pdf.statement_pdf(by_contributor("2026-05")[ANN])
    assert "DRAFT: not published" in pdf_text(content)
    assert b"/CreationDate(D:20260531230000Z)" in content


def test_many_lines_run_over_pages(story: Any) -> None:
    worked_example(story)
    versions = [f"deal-{'x' * 100}-{at:02d}@1" for at in range(30)]
    story.attributions(*((version, "x", BEN) for version in versions))
    story.deals(*((f"d{at}", "2026-05-20T00:00:00Z", version, "USD", "1.00") for at, version in enumerate(versions)))
    story.publish("2026-05", "2026-05-01", "2026-06-01", zone="Europe/London")
    text = pdf_text(pdf.statement_pdf(by_contributor("2026-05")[BEN])).replace(pdf.BREAK, "")
    assert all(version in text for version in versions)
    assert "Page 2 of " in text
    assert text.count("Pool shared") >= 2
