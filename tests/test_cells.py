import pytest

from revshare.cells import safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_what_a_spreadsheet_would_run_is_disarmed(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a", "a=1", "1-1", "'", "é"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text
