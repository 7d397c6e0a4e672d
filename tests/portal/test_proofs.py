"""Pages that prove: open to all where nobody's money is told, else to whoever may read the statement."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from revshare.proofs.models import Commitment
from revshare.proofs.operations import commit
from tests.conftest import ROOT
from tests.portal.conftest import ANN, BEN, Marketplace
from tests.stories import Story

pytestmark = pytest.mark.django_db
KEY = "2026 May"


@pytest.fixture
def committed(marketplace: Marketplace, story: Story) -> Commitment:
    return commit(key=KEY, act=story.act())


def test_everybody_reads_what_a_cycle_committed_to(marketplace: Marketplace, committed: Commitment) -> None:
    """$10.000003 came in, a fifth of it is $2.0000006, of which two million micros are shared."""
    for person in ("nobody at all", "ann", "operator"):
        client = marketplace.client(person)
        page = client.get("/published/").content.decode()
        assert KEY in page
        assert committed.sha256 in page
        page = client.get(f"/published/{KEY}/").content.decode()
        assert "$10.000003" in page
        assert "name = &quot;p&quot;" in page
        assert "CANARY" not in page
        assert client.get(f"/published/{KEY}/commitment.txt").content.decode() == committed.text
        signature = client.get(f"/published/{KEY}/signature.json").json()
        assert signature["signature"] == committed.signature


def test_before_it_is_made_there_is_none(marketplace: Marketplace) -> None:
    client = marketplace.client("ann")
    number = marketplace.numbers[ANN, KEY]
    assert "No cycle has been published yet" in client.get("/published/").content.decode()
    assert client.get(f"/published/{KEY}/").status_code == 404
    assert client.get(f"/statements/{number}.proof.json").status_code == 404
    assert "is being made" in client.get(f"/statements/{number}/verify/").content.decode()


def test_a_proof_is_for_whoever_may_read_the_statement(
    marketplace: Marketplace, committed: Commitment, tmp_path: Path
) -> None:
    number = marketplace.numbers[ANN, KEY]
    path = f"/statements/{number}.proof.json"
    answers = {name: marketplace.client(name).get(path).status_code for name in ("stranger", "ann", "ben", "operator")}
    assert answers == {"stranger": 302, "ann": 200, "ben": 404, "operator": 200}
    file = tmp_path / "proof.json"
    file.write_bytes(marketplace.client("ann").get(path).content)
    assert "CANARY" not in file.read_text()
    done = subprocess.run([sys.executable, "-I", ROOT / "tools" / "verify_statement.py", file], capture_output=True)
    assert done.returncode == 0, done.stdout
    page = f"/statements/{number}/verify/"
    assert marketplace.client("ben").get(page).status_code == 404
    assert marketplace.client("stranger").get(page).status_code == 302


def test_the_script_may_talk_to_nobody(marketplace: Marketplace, committed: Commitment) -> None:
    for path in ("/verify/", f"/statements/{marketplace.numbers[BEN, KEY]}/verify/"):
        policy = marketplace.client("ben").get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "connect-src 'none'" in policy


def test_the_api_gives_the_same(marketplace: Marketplace, committed: Commitment) -> None:
    number = marketplace.numbers[ANN, KEY]
    ann, ben = marketplace.client("ann"), marketplace.client("ben")
    by_page = json.loads(ann.get(f"/statements/{number}.proof.json").content)
    assert ann.get(f"/api/v1/statements/{number}/proof").json() == by_page
    assert ben.get(f"/api/v1/statements/{number}/proof").status_code == 404
    assert ben.get(f"/api/v1/cycles/{KEY}/commitment").json()["text"] == committed.text
    assert ben.get("/api/v1/cycles/2026-06/commitment").status_code == 404
