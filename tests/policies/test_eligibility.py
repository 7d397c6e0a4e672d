"""Who earns: precedence, mistakes, sentences."""

from itertools import product

import pytest

from revshare.policies.eligibility import RecordClass
from revshare.policies.rules import BadPolicy, parse

HEAD = 'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\nallocation = "asset_count"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('licence = ["cc0"]\n', "not known: licence"), ('licences = "cc0"\n', "licences must be a list of texts"),
        ("licences = [1]\n", "licences must be a list of texts"), ('licences = ["a\\nb"]\n', "licences must be a list"),
        ('media_types = ["image", "image"]\n', "media_types names something twice"),
        ('opted_out = "ignore"\n', "opted_out is 'ignore'; it can be pay or hold or exclude"),
        ('licences = ["a"]\nexcluded_licences = ["a"]\n', "both excludes and counts a"),
        ('commons_licences = [""]\nexcluded_licences = [""]\n', r"both excludes and counts \(none given\)"),
        ("commons_fund = 3\n", "needs commons_fund as text"), ('commons_fund = " "\n', "needs commons_fund as text"),
        ('commons_contributors = ["x"]\nexcluded_contributors = ["x"]\n', "both excludes and counts x"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(BadPolicy, match=rf"^\[eligibility\] .*{said}"):
        parse(HEAD + "[eligibility]\n" + text)


def test_it_is_a_table() -> None:
    with pytest.raises(BadPolicy, match="the policy eligibility must be a table"):
        parse("eligibility = 1\n" + HEAD)


def test_without_a_word_all_earn_but_machines_and_those_who_opted_out() -> None:
    nothing_said = parse(HEAD).eligibility
    assert nothing_said.treatment(RecordClass("any", False, "video")) == "pay"
    assert nothing_said.treatment(RecordClass(ai_generated=True)) == "exclude"
    assert nothing_said.treatment(RecordClass(opted_out=True)) == "exclude"


def test_the_first_rule_that_applies_decides() -> None:
    """Made by a machine, excluded licence, media type, opted out, commons licence, licences that earn: every
    combination of what a record may be."""
    said = parse(
        HEAD + '[eligibility]\nlicences = ["std"]\nexcluded_licences = ["ed"]\nmedia_types = ["image"]\n'
        'commons_licences = ["cc0"]\nopted_out = "hold"\n'
    ).eligibility
    for machine, licence, media, out in product(
        (True, False), ("ed", "cc0", "std", "?"), ("image", "video"), (True, False)
    ):
        steps = [
            (machine, "exclude"), (licence == "ed", "exclude"), (media != "image", "exclude"), (out, "hold"),
            (licence == "cc0", "commons"), (licence == "std", "pay"), (True, "exclude"),
        ]  # fmt: skip
        expected = next(treatment for applies, treatment in steps if applies)
        record = RecordClass(licence, machine, media, out)
        assert said.treatment(record) == expected, record
        assert said.treatments([record]) == {record: expected}


def test_it_says_so_in_plain_language() -> None:
    assert parse(HEAD).eligibility.sentences == [
        "Assets made by a machine earn nothing.",
        "Assets opted out before a dataset version was frozen do not count, even if they are in it.",
    ]
    every = parse(
        HEAD + '[eligibility]\nlicences = ["std", ""]\nexcluded_licences = ["ed"]\nmedia_types = ["image"]\n'
        'excluded_contributors = ["nobody"]\ncommons_licences = ["cc0"]\ncommons_contributors = ["museum"]\n'
        'opted_out = "hold"\n'
    )  # fmt: skip
    assert every.sentences["eligibility"] == [
        "Assets made by a machine earn nothing.",
        "Only assets under these licences earn: std, (none given).",
        "Assets under these licences earn nothing: ed.",
        "Only these kinds of media earn: image.",
        "Placeholders that stand for nobody get nothing: nobody.",
        "What these would earn goes to the commons fund: cc0, museum.",
        "Money for assets opted out before a dataset version was frozen, and in it all the same, is held.",
    ]
    paid = parse(HEAD + '[eligibility]\nopted_out = "pay"\n').eligibility
    assert paid.sentences[-1].endswith("are paid for.")


def test_the_commons_fund_has_a_name() -> None:
    text = '[eligibility]\ncommons_fund = "Fund of the Public Domain"\n'
    assert "The commons fund is: Fund of the Public Domain." in parse(HEAD + text).sentences["eligibility"]
