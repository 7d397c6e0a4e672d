"""The page that tries other policies, where nothing was frozen yet for any cycle."""

import pytest

from revshare.manifests.models import Manifest
from tests.console.conftest import SignIn
from tests.console.test_lab import address
from tests.stories import Story

pytestmark = pytest.mark.django_db


def test_what_is_not_frozen_stays_open(market: Story, sign_in: SignIn) -> None:
    other = market.policy(name="half", share="50%").pk
    market.open("june", "2026-06-01", "2026-07-01")
    assert "1.50 USD" in sign_in("olivia").get(address("june", other)).content.decode()
    assert Manifest.objects.get().frozen_at is None
