"""The whole way through a real browser by keyboard alone, with a real server and a real worker: upload, lock, calculate,
approve, publish."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Locator, Page, expect

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
MOST_TABS = 150
FOCUS = "place => [place === document.activeElement, document.activeElement.classList.contains('rs-skip')]"


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


def sign_in_by_keyboard(browser: Browser, address: str, name: str, password: str) -> Page:
    page = browser.new_context(base_url=address, locale="en-US").new_page()
    page.set_default_timeout(STEP_MILLISECONDS)
    page.goto("/console/")
    write(page, "User name", name)
    write(page, "Password", password)
    page.keyboard.press("Enter")
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


def reach(page: Page, target: Locator) -> Locator:
    """Goes there by the Tab key, from where the page is; past the sidebar by the link that skips it."""
    expect(target).to_be_visible(timeout=STEP_MILLISECONDS)
    place = target.element_handle()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        is_there, skips = page.evaluate(FOCUS, place)
        if is_there:
            return target
        if skips:
            page.keyboard.press("Enter")
    raise AssertionError(f"{target} is not reached on {page.url} by keyboard")


def press(page: Page, button: str, *, role: Literal["button", "link"] = "button") -> None:
    reach(page, page.get_by_role(role, name=button, exact=True).first)
    page.keyboard.press("Enter")


def write(page: Page, label: str, text: str) -> None:
    reach(page, page.get_by_label(label, exact=True))
    page.keyboard.type(text)


def by_keys(page: Page, second: str, title: str) -> None:
    """One of the shortcuts: g, then a letter."""
    page.keyboard.press("g")
    page.keyboard.press(second)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def choose(page: Page, label: str, path: Path) -> None:
    """The dialog of the system, which comes at Enter or Space, is not the page's."""
    reach(page, page.get_by_label(label, exact=True)).set_input_files(path)


def upload(page: Page, kind: str, path: Path) -> None:
    by_keys(page, "u", "Take in a file")
    write(page, "What the file holds", kind)
    choose(page, "File", path)
    press(page, "Upload and take in")
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
        press(page, "Download the reject file", role="link")
    assert "refund_of_unknown_sale" in download.value.path().read_text()

    by_keys(page, "r", "Register a policy")
    (folder / "policy.toml").write_text(POLICY)
    choose(page, "Policy file", folder / "policy.toml")
    press(page, "Register")
    expect(page.get_by_text("Policy p 1 is registered.")).to_be_visible()


def open_and_calculate(page: Page) -> None:
    by_keys(page, "o", "Open a cycle")
    write(page, "Key", "june")
    write(page, "First day", "06012026")
    write(page, "Day after the last", "07012026")
    reach(page, page.get_by_label("Time zone", exact=True)).press("Control+a")
    page.keyboard.type("UTC")
    press(page, "Open the cycle")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cycle june")
    accessible(page)
    write(page, "Reason to lock although 1 row is in quarantine", "the shop is asked about it")
    press(page, "Lock")
    # The page goes on by itself when the run is over.
    press(page, "Calculate")
    press(page, "Submit for review")
    expect(page.get_by_text("You prepared this cycle")).to_have_count(0)
    expect(page.get_by_text("This takes an approver.")).to_be_visible()
    expect(page.get_by_text("15.00 USD").first).to_be_visible()
    accessible(page)


def test_a_month_by_keyboard_alone_from_files_to_published_statements(world: World, tmp_path: Path) -> None:
    """Nothing is clicked, and no address is opened but the first."""
    passwords = {
        name: world.json("create_user", name, "--role", role)["password"]
        for name, role in (("olivia", "operator"), ("adam", "approver"))
    }
    with worker(world), served(world) as address, launched() as browser:
        olivia = sign_in_by_keyboard(browser, address, "olivia", passwords["olivia"])
        prepare(olivia, tmp_path)
        by_keys(olivia, "q", "Quarantine")
        open_and_calculate(olivia)

        adam = sign_in_by_keyboard(browser, address, "adam", passwords["adam"])
        press(adam, "Cycle june is in review. An approver who did not prepare it approves it", role="link")
        accessible(adam)
        press(adam, "Approve this result")
        press(adam, "Publish the statements")
        expect(adam.locator(".rs-states [aria-current=step]")).to_have_text("published", timeout=STEP_MILLISECONDS)
        accessible(adam)
        with adam.expect_download() as download:
            press(adam, "Payouts as CSV", role="link")
        assert download.value.path().read_text() == (
            "contributor_id,currency,amount_micros\nann,USD,15000000\nben,USD,5000000\n"
        )
    assert world.rows("SELECT state, locked_by, approved_by FROM cycles_cycle") == [("published", "olivia", "adam")]
    seen = {row[0] for row in world.rows("SELECT action FROM audit_event")}
    assert {"cycle.lock", "cycle.calculate", "cycle.submit", "cycle.approve", "cycle.publish", "cycle.exported"} <= seen
