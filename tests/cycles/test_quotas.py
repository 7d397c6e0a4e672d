"""Quotas of plans and files that are void: what should not have come uses up no quota. Worked out by hand."""

import pytest

from revshare.cycles.models import Cycle
from revshare.files.models import IngestedFile
from revshare.files.voiding import void
from revshare.policies.operations import register
from revshare.verification.operations import verify
from tests.stories import Story, payouts

pytestmark = pytest.mark.django_db
M = 1_000_000
SALES = ("sale_id", "sold_at", "stream", "model", "currency", "gross_amount", "customer_id", "plan")
USAGE = ("customer_id", "model", "day", "units")
QUOTA = (
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n[[streams.default.rates]]\nplan = "pro"\ncontributor_share = "20%"\nquota = 1000\n'
    'over = "40%"\n'
)
UNCOUNTED = (
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "by_usage"\n[[streams.default.rates]]\nplan = "free"\ncontributor_share = "20%"\n'
    "counts_use = false\n"
)


def begin(story: Story, policy: str) -> None:
    """Ann has the one asset of model m, Ben that of model n."""
    story.models(("m", "ds@1"), ("n", "ds@2"))
    story.attributions(("ds@1", "a", "ann"), ("ds@2", "b", "ben"))
    story.policies["p"], _ = register(content=policy.encode(), act=story.act())


def void_last(story: Story, kind: str) -> None:
    void(file_id=IngestedFile.objects.filter(kind=kind).latest("pk").pk, reason="a test", act=story.act())


def clean() -> None:
    assert verify(cycles=list(Cycle.objects.all())).findings == []


def test_use_of_a_void_file_is_not_beyond_the_quota(story: Story) -> None:
    begin(story, QUOTA)
    story.take("sales", SALES, [("s1", "2026-03-03T10:00:00Z", "default", "m", "USD", "100.00", "k1", "pro")])
    story.take("usage", USAGE, [("k1", "m", "2026-03-04", "4000")])
    void_last(story, "usage")
    story.take("usage", USAGE, [("k1", "m", "2026-03-04", "2000")])
    march = story.publish("march", "2026-03-01", "2026-04-01")
    # Half of the fee is beyond the quota: 20 % of 50, and 40 % of 50.
    assert payouts(march) == {"ann": 30 * M, "<platform>": 70 * M}
    clean()


def test_a_sale_of_a_void_file_does_not_make_use_count(story: Story) -> None:
    begin(story, UNCOUNTED)
    story.take("sales", SALES, [
        ("s1", "2026-03-03T10:00:00Z", "default", "m", "USD", "100.00", "k1", "pro"),
        ("s2", "2026-03-03T10:00:00Z", "default", "m", "USD", "0.00", "k2", "free"),
    ])  # fmt: skip
    story.take("sales", SALES, [("s3", "2026-03-05T10:00:00Z", "default", "m", "USD", "100.00", "k2", "pro")])
    void_last(story, "sales")
    story.take("usage", USAGE, [("k1", "m", "2026-03-04", "10"), ("k2", "n", "2026-03-04", "30")])
    march = story.publish("march", "2026-03-01", "2026-04-01")
    # What k2 used, on a free plan only, does not count: all goes to m.
    assert payouts(march) == {"ann": 20 * M, "<platform>": 80 * M}
    clean()
