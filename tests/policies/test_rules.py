"""Policy files: what they may say, and that a typing mistake never passes."""

from fractions import Fraction

import pytest

from revshare.audit_trail.operations import Act
from revshare.errors import Conflict, NotFound
from revshare.policies.operations import find, register
from revshare.policies.rules import BadPolicy, parse

GOOD = 'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "12.5%"\npooling = "single"\nallocation = "asset_count"\n'


def test_a_policy_says_share_pooling_and_allocation() -> None:
    rulebook = parse(GOOD + GOOD.split("\n", 2)[2].replace("default", "data_deal").replace("12.5%", "100%"))
    assert (rulebook.name, rulebook.version, set(rulebook.tables)) == ("p", "1", {"default", "data_deal"})
    assert rulebook.tables["default"].share == Fraction(1, 8)
    deal, other = rulebook.terms_for("data_deal"), rulebook.terms_for("anything")
    assert deal is not None
    assert other is not None
    assert (deal.share, other.table) == (1, "default")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"12.5%"', "12.5", "contributor_share as text"), ('"12.5%"', '"101%"', "more than 100%"),
        ('"12.5%"', '"12,5%"', "not a percentage"), ('"12.5%"', '"-1%"', "not a percentage"),
        ('"single"', '"singel"', "per_model or single"), ('"asset_count"', '"assets"', "asset_count"),
        ("pooling", "poling", "keys that are not known: poling"), ('version = "1"\n', "", "needs version"),
        ("[streams.default]", "[stream.default]", "not known: stream"), ('name = "p"', "name = 7", "needs name"),
        ("pooling =", "pooling", "not valid TOML"), ('allocation = "asset_count"\n', "", "needs allocation"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(BadPolicy, match=said):
        parse(GOOD.replace(old, new))


@pytest.mark.django_db
def test_a_registered_version_never_changes(act: Act) -> None:
    policy, new = register(content=GOOD.encode(), act=act)
    assert new
    assert register(content=GOOD.encode(), act=act) == (policy, False)
    with pytest.raises(Conflict, match="give this one a new version"):
        register(content=GOOD.replace("12.5%", "13%").encode(), act=act)
    later, _ = register(content=GOOD.replace('"1"', '"2"').encode(), act=act)
    assert find("p") == later
    assert find("p@1") == policy
    with pytest.raises(NotFound, match="p@1, p@2"):
        find("q")
