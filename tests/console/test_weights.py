"""The list of weights, of which a page opens no more arrays than it needs."""

import pytest
from django.urls import reverse

from revshare.console.records import BulkAdmin
from revshare.manifests.models import Manifest
from revshare.manifests.operations import freeze
from revshare.manifests.places import last_roll_in
from tests.console.conftest import SignIn
from tests.stories import Story


@pytest.fixture
def sparse(market: Story, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everybody is alone on a roll, and one of seven has weights of the manifest frozen last."""
    monkeypatch.setattr("revshare.array_rows.ROOM_BYTES", 1)
    names = [f"c{number:02}" for number in range(70)]
    market.attributions(*[("all@1", name, name) for name in names], *[("some@1", name, name) for name in names[3::7]])
    freeze(dataset_versions=["all@1", "some@1"], act=market.act())
    return names[3::7]


def test_a_list_of_weights_goes_on_to_the_next_roll_that_has_any(
    sparse: list[str], monkeypatch: pytest.MonkeyPatch, sign_in: SignIn
) -> None:
    """Forth and back, and whoever is looked for is found."""
    monkeypatch.setattr(BulkAdmin, "list_per_page", 3)
    client = sign_in("olivia")
    url = reverse("admin:revshare_weight_changelist")
    pk = Manifest.objects.get(dataset_version="some@1").pk
    assert last_roll_in(pk) == 69  # after Ann and Ben

    def page(query: str) -> tuple[list[str], bool, bool]:
        found = client.get(f"{url}?{query}").context["cl"]
        return [row.contributor_id for row in found.result_list], bool(found.newer_url), bool(found.older_url)

    assert page("") == (sparse[:3], False, True)
    assert page(f"after={pk}/{sparse[2]}") == (sparse[3:6], True, True)
    assert page(f"after={pk}/{sparse[8]}") == (sparse[9:], True, False)
    assert page(f"after={pk}/zz") == ([], False, False)
    assert page(f"after={pk}/a") == (sparse[:3], True, True)
    assert page(f"before={pk}/{sparse[3]}") == (sparse[:3], False, True)
    assert page(f"before={pk}/{sparse[5]}") == (sparse[2:5], True, True)
    assert page(f"before={pk}/a") == ([], False, False)
    assert page(f"q={sparse[4]}") == ([sparse[4]], False, False)
    assert page("q=c00") == ([], False, False)
    assert client.get(reverse("admin:revshare_weight_change", args=[f"{pk}/{sparse[4]}"])).status_code == 200
    assert client.get(reverse("admin:revshare_weight_change", args=[f"{pk}/c00"])).status_code == 302
