"""All of the console in a real Chromium: an approver stops a month; every page without a fault that axe finds, light and
dark, on a phone and on a desktop; the keys; a foreign file that gets a mapping."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from revshare.payouts.payable import AT_ONCE
from tests.browser import launched, overflow, served, violations
from tests.conftest import ROOT, World

PASSWORD = "a-long-pass-phrase"
SEED = """
from pathlib import Path
from revshare.access.operations import create_user
from revshare.claims.operations import file_claim
from revshare.cycles import operations as cycles
from revshare.recoupments.operations import ask_for_advance
from revshare.runs.operations import start
from revshare.clock import now
from revshare.tasks import BATCH, PAYABLE, request_step
from tests.reviews.conftest import calculate, market, release, sell
from tests.stories import Story
story = Story(folder=Path({folder!r}), at=now())
market(story)
for name, roles in {{"olivia": ["operator"], "adam": ["approver"], "fiona": ["finance"]}}.items():
    create_user(name=name, roles=roles, contributor_id=None, password={password!r}, act=story.act("root"))
create_user(name="carl", roles=["contributor"], contributor_id="c01", password={password!r}, act=story.act("root"))
for number in (1, 2, 3):
    sell(story, number, ("k1", "m", "60.00"), ("k2", "m", "40.00"))
    release(story, calculate(story, number))
