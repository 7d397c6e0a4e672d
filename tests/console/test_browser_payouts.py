"""A batch in a real browser, by keyboard and without JavaScript; every page of it accessible."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import launched, served
from tests.conftest import World
from tests.console.test_browser import POLICY, STEP_MILLISECONDS, accessible, sign_in

FILES = {
    "contributors": "contributor_id,contributor_name,payee_id\nann,Ann,P-ann\nben,Ben,\n",
    "models": "model,dataset_version\nm,ds@1\n",
    "attributions": "dataset_version,asset_id,contributor_id\nds@1,1,ann\nds@1,2,ben\n",
    "sales": "sale_id,sold_at,stream,model,currency,gross_amount\ns1,2026-06-10T00:00:00Z,generation,m,USD,500.00\n",
}


def by_keyboard(browser: Browser, address: str, name: str, password: str) -> Page:
    """Signed in, in a browser without JavaScript; from here on nothing is clicked."""
    page = browser.new_context(base_url=address, java_script_enabled=False).new_page()
    page.set_default_timeout(STEP_MILLISECONDS)
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    return page


def confirm(page: Page, says: str, button: str) -> None:
    page.get_by_label(says).press("Space")
    page.get_by_role("button", name=button).press("Enter")


def test_a_batch_from_preparation_to_the_register(world: World, tmp_path: Path) -> None:
    passwords = {
        name: world.json("create_user", name, "--role", role)["password"]
        for name, role in (("olivia", "operator"), ("adam", "approver"), ("fiona", "finance"))
    }
    for kind, text in FILES.items():
        (tmp_path / f"{kind}.csv").write_text(text)
    (tmp_path / "policy.toml").write_text(POLICY)
    world.manage(
        "run_cycle", "june", "--start", "2026-06-01", "--end", "2026-07-01", "--timezone", "UTC", "--from", tmp_path,
        "--prepared-by", "olivia", "--approved-by", "adam",
    )  # fmt: skip
    with served(world) as address, launched() as browser:
        fiona = by_keyboard(browser, address, "fiona", passwords["fiona"])
        look = sign_in(browser, address, "fiona", passwords["fiona"])
        fiona.goto("/console/payouts/")
        fiona.get_by_label("Currency of the payments").fill("USD")
        fiona.get_by_role("button", name="See what is payable").press("Enter")
        expect(fiona.get_by_text("1 payment, 50.00 USD in all")).to_be_visible()
        confirm(fiona, "Prepare a batch of these payments", "Prepare the batch")
        expect(fiona.get_by_text("Batch 1 is prepared")).to_be_visible()
        for path in (
            "payouts/",
            "payouts/prepare/?currency=USD",
            "payouts/1/",
            "payouts/holds/",
            "downloads/",
            "suspense/",
        ):
            look.goto(f"/console/{path}")
            accessible(look)

        adam = by_keyboard(browser, address, "adam", passwords["adam"])
        adam.goto("/console/payouts/1/")
        confirm(adam, "Approve: 50.00 USD", "Approve batch 1")
        expect(adam.get_by_text("Batch 1 is approved.")).to_be_visible()
        expect(adam.get_by_text("This takes finance.").first).to_be_visible()

        fiona.goto("/console/payouts/1/")
        confirm(fiona, "Hand to the bank: 50.00 USD", "Hand to the bank batch 1")
        expect(fiona.get_by_text("handed to the bank: download its register")).to_be_visible()
        with fiona.expect_download() as download:
            fiona.get_by_role("link", name="Download the register").press("Enter")
        assert download.value.path().read_text().splitlines()[1].startswith("pay-000001-000001,ann,P-ann,")
        fiona.goto("/console/payouts/holds/")
        fiona.get_by_label("Contributor (the id, whole)").fill("ben")
        fiona.get_by_label("Reason to hold").fill("in court")
        fiona.get_by_role("button", name="Put on hold").press("Enter")
        expect(fiona.get_by_text("Nobody pays ben in any currency")).to_be_visible()
        fiona.get_by_label("Reason to release ben").fill("settled")
        fiona.get_by_role("button", name="Release the hold on ben").press("Enter")
        expect(fiona.get_by_text("Nobody is on hold.")).to_be_visible()
        look.goto("/console/payouts/1/")
        accessible(look)
