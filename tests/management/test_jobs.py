"""Jobs by command: listed, tried again, stopped; everything verified and the verdict kept."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from revshare.access.operations import create_user
from revshare.runs.models import Run
from revshare.runs.operations import start
from revshare.verification.models import StoredVerdict
from tests.stories import Story

pytestmark = pytest.mark.django_db


def told(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    call_command(*args, "--json")
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    with pytest.raises((SystemExit, CommandError)) as ended:
        call_command(*args)
    return capsys.readouterr().err + str(ended.value)


def test_everything_is_verified_and_kept(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    act = story.act("root")
    for name, role in (("olivia", "operator"), ("fiona", "finance")):
        create_user(name=name, roles=[role], contributor_id=None, password="secret", act=act)
    assert "Nothing was verified yet" in refused(capsys, "verify", "--last")
    assert "may not verify" in refused(capsys, "verify", "--keep", "--by", "fiona")
    assert "leave the key out" in refused(capsys, "verify", "june", "--keep")
    made = told(capsys, "verify", "--keep", "--by", "olivia")
    assert (made["clean"], made["asked_by"]) == (True, "olivia")
    assert told(capsys, "verify", "--last") == made
    assert StoredVerdict.objects.get().run.actor == "olivia"
    assert told(capsys, "jobs", "list", "--state", "done")["jobs"][0]["step"] == "verify"

    waiting, _ = start(subject="verify:all", step="verify", act=act)
    assert "may not verify" in refused(capsys, "jobs", "stop", str(waiting.pk), "--by", "fiona")
    assert told(capsys, "jobs", "stop", str(waiting.pk), "--by", "olivia")["state"] == "failed"
    assert Run.objects.get(pk=waiting.pk).error == "olivia stopped it."
    assert told(capsys, "jobs", "list", "--state", "failed")["jobs"][0]["job"] == waiting.pk
    assert told(capsys, "jobs", "list", "--state", "live")["jobs"] == []
    assert "needs the number" in refused(capsys, "jobs", "retry")
    assert "There is no job 99999" in refused(capsys, "jobs", "retry", "99999")
