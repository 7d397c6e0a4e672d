"""The published head as a text, and what of it is missing."""

import pytest

from revshare.continuity.rules import Head, HeadWrong, head_text, missing, read_head

HEAD = Head((7, "e" * 64), (3, "a" * 64), {"june": "1" * 64, "juillet – été": "2" * 64}, {"1": "3" * 64})


def test_a_head_comes_back_as_it_was_written() -> None:
    assert read_head(head_text(HEAD)) == HEAD
    assert read_head(head_text(Head())) == Head()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-10],
        lambda text: text.replace("june", "july"),
        lambda text: text.replace("batch\t1", "batch\t2"),
        lambda text: text.partition("cycle")[0],
        lambda text: text.replace("head 1", "head 2"),
    ],
)
def test_a_head_that_was_changed_is_refused(damage: object) -> None:
    with pytest.raises(HeadWrong):
        read_head(damage(head_text(HEAD)))  # type: ignore[operator]


def test_what_is_missing_is_named() -> None:
    assert missing(wanted=HEAD, here=HEAD) == []
    other = Head(cycles={"june": "9" * 64}, batches={"1": "3" * 64})
    said = missing(wanted=HEAD, here=other)
    assert len(said) == 2
    assert "Cycle june" in said[0]
    assert "is 9999999999999999… here" in said[0]
    assert "not published here" in said[1]
    assert missing(wanted=other, here=HEAD) != []
    assert "was not handed over here" in missing(wanted=Head(batches={"5": "x"}), here=HEAD)[0]
