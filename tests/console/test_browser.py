"""The whole way through a real browser, with a real server and a real worker: upload, lock, calculate, approve, publish."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import launched, overflow, served, violations
from tests.conftest import World

ONE = "2026-06-10T00:00:00Z,generation,m,USD"
FILES = {
    "contributors": "contributor_id,contributor_name\nann,Ann\nben,Ben\n",
    "models": "model,dataset_version\nm,ds@1\n",
    "attributions": "dataset_version,asset_id,contributor_id\nds@1,1,ann\nds@1,2,ann\nds@1,3,ann\nds@1,4,ben\n",
    "sales": f"sale_id,sold_at,stream,model,currency,gross_amount,refund_of,shop\ns1,{ONE},100.00,,north\n"
    f"s1,{ONE},100.00,,north\nr9,{ONE},-1.00,unseen,north\n",
}
POLICY = (
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\n'
    'allocation = "asset_count"\n'
)
STEP_MILLISECONDS = 60_000


@contextmanager
def worker(world: World) -> Iterator[None]:
    """A Celery worker of the world's own, with its sweeper."""
    (world.home / "spool").mkdir(exist_ok=True)
    process = world.start(
        sys.executable, "-m", "celery", "-A", "config", "worker", "-B", "--concurrency", "1", "--without-gossip",
        "--without-mingle",
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def sign_in(browser: Browser, address: str, name: str, password: str) -> Page:
    page = browser.new_context(base_url=address).new_page()
    page.set_default_timeout(STEP_MILLISECONDS)
    page.goto("/console/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    return page


def accessible(page: Page) -> None:
    """No violations, in light and in dark; nothing to scroll for sideways on a small phone."""
    page.wait_for_load_state("networkidle")  # the click before may still be on its way to the page
    for dark in (True, False):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", dark)
        found = violations(page)
        assert not found, f"{page.url} in {'dark' if dark else 'light'}: {found}"
    window = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    assert overflow(page) == 0, f"{page.url} is wider than a phone"
    assert window is not None
    page.set_viewport_size(window)


def upload(page: Page, kind: str, path: Path) -> None:
    page.get_by_role("link", name="Take in a file").click()
    page.get_by_label("What the file holds").select_option(kind)
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_role("button", name="Upload and take in").click()
    expect(page.get_by_role("heading", name="Control totals")).to_be_visible(timeout=STEP_MILLISECONDS)
    expect(page.get_by_text("adds up", exact=True)).to_be_visible()


def prepare(page: Page, folder: Path) -> None:
    """What an operator does before a cycle is opened."""
    for kind, text in FILES.items():
        path = folder / f"{kind}.csv"
        path.write_text(text)
        upload(page, kind, path)
    row = page.get_by_role("row")
    expect(row.filter(has_text="Rows in")).to_contain_text("3")
    expect(row.filter(has_text="quarantined")).to_contain_text("1")
    expect(page.get_by_text("Columns left out")).to_be_visible()
    accessible(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the reject file").click()
    assert "refund_of_unknown_sale" in download.value.path().read_text()

    page.get_by_role("link", name="Take in a file").click()
    accessible(page)
    page.get_by_role("link", name="Register a policy").click()
    accessible(page)
    (folder / "policy.toml").write_text(POLICY)
    page.get_by_label("Policy file", exact=True).set_input_files(folder / "policy.toml")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("Policy p 1 is registered.")).to_be_visible()


def open_and_calculate(page: Page) -> None:
    page.get_by_role("link", name="Open a cycle").click()
    accessible(page)
    page.get_by_label("Key", exact=True).fill("june")
    page.get_by_label("First day").fill("2026-06-01")
    page.get_by_label("Day after the last").fill("2026-07-01")
    page.get_by_label("Time zone").fill("UTC")
    page.get_by_role("button", name="Open the cycle").click()
    accessible(page)
    page.get_by_label("Reason to lock").fill("the shop is asked about it")
    page.get_by_role("button", name="Lock", exact=True).click()
    # The page goes on by itself when the run is over.
    page.get_by_role("button", name="Calculate", exact=True).click()
    page.get_by_role("button", name="Submit for review").click()
    expect(page.get_by_text("You prepared this cycle")).to_have_count(0)
    expect(page.get_by_text("This takes an approver.")).to_be_visible()
    expect(page.get_by_text("15.00 USD").first).to_be_visible()
    accessible(page)


def test_a_cycle_from_files_to_published_statements(world: World, tmp_path: Path) -> None:
    passwords = {
        name: world.json("create_user", name, "--role", role)["password"]
        for name, role in (("olivia", "operator"), ("adam", "approver"))
    }
    with worker(world), served(world) as address, launched() as browser:
        olivia = sign_in(browser, address, "olivia", passwords["olivia"])
        accessible(olivia)
        prepare(olivia, tmp_path)
        olivia.get_by_role("link", name="Quarantine", exact=False).first.click()
        accessible(olivia)
        open_and_calculate(olivia)

        adam = sign_in(browser, address, "adam", passwords["adam"])
        adam.get_by_role("link", name="Cycle june is in review").click()
        accessible(adam)
        adam.get_by_role("button", name="Approve this result").click()
        adam.get_by_role("button", name="Publish the statements").click()
        expect(adam.locator(".rs-states [aria-current=step]")).to_have_text("published", timeout=STEP_MILLISECONDS)
        accessible(adam)
        with adam.expect_download() as download:
            adam.get_by_role("link", name="Payouts as CSV").click()
        assert download.value.path().read_text() == (
            "contributor_id,currency,amount_micros\nann,USD,15000000\nben,USD,5000000\n"
        )
    assert world.rows("SELECT state, locked_by, approved_by FROM cycles_cycle") == [("published", "olivia", "adam")]
    seen = {row[0] for row in world.rows("SELECT action FROM audit_event")}
    assert {"cycle.lock", "cycle.calculate", "cycle.submit", "cycle.approve", "cycle.publish", "cycle.exported"} <= seen
