"""The command that does for contributors what their pages do."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from revshare.access.operations import create_user
from revshare.audit_trail.models import Event
from revshare.consents.models import Consent
from revshare.payouts.models import Destination

pytestmark = pytest.mark.django_db


def test_each_deed_of_a_page_has_its_command(story: Any, tmp_path: Path, capsys: Any) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", "Ann"), ("ben", "Ben")])
    story.attributions(("d@1", "1", "ann"), ("d@1", "2", "ben"))
    story.models(("m", "d@1"))
    story.policy()
    story.sales(("s", "2026-05-10T00:00:00Z", "m", "USD", "10"))
    story.publish("may", "2026-05-01", "2026-06-01")
    for name in ("ann", "ben"):
        create_user(name=name, roles=["contributor"], contributor_id=name, password="x", act=story.act())

    def said(*words: str) -> Any:
        call_command("contributor", *words, "--json")
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    [balance] = said("ann", "balances")["balances"]
    assert (balance["currency"], balance["balance_micros"]) == ("USD", "1000000")  # $10 × 20% ÷ 2
    assert said("ann", "letters", "--language", "ja") == {"language": "ja", "unwanted": []}
    assert said("ann", "letters", "--leave", "action_needed") == {"language": "ja", "unwanted": ["action_needed"]}
    out = tmp_path / "mine.zip"
    assert said("ann", "data", "--out", str(out))["bytes"] == out.stat().st_size
    assert "Ann" in zipfile.ZipFile(out).read("contributor.csv").decode()
    said("ann", "opt-out", "--asset", "1", "--by", "ann")
    assert Consent.objects.get().source == "command: ann"
    masked = said("ann", "destination", "--text", "DE89 3704 0044 0532 0130 00 COBADEFF")["destination"]
    assert masked not in ("", Destination.objects.get().text)
    assert said("ann", "ask-deletion", "--text", "bye")["request"]
    assert Event.objects.filter(object="contributor:ann", action="deletion.asked", actor="command-line").exists()
    for wrong in (
        ("zed", "balances"),  # nobody
        ("ann", "data"),  # to nowhere
        ("ann", "opt-out", "--by", "ben"),  # somebody else
        ("ann", "ask-deletion"),  # one waits already
    ):
        with pytest.raises((CommandError, SystemExit)):
            call_command("contributor", *wrong)
