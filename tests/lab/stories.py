"""A marketplace that policies differ on: three contributors, two dataset versions, weights, licences, an opt-out, a
measure, two currencies, a refund; and policies of different shapes."""

from collections.abc import Iterable

from revshare.lab.candidates import Candidate, drafted
from revshare.policies.operations import register
from tests.stories import SALES, Story

PERIOD = ("2026-06-01", "2026-07-01")
TABLE = '[streams.default]\ncontributor_share = "20%"\n'
POLICIES = {
    "assets": f'{TABLE}pooling = "per_model"\nallocation = "asset_count"\n',
    "single": f'{TABLE}pooling = "single"\nallocation = "asset_count"\n',
    "weighted": f'{TABLE}pooling = "per_model"\nallocation = "weighted"\n[eligibility]\nopted_out = "hold"\n',
    "factors": f'{TABLE}pooling = "single"\nallocation = "factors"\ncommons = "10%"\n'
    'factors = { assets = "50%", "measure:revenue" = "50%" }\n'
    '[eligibility]\nopted_out = "pay"\nexcluded_licences = ["editorial"]\n',
}


def text_of(name: str, version: str = "1") -> bytes:
    return f'name = "{name}"\nversion = "{version}"\n{POLICIES[name]}'.encode()


def drafts(names: Iterable[str]) -> list[Candidate]:
    return [drafted(text_of(name)) for name in names]


def set_up(story: Story) -> None:
    """Everything is in, nothing is frozen, and the policies are registered."""
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", "Ann"), ("ben", "Ben"), ("=cy", "Cy")])
    story.models(("m", "ds@1"), ("n", "ds@2"))
    header = ("dataset_version", "asset_id", "contributor_id", "weight", "licence")
    story.take("attributions", header, [
        ("ds@1", "1", "ann", "1", ""), ("ds@1", "2", "ann", "1", "editorial"), ("ds@1", "3", "ben", "2.5", ""),
        ("ds@1", "4", "=cy", "1", ""), ("ds@2", "5", "ben", "1", "editorial"), ("ds@2", "6", "=cy", "1", ""),
        ("ds@2", "6", "ann", "1", ""),
    ])  # fmt: skip
    story.take(
        "consents", ("contributor_id", "asset_id", "decision", "effective_at"),
        [("ann", "1", "opt_out", "2026-05-01T00:00:00Z")],
    )  # fmt: skip
    story.take(
        "measures", ("contributor_id", "measure", "start", "end", "value"),
        [("ben", "revenue", *PERIOD, "30.00"), ("=cy", "revenue", *PERIOD, "10.00")],
    )  # fmt: skip
    story.take("sales", SALES, [
        ("s1", "2026-06-10T00:00:00Z", "generation", "m", "", "USD", "100.00", ""),
        ("s2", "2026-06-11T00:00:00Z", "generation", "n", "", "USD", "33.33", ""),
        ("s3", "2026-06-12T00:00:00Z", "generation", "m", "", "EUR", "10.01", ""),
        ("s4", "2026-06-13T00:00:00Z", "generation", "unheard-of", "", "USD", "7.00", ""),
        ("r1", "2026-06-14T00:00:00Z", "generation", "n", "", "USD", "-3.33", "s2"),
    ])  # fmt: skip
    for name in POLICIES:
        story.policies[name], _ = register(content=text_of(name), act=story.act())
