"""Verify now: by the page, the API and the command; the verdict is kept and shown."""

import json

import pytest
from django.core.management import call_command
from django.db import connection

from revshare.cycles.models import Cycle
from revshare.runs.models import Run
from revshare.tasks import perform
from revshare.verification.models import StoredVerdict
from tests.console.conftest import SignIn
from tests.ownership import owner

pytestmark = pytest.mark.django_db
PAGE, JSON = "/console/verification/", "application/json"


def test_everything_is_verified_now(
    cycles: dict[str, Cycle], sign_in: SignIn, capsys: pytest.CaptureFixture[str]
) -> None:
    olivia, adam, fiona = sign_in("olivia"), sign_in("adam"), sign_in("fiona")
    assert "Nothing was verified yet" in adam.get(PAGE).content.decode()
    assert "Verify now" not in fiona.get(PAGE).content.decode()
    assert fiona.post(f"{PAGE}start/").status_code == 403
    olivia.post(f"{PAGE}start/")
    adam.post(f"{PAGE}start/")  # finds the one that is under way
    run = Run.objects.get(step="verify")
    assert (run.actor, run.state) == ("olivia", "queued")
    waits = adam.get(PAGE).content.decode()
    assert "Verifying …" in waits
    assert "Verify now" not in waits
    perform(run.pk)
    shown = adam.get(PAGE).content.decode()
    verdict = StoredVerdict.objects.get()
    assert verdict.is_clean
    assert "All in order" in shown
    assert f"{verdict.checks} checks, {verdict.cycles} cycles computed again: nothing is wrong." in shown
    assert "Asked for by olivia" in shown

    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE pools_pool DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE pools_pool SET net_micros = net_micros + 1, platform_micros = platform_micros + 1 "
            "WHERE cycle_id = %s",
            [cycles["april"].pk],
        )
    asked = adam.post("/api/v1/verifications/", {}, content_type=JSON)
    assert asked.status_code == 202
    assert fiona.post("/api/v1/verifications/", {}, content_type=JSON).status_code == 403
    perform(asked.json()["id"])
    (second, first) = fiona.get("/api/v1/verifications/").json()["results"]
    assert (first["clean"], second["clean"], second["asked_by"]) == (True, False, "adam")
    told = adam.get(PAGE, {"sort": "findings"}).content.decode()
    assert "Not in order" in told
    assert second["findings"][0]["what"].split(":")[0][:20] in told
    with pytest.raises(SystemExit) as ended:
        call_command("verify", "--last", "--json")
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["findings"] == second["findings"]
