"""A decision made on a page comes in as a file of one row."""

from datetime import timedelta

import pytest

from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.consents.models import Consent
from revshare.errors import Refused
from revshare.files.models import IngestedFile, QuarantinedRow
from revshare.ingest.decisions import decide
from tests.conftest import AT
from tests.stories import Story

pytestmark = pytest.mark.django_db


def act_of(minute: int) -> Act:
    return Act(actor="ann-1", at=AT + timedelta(minutes=minute, microseconds=3))


def test_it_has_a_file_an_arrival_and_an_event(story: Story) -> None:
    story.attributions(("v1", "a,1", "=ann"))
    made = decide(
        contributor_id="=ann", decision="opt_out", asset_id="a,1", scope="v1", through="portal", act=act_of(0)
    )
    again = decide(contributor_id="=ann", decision="opt_in", asset_id="a,1", scope="v1", through="api", act=act_of(1))
    assert list(Consent.objects.order_by("pk").values_list(
        "contributor_id", "asset_id", "scope", "decision", "effective_at", "source"
    )) == [
        ("=ann", "a,1", "v1", "opt_out", act_of(0).at, "portal: ann-1"),
        ("=ann", "a,1", "v1", "opt_in", act_of(1).at, "api: ann-1"),
    ]  # fmt: skip
    assert (made.file.rows_in, made.file.rows_accepted, made.file.loaded_by) == (1, 1, "ann-1")
    assert (made.arrival, again.arrival > made.arrival) == (made.file.pk, True)
    event = Event.objects.filter(action="consent.decided").order_by("seq").first()
    assert event is not None
    assert (event.actor, event.object, event.detail["file"]) == ("ann-1", "contributor:=ann", made.file.pk)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"decision": "out"}, "decision_unknown"),
        ({"asset_id": "x" * 300}, "id_too_long"),
        ({"scope": "a\u200bb"}, "id_characters"),
        ({"contributor_id": "nobody"}, "contributor_unknown"),
    ],
)
def test_what_cannot_be_decided_leaves_nothing_behind(story: Story, changed: dict[str, str], code: str) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", "Ann")])
    before = IngestedFile.objects.count(), Event.objects.count()
    asked = {"contributor_id": "ann", "decision": "opt_out", "asset_id": "", "scope": ""} | changed
    with pytest.raises(Refused) as refused:
        decide(**asked, through="portal", act=act_of(0))
    assert refused.value.code == code
    assert (IngestedFile.objects.count(), Event.objects.count()) == before
    assert not QuarantinedRow.objects.exists()
    assert not Consent.objects.exists()
