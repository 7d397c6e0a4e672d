"""The policy lab in a real browser: chosen, compared, downloaded; readable for everybody."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import launched, served
from tests.conftest import World
from tests.console.test_browser import accessible, sign_in

HALF = (
    'name = "half"\nversion = "1"\n[streams.default]\ncontributor_share = "50%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n[eligibility]\nexcluded_contributors = ["ben"]\n'
)


@pytest.mark.long
def test_another_policy_is_tried_on_an_open_cycle(june_copy: World, tmp_path: Path) -> None:
    """Ann holds three of four assets, Ben one, and 100 USD were sold: under `half` Ann gets all of 50."""
    (tmp_path / "half.toml").write_text(HALF)
    june_copy.manage("register_policy", tmp_path / "half.toml")
    password = june_copy.json("create_user", "fred", "--role", "finance")["password"]
    with served(june_copy) as address, launched() as browser:
        page = sign_in(browser, address, "fred", password)
        page.goto("/console/cycle/june/")
        page.get_by_role("link", name="Try other policies on this cycle").click()
        accessible(page)
        page.get_by_label("half 1").check()
        page.get_by_role("button", name="Compare").click()
        table = page.get_by_role("region", name="USD by policy")
        expect(table.get_by_role("row", name="To contributors")).to_contain_text("50.00 USD")
        expect(table.get_by_role("row", name="Losers")).to_contain_text("1")
        expect(page.get_by_role("listitem").filter(has_text="+35.00 USD")).to_contain_text("Ann")
        expect(page.get_by_role("listitem").filter(has_text="-5.00 USD")).to_contain_text("Ben")
        expect(page.get_by_text("Placeholders that stand for nobody get nothing: ben.")).to_be_visible()
        accessible(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Every contributor as CSV").click()
        assert download.value.path().read_text() == (
            "contributor_id,currency,p@1_micros,half@1_micros,difference_micros\n"
            "ann,USD,15000000,50000000,35000000\nben,USD,5000000,0,-5000000\n"
        )
        page.get_by_role("link", name="Policies", exact=True).click()
        page.get_by_role("link", name="half", exact=True).click()
        expect(page.get_by_text("Contributors get 50% of sales less refunds.")).to_be_visible()
        accessible(page)
    assert june_copy.rows("SELECT state FROM cycles_cycle") == [("open",)]
    assert june_copy.rows("SELECT frozen_at FROM manifests_manifest") == [(None,)]
