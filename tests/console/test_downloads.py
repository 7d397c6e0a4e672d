"""Credits and consents as downloads of the console and by the command: staff only, and on record."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from revshare.audit_trail.models import Event
from tests.console.conftest import SignIn
from tests.stories import Story

pytestmark = pytest.mark.django_db
CREDITS = b"model,contributor_id,contributor_name,dataset_version,manifest_sha256,assets,licences,media_types\n"
CONSENTS = ("contributor_id", "decision", "effective_at", "source")


def test_staff_download_credits_and_consents(market: Story, sign_in: SignIn) -> None:
    market.take("consents", CONSENTS, [("ann", "opt_out", "2026-06-01T00:00:00Z", "letter")])
    fiona = sign_in("fiona")
    page = fiona.get("/console/downloads/").content.decode()
    assert 'href="/console/downloads/credits.csv?model=m&amp;link=' in page
    answer: Any = fiona.get("/console/downloads/credits.csv?model=m")
    assert b"".join(answer.streaming_content) == CREDITS + b"".join(
        b'm,%s,%s,ds@1,"",%d,"",""\n' % row for row in ((b"ann", b"Ann", 3), (b"ben", b"Ben", 1))
    )
    assert answer["Content-Disposition"] == 'attachment; filename="credits-m.csv"'
    answer = fiona.get("/console/downloads/consents/?format=jsonl&since=2026-06-01")
    assert json.loads(b"".join(answer.streaming_content))["source"] == "letter"
    noted = Event.objects.filter(actor="fiona", action__endswith=".exported").order_by("seq")
    assert [(event.action, event.detail) for event in noted] == [
        ("credits.exported", {"model": "m", "format": "csv"}),
        ("consents.exported", {"since": "2026-06-01", "format": "jsonl"}),
    ]


def test_refusals_are_said_and_others_do_not_come_in(market: Story, sign_in: SignIn) -> None:
    client = sign_in("olivia")
    assert "There is no model" in client.get("/console/downloads/credits.csv?model=x", follow=True).content.decode()
    assert "no day such as" in client.get("/console/downloads/consents/?since=x", follow=True).content.decode()
    assert client.get("/console/downloads/credits.exe?model=m").status_code == 404
    for path in ("/console/downloads/", "/console/downloads/credits.csv?model=m", "/console/downloads/consents/"):
        assert sign_in("carl").get(path).status_code == 403
        assert Client().get(path).status_code == 302
    assert not Event.objects.filter(action__endswith=".exported").exists()


def test_the_command(market: Story, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    call_command("export", "credits", "m")
    assert capfdbinary.readouterr().out.startswith(CREDITS + b"m,ann,Ann,")
    call_command("export", "consents", "--since", "2026-01-01", "--format", "jsonl", "--out", str(tmp_path / "c.jsonl"))
    assert (tmp_path / "c.jsonl").read_bytes() == b""
    for wrong in (["credits"], ["consents", "m"], ["credits", "m", "--since", "2026-01-01"]):
        with pytest.raises(CommandError):
            call_command("export", *wrong)
