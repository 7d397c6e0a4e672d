"""Debts and deficits in the console: listed for staff, and for nobody else."""

import pytest

from revshare.cycles.models import Cycle
from revshare.recoupments import operations as recoupments
from tests.console.conftest import SignIn
from tests.stories import Story

pytestmark = pytest.mark.django_db


def test_debts_and_deficits_are_listed(cycles: dict[str, Cycle], market: Story, sign_in: SignIn) -> None:
    person = market.take("contributors", ("contributor_id", "contributor_name"), [("dora", "<b>Dora")])
    assert person.file.rows_accepted == 1
    debt = recoupments.ask_for_advance(
        contributor_id="dora", currency="USD", amount_micros=5_000_000, act=market.act("fiona", "a <b>camera")
    )
    recoupments.approve(number=debt.pk, act=market.act("adam", "agreed"))
    for name in ("olivia", "adam", "fiona"):
        browser = sign_in(name)
        page = browser.get("/console/revshare/debt/").content.decode()
        assert "5.00 USD" in page
        assert "&lt;b&gt;Dora" in page
        assert browser.get(f"/console/revshare/debt/{debt.pk}/change/").status_code == 200
        for model in ("debtstep", "recouped", "payoutcurrency"):
            assert browser.get(f"/console/revshare/{model}/").status_code == 200
        assert "No pool owes anything" in browser.get("/console/deficits/").content.decode()
    assert sign_in("carl").get("/console/deficits/").status_code == 403


def test_a_deficit_is_shown_with_its_age(cycles: dict[str, Cycle], market: Story, sign_in: SignIn) -> None:
    market.sales(("r-all", "2026-06-12T00:00:00Z", "m", "USD", "-1000000"))
    market.calculate("june")
    page = sign_in("fiona").get("/console/deficits/").content.decode()
    assert "Carried from cycle to cycle" in page
    assert "default · m · USD" in page