sell(story, 4, ("k1", "m", "61.00"), ("k2", "m", "1200.00"), ("k3", "unknown", "5.00"))
cycles.submit(key=calculate(story, 4).key, act=story.act())
sell(story, 5, ("k1", "m", "6x.00"), ("k1", "m", "7x.00"))
story.open("2026-05", "2026-05-01", "2026-06-01")
file_claim(claimant_id="c01", dataset_version="ds@1", asset_id="c02-0", proof="the raw file", act=story.act())
ask_for_advance(contributor_id="c40", currency="USD", amount_micros=5_000_000, act=story.act("fiona", "a studio"))
start(subject="cycle:2026-05", step="calculate", act=story.act())
request_step(step="preview", subject=PAYABLE + ":USD", act=story.act("fiona"), request={{"currency": "USD"}}, queue=False)
start(subject=BATCH + ":USD", step="prepare", act=story.act("fiona"))
"""
OWN = (
    "", "upload/", "quarantine/", "quarantine/rows/", "suspense/", "work/claims/", "work/consents/", "work/debts/",
    "jobs/", "verification/", "audit/", "search/?q=c0", "restatements/", "deficits/", "policies/register/", "cycles/open/", "payouts/",
    "downloads/", "cycle/2026-04/", "cycle/2026-03/", "cycle/2026-05/", "files/1/", "cycle/2026-04/lab/",
)  # fmt: skip
# A list and records: one with long words, one with a table in it, two with text as it was stored.
RECORDS = (
    "revshare/ingestedfile/", "revshare/ingestedfile/1/change/", "revshare/statement/1000000001/change/",
    "revshare/run/1/change/", "revshare/cycle/1/change/",
)  # fmt: skip
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
MILLISECONDS = 60_000


@pytest.fixture(scope="module")
def console(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    """A server on a market with something on every page, and one Chromium for all tests here."""
    seed = SEED.format(folder=str(tmp_path_factory.mktemp("files")), password=PASSWORD)
    module_world.manage("shell", "--no-imports", "-c", seed, PYTHONPATH=str(ROOT))
    with served(module_world) as address, launched() as browser:
        yield browser, address


def page_of(console: tuple[Browser, str], name: str, *, staff: bool = True) -> Page:
    browser, address = console
    page = browser.new_context(base_url=address, viewport=DESKTOP).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(MILLISECONDS)
    page.goto("/console/login/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    if not staff:
        page.wait_for_url(lambda url: "/sign-in/" not in url)
    else:
        expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    return page


Look = tuple[dict[str, int], bool]
EVERY: tuple[Look, ...] = ((DESKTOP, True), (DESKTOP, False), (PHONE, False), (PHONE, True))


def flawless(page: Page, *, looks: tuple[Look, ...] = EVERY[::2]) -> None:
    """`looks`: how wide, and whether dark."""
    page.wait_for_load_state("networkidle")
    for size, dark in looks:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert overflow(page) == 0, f"{page.url} is wider than {size['width']}"
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", dark)
        found = violations(page)
        assert not found, f"{page.url} at {size['width']} in {'dark' if dark else 'light'}: {found}"


def test_every_page_is_without_a_fault(console: tuple[Browser, str]) -> None:
    """Wide in the one and narrow in the other of light and dark, in turn."""
    olivia = page_of(console, "olivia")
    for number, path in enumerate(OWN):
        olivia.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        answer = olivia.goto(f"/console/{path}")
        assert answer is not None
        assert answer.status == 200, path
        flawless(olivia, looks=EVERY[number % 2 :: 2])
    for page in (olivia, page_of(console, "carl", staff=False)):  # what another role does; and all of it, for outsiders
        answer = page.goto("/console/payouts/prepare/")
        assert answer is not None
        assert answer.status == 403
        flawless(page)


def test_no_page_is_wider_than_a_phone_in_other_languages(console: tuple[Browser, str]) -> None:
    """In the language of the longest words, and in the one that has no spaces."""
    olivia = page_of(console, "olivia")
    olivia.set_viewport_size(PHONE)  # type: ignore[arg-type]
    wider = []
    for language in ("de", "ja"):
        olivia.goto(f"/console/?language={language}")
        for path in (*OWN, *RECORDS):
            answer = olivia.goto(f"/console/{path}")
            assert answer is not None
            assert (answer.status, olivia.locator("html").get_attribute("lang")) == (200, language), path
            if overflow(olivia):
                wider.append((language, path))
    assert wider == []


@pytest.mark.long
def test_every_page_and_every_list_of_records_in_every_look(console: tuple[Browser, str]) -> None:
    adam = page_of(console, "adam")
    lists = {link.get_attribute("href") or "" for link in adam.locator(".rs-nav a").all()}
    for path in sorted(lists | {f"/console/{path}" for path in OWN}):
        adam.goto(path)
        flawless(adam, looks=EVERY)


def test_the_keys(console: tuple[Browser, str]) -> None:
    page = page_of(console, "adam")
    page.locator("body").press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    flawless(page, looks=EVERY[:2])
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    page.keyboard.press("/")
    field = page.get_by_label("Search everything")
    expect(field).to_be_focused()
    field.press_sequentially("c40?gh")
    expect(dialog).to_be_hidden()
    field.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    dialog.get_by_label("Turn the shortcuts off").check()
    page.keyboard.press("Escape")
    page.goto("/console/")
    page.locator("body").press("?")
    expect(dialog).to_be_hidden()


def test_a_foreign_file_gets_a_mapping(console: tuple[Browser, str], module_world: World, tmp_path: Path) -> None:
    page = page_of(console, "olivia")
    path = tmp_path / "shop.csv"
    path.write_text("Order,Sold_At,stream,Model,currency,Total\nx1,2026-05-02T00:00:00Z,generation,m,USD,5.00\n")
    page.goto("/console/upload/")
    page.get_by_label("What the file holds").select_option("sales")
    page.get_by_label("File", exact=True).set_input_files(path)
    expect(page.get_by_text("Still missing: sale_id, gross_amount.")).to_be_visible()
    assert page.get_by_label("What Sold_At is called here").input_value() == "sold_at"
    page.get_by_label("What Order is called here").select_option("sale_id")
    page.get_by_label("What Total is called here").select_option("gross_amount")
    expect(page.get_by_text("All columns that are needed are there.")).to_be_visible()
    page.get_by_label("Save these names as a mapping called").fill("shop")
    flawless(page)
    page.get_by_role("button", name="Upload and take in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sales: shop.csv")
    columns = module_world.rows("SELECT m.columns FROM files_upload u JOIN files_mapping m ON m.id = u.mapping_id")
    assert columns == [({"Order": "sale_id", "Sold_At": "sold_at", "Model": "model", "Total": "gross_amount"},)]


def test_an_approver_stops_a_month(console: tuple[Browser, str], module_world: World) -> None:
    adam = page_of(console, "adam")
    expect(adam.get_by_text("findings are not overridden.")).to_be_visible()
    adam.get_by_role("link", name="Look at it and approve").click()
    expect(adam.get_by_role("button", name="Approve this result")).to_have_count(0)
    number = module_world.rows("SELECT number FROM reviews_finding WHERE subject = 'customer k2' AND blocks")[0][0]
    adam.get_by_label(f"Reason on finding {number}", exact=True).fill("k2 says that it bought nothing")
    adam.get_by_role("button", name=f"Stop the cycle for finding {number}").click()
    expect(adam.get_by_text("adam stopped it: “k2 says that it bought nothing”")).to_be_visible()
    flawless(adam, looks=EVERY[:2])
    adam.goto("/console/")
    expect(adam.locator(".rs-is-blocked").get_by_text("An approver stopped it.")).to_be_visible()
    assert module_world.rows("SELECT state FROM cycles_cycle WHERE key = '2026-04'") == [("in_review",)]
    assert module_world.rows("SELECT action, by FROM reviews_decision d JOIN cycles_cycle c ON c.id = d.cycle_id "
                             "WHERE c.key = '2026-04'") == [("stop", "adam")]  # fmt: skip


def test_a_batch_by_jobs_is_without_a_fault(console: tuple[Browser, str], module_world: World) -> None:
    """What is payable where accounts are many: a job has worked it out, another prepares the batch."""
    with module_world.connect_as_owner() as owner:
        owner.execute("ALTER TABLE ledger_account_control DISABLE TRIGGER USER")
        owner.execute("UPDATE ledger_account_control SET accounts = %s", [AT_ONCE + 1])
        owner.execute("ALTER TABLE ledger_account_control ENABLE TRIGGER USER")
    fiona = page_of(console, "fiona")
    fiona.goto("/console/payouts/prepare/?currency=USD")
    expect(fiona.get_by_text("As worked out at")).to_be_visible()
    expect(fiona.get_by_role("progressbar")).to_be_visible()
    flawless(fiona)
