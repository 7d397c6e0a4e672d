"""No bytes make a parser fail otherwise than by a refusal, or take more memory or time than it may."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

EXAMPLES = {"sales": 60, "attributions": 40, "footer": 400, "policy": 400, "text": 600, "proof": 200}


def fuzz(name: str, home: Path, *options: str, seconds: int) -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "REVSHARE_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.program", name, *options], cwd=ROOT, env=environment, text=True,
        capture_output=True, timeout=seconds,
    )  # fmt: skip
    assert done.returncode == 0, f"{name} {options}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_mutations_are_taken_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path, "--examples", str(EXAMPLES[name]), "--seed", "1", seconds=200)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 7))
@pytest.mark.parametrize("name", EXAMPLES)
def test_many_mutations_are_taken_or_refused(name: str, seed: int, tmp_path: Path) -> None:
    fuzz(name, tmp_path, "--examples", str(10 * EXAMPLES[name]), "--seed", str(seed), seconds=230)


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_what_coverage_leads_to_is_taken_or_refused(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="no wheel of it for this machine")
    fuzz(name, tmp_path, "--atheris", "60", seconds=230)
