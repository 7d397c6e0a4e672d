"""docs/asvs.md: every requirement once, every test that it names there."""

import re
from collections import Counter

from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "asvs.md").read_text()
NUMBER = re.compile(r"(?<![\w./])(\d{1,2}\.\d{1,2}\.\d{1,2})(?![\w.]*\d)")
# How many requirements each chapter has at level 2; V2 and V8 at level 3.
CHAPTERS = {
    1: 27,
    2: 13,
    3: 19,
    4: 10,
    5: 9,
    6: 35,
    7: 18,
    8: 13,
    9: 7,
    10: 29,
    11: 14,
    12: 9,
    13: 13,
    14: 9,
    15: 13,
    16: 16,
    17: 7,
}


def test_every_requirement_is_there_once() -> None:
    found = Counter(NUMBER.findall(TEXT))
    assert [number for number, times in found.items() if times > 1] == []
    assert Counter(int(number.split(".")[0]) for number in found) == CHAPTERS


def test_every_test_named_there_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT))
    assert len(named) > 30
    missing = []
    for path, test in named:
        file = ROOT / path
        if not file.is_file() or (test and f"def {test}(" not in file.read_text()):
            missing.append(f"{path}::{test}")
    assert missing == []


def test_every_line_of_what_is_met_has_its_test_or_says_where_it_is_written() -> None:
    rows = [line for line in TEXT.partition("## Met")[2].splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) > 60
    assert [row for row in rows if "`tests/" not in row and not row.split("|")[2].strip()] == []
