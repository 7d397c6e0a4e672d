"""What was opted out before a manifest was frozen, and is in it all the same, is told and checked."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from revshare.cycles.models import Cycle
from revshare.cycles.opted_out import opted_out_of
from revshare.lake import storage
from revshare.manifests.models import Manifest
from revshare.verification.classes import class_weights
from revshare.verification.operations import verify
from tests.ownership import owner
from tests.stories import Story

pytestmark = pytest.mark.django_db
ASSET = 720_720
CONSENTS = ("contributor_id", "asset_id", "decision", "effective_at", "scope")
POLICY = """name = "p"
version = "1"
[streams.default]
contributor_share = "20%"
pooling = "per_model"
allocation = "asset_count"
[eligibility]
opted_out = "hold"
excluded_licences = ["editorial"]
"""


@pytest.fixture
def june(story: Story) -> Cycle:
    """Of four assets Ann opted out a1 (shared with Ben) and a2, which is under a licence that earns nothing anyway."""
    from revshare.policies.operations import register

    story.models(("m", "v1"))
    story.take("attributions", ("dataset_version", "asset_id", "contributor_id", "licence"), [
        ("v1", "a1", "ann", "std"), ("v1", "a1", "ben", "std"), ("v1", "a2", "ann", "editorial"),
        ("v1", "a3", "ann", "std"), ("v1", "b1", "ben", "std"),
    ])  # fmt: skip
    rows = [("ann", asset, "opt_out", "2026-01-01T00:00:00Z", "") for asset in ("a1", "a2")]
    story.take("consents", CONSENTS, rows)
    story.policies["p"], _ = register(content=POLICY.encode(), act=story.act())
    story.sales(("s", "2026-06-10T00:00:00Z", "m", "USD", "10"))
    return story.calculate("june", "2026-06-01", "2026-07-01")


def test_records_and_ticks_by_what_the_policy_does(june: Cycle) -> None:
    found = [(out.dataset_version, out.records, out.ticks, out.treatment) for out in opted_out_of(june)]
    assert found == [("v1", 1, ASSET, "exclude"), ("v1", 1, ASSET // 2, "hold")]
    text = StringIO()
    call_command("cycle", "show", "june", "--json", stdout=text)
    last = text.getvalue().splitlines()[-1]
    assert json.loads(last)["opted_out"] == [
        {"dataset_version": "v1", "records": 1, "ticks": ASSET, "treatment": "exclude"},
        {"dataset_version": "v1", "records": 1, "ticks": ASSET // 2, "treatment": "hold"},
    ]
    call_command("cycle", "show", "june", stdout=(told := StringIO()))
    assert "and in v1: 1 records (360,360 ticks), their money is held" in told.getvalue()


def test_nothing_is_told_where_nobody_opted_out(story: Story) -> None:
    story.models(("m", "v1"))
    story.attributions(("v1", "a1", "ann"))
    story.policy()
    story.sales(("s", "2026-06-10T00:00:00Z", "m", "USD", "10"))
    story.open("june", "2026-06-01", "2026-07-01")
    assert opted_out_of(Cycle.objects.get()) == []
    assert opted_out_of(story.calculate("june")) == []


def test_verify_names_weights_by_class_that_are_not_the_weights(june: Cycle) -> None:
    assert verify(cycles=[june]).findings == []
    manifest = Manifest.objects.get()
    right = manifest.class_totals
    for totals in (
        [right[0] | {"records": right[0]["records"] + 1}, *right[1:]],
        [right[0] | {"assets_ticks": right[0]["assets_ticks"] + 1}, *right[1:]],
    ):
        _change(manifest, class_totals=json.dumps(totals))
        assert [finding.invariant for finding in class_weights()] == ["I14"]
    _change(manifest, class_totals=json.dumps(right))
    assert list(class_weights()) == []
    path = storage().path("classes", manifest.classes_sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"x")
    assert [finding.where for finding in class_weights()] == ["manifest v1"]


def _change(manifest: Manifest, **columns: str) -> None:
    """As only somebody who goes round the triggers could."""
    with owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE manifests_manifest DISABLE TRIGGER USER")
        for name, value in columns.items():
            cursor.execute(f"UPDATE manifests_manifest SET {name} = %s WHERE id = %s", [value, manifest.pk])
        cursor.execute("ALTER TABLE manifests_manifest ENABLE ALWAYS TRIGGER manifests_manifest_moves")
