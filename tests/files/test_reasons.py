"""Every code that a file or row can be refused with is explained, and every explanation is of a code."""

import re
from pathlib import Path

from revshare.files.reasons import QUARANTINE, REFUSALS, sentence

FOLDER = Path(__file__).resolve().parents[2] / "revshare"
STAGES = (
    "files", "ingest", "contributors", "manifests", "sales", "measures", "consents", "rates", "splits", "payouts",
)  # fmt: skip


def _codes(*patterns: str) -> set[str]:
    text = "".join(path.read_text() for stage in STAGES for path in (FOLDER / stage).glob("*.py"))
    return {code for pattern in patterns for code in re.findall(pattern, text)}


def test_every_refusal_is_explained() -> None:
    said = _codes(
        r'FileRefused\(\s*"(\w+)"', r'_refuse_archive\(.*"(\w+)"\)', r'return "(line_ends)" if', r'else "(csv_\w+)"'
    )
    assert said == REFUSALS.keys()


def test_every_reason_for_quarantine_is_explained() -> None:
    said = _codes(r"reason\(['\"](\w+)['\"], ", r"'(\w+)@", r'(?:number|part)_checks\("\w+", "(\w+)"')
    assert said - {"code"} == QUARANTINE.keys()


def test_a_code_of_another_version_stands_for_itself() -> None:
    assert sentence("of_tomorrow") == "of_tomorrow"
