"""docs/rules.md tells the truth: every story in it is played from its own files, and comes to the numbers it says."""

import csv
import re
from dataclasses import dataclass

import pytest

from revshare.cycles.models import Cycle
from revshare.money import format_micros
from revshare.policies import eligibility, terms
from revshare.policies.operations import register
from revshare.verification.operations import verify
from tests.conftest import ROOT
from tests.stories import Story, payouts

TEXT = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(toml|csv|text) ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ORDER = ("consents", "models", "attributions", "measures", "usage", "sales", "outputs")
USUAL = {"sold_at": "2026-06-10T00:00:00Z", "stream": "generation", "model": "m", "currency": "USD"}
MONTHS = {"june": ("2026-06-01", "2026-07-01"), "july": ("2026-07-01", "2026-08-01")}


@dataclass(frozen=True)
class Told:
    """A section of the document. `files`: by kind, as CSV; `months`: what each cycle comes to."""

    title: str
    policy: str
    files: dict[str, str]
    months: dict[str, str]


def told() -> list[Told]:
    first, *sections = re.split(r"^##+ ", TEXT, flags=re.MULTILINE)
    usual = {name: body for kind, name, body in BLOCK.findall(first) if kind == "csv"}
    stories = []
    for section in sections:
        blocks = BLOCK.findall(section)
        by_kind = {kind: {name: body for k, name, body in blocks if k == kind} for kind in ("toml", "csv", "text")}
        if blocks:
            stories.append(
                Told(section.partition("\n")[0], by_kind["toml"][""], usual | by_kind["csv"], by_kind["text"])
            )
    return stories


def come_to(cycle: Cycle) -> str:
    """As the document writes it: contributors, then buckets, by name."""
    found = sorted(payouts(cycle).items(), key=lambda item: (item[0].startswith("<"), item[0]))
    return "".join(f"{name.strip('<>')} {format_micros(micros, 'USD')}\n" for name, micros in found if micros)


@pytest.mark.parametrize("tale", told(), ids=lambda tale: tale.title)
def test_a_story_comes_to_what_it_says(story: Story, tale: Told) -> None:
    content = f'name = "p"\nversion = "1"\n{tale.policy}'
    story.policies["p"], _ = register(content=content.encode(), act=story.act())
    people = [(name, name) for name in ("ann", "ben")]
    story.take("contributors", ("contributor_id", "contributor_name"), people)
    for kind in ORDER:
        rows = list(csv.DictReader(tale.files.get(kind, "").splitlines()))
        if kind == "sales":
            rows = [{**USUAL, **row} for row in rows]
        if rows:
            report = story.take(kind, tuple(rows[0]), [tuple(row.values()) for row in rows])
            assert report.file.rows_accepted == len(rows), kind
    assert tale.months
    for month, says in tale.months.items():
        assert come_to(story.calculate(month, *MONTHS[month])) == says, month
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def test_every_method_and_key_has_its_place() -> None:
    named = {word for code in re.findall(r"`([^`\n]+)`", TEXT) for word in re.findall(r"\w+", code)}
    named |= {word for _, _, body in BLOCK.findall(TEXT) for word in re.findall(r"\w+", body)}
    for key in {*terms.KEYS, *terms.ALLOCATIONS, *terms.POOLINGS, *terms.ROLES, *terms.BASES, *eligibility.KEYS}:
        assert key in named, key
    told_of = {tale.policy.split('allocation = "')[1].split('"')[0] for tale in told()}
    assert told_of == set(terms.ALLOCATIONS)
