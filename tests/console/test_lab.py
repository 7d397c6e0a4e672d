"""The page that tries other policies on a cycle: for staff, side by side, and without a trace."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from revshare.audit_trail.models import Event
from revshare.cycles.models import Cycle
from tests.console.conftest import SignIn
from tests.stories import Story

pytestmark = pytest.mark.django_db


def address(key: str, *policies: int, csv: bool = False) -> str:
    chosen = "&".join(f"policy={pk}" for pk in policies)
    return f"{reverse('admin:lab-csv' if csv else 'admin:lab', args=[key])}?{chosen}"


@pytest.fixture
def other(market: Story) -> int:
    return market.policy(name="half", share="50%").pk


def test_every_member_of_staff_may_try_and_nobody_else(cycles: dict[str, Cycle], other: int, sign_in: SignIn) -> None:
    for name, status in (("olivia", 200), ("adam", 200), ("fiona", 200), ("carl", 403), ("nobody", 403), ("root", 403)):
        for csv in (False, True):
            assert sign_in(name).get(address("june", other, csv=csv)).status_code == status, name
    assert sign_in("olivia").post(address("june", other)).status_code == 405
    assert sign_in("olivia").get(address("nowhere", other)).status_code == 404


def test_an_open_cycle_side_by_side(cycles: dict[str, Cycle], other: int, sign_in: SignIn) -> None:
    """10 USD at 20% and at 50%; Ann holds three assets of four."""
    before = Event.objects.count()
    text = sign_in("fiona").get(address("june", other)).content.decode()
    for said in ("p@1", "half@1", "2.00 USD", "5.00 USD", "+2.25 USD", "Contributors get 50% of sales less refunds."):
        assert said in text, said
    assert "The cycle is open" in text
    assert address("june", other, csv=True) in text
    assert Event.objects.count() == before
    assert Cycle.objects.get(key="june").state == "open"


def test_every_contributor_as_csv(cycles: dict[str, Cycle], other: int, sign_in: SignIn) -> None:
    answer = sign_in("olivia").get(address("april", other, csv=True))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(answer) == (
        b"contributor_id,currency,p@1_micros,half@1_micros,difference_micros\n"
        b"ann,USD,15000000,37500000,22500000\nben,USD,5000000,12500000,7500000\n"
    )


def test_what_cannot_be_compared_is_said(cycles: dict[str, Cycle], market: Story, sign_in: SignIn) -> None:
    deals = market.policy(name="deals", streams="data_deal").pk
    client = sign_in("olivia")
    own = cycles["june"].policy_id
    for policies, said in (
        ((deals,), "no rule for the stream generation"), ((own,), "p@1 is there twice"),
        ((deals, deals), "chosen twice"), ((10**8,), "not registered"),
    ):  # fmt: skip
        page = client.get(address("june", *policies))
        assert page.status_code == 200
        assert said in " ".join(str(message) for message in get_messages(page.wsgi_request))
        refused = client.get(address("june", *policies, csv=True))
        assert (refused.status_code, refused["Location"]) == (302, address("june").rstrip("?"))


def test_the_page_without_a_choice_offers_one(cycles: dict[str, Cycle], other: int, sign_in: SignIn) -> None:
    client = sign_in("olivia")
    assert address("june").rstrip("?") in client.get(reverse("admin:cycle", args=["june"])).content.decode()
    text = client.get(address("june").rstrip("?")).content.decode()
    assert f'value="{other}"' in text
    assert "Every contributor as CSV" not in text


def test_a_policy_is_told_in_plain_language(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    policy = cycles["june"].policy
    text = sign_in("fiona").get(reverse("admin:revshare_policy_change", args=[policy.pk])).content.decode()
    assert "Contributors get 20% of sales less refunds." in text
    assert policy.sha256 in text
