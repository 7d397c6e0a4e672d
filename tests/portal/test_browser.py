"""The portal in Chromium: accessible in light and dark, on a telephone and a desk, by keyboard, without JavaScript."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import launched, overflow, served, sign_in, violations
from tests.conftest import World
from tests.portal.pdf_text import pdf_text

LONG = "Wolfeschlegelsteinhausenbergerdorff" * 4
CONTRIBUTORS = f"contributor_id,contributor_name\nann,{LONG[:120]}\nben,Ben מרים 漢字\ncy,Cy\n"
ATTRIBUTIONS = (
    "dataset_version,asset_id,contributor_id\nd@1,1,ann\nd@1,2,ann\nd@1,2,ben\nd@1,2,cy\ne@1,1,ann\ne@1,2,ben\n"
)
MODELS = f"model,dataset_version\nm,d@1\nmodel-{'x' * 120},e@1\n"
SALES = (
    "sale_id,sold_at,stream,model,currency,gross_amount\ns1,2026-05-01T12:00:00Z,generation,m,USD,10.000003\n"
    f"s2,2026-05-02T12:00:00Z,generation,model-{'x' * 120},USD,123456.70\ns3,2026-05-03T12:00:00Z,generation,m,JPY,1000\n"
)
POLICY = (
    'name = "p"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "per_model"\n'
    'allocation = "asset_count"\n'
)
HALF = 640
"""What 200 % zoom leaves of a desk."""
# Each page is loaded once per language and looked at in two ways: between them, light and dark on telephone and desk.
LOOKS = {
    "de": (("light", 360), ("dark", 1280)),
    "ja": (("dark", 360), ("light", 1280)),
}


@dataclass
class Portal:
    """A running site with a published cycle, and how to sign in."""

    base: str
    browser: Browser
    passwords: dict[str, str]
    numbers: dict[tuple[str, str], str]
    claim: int
    invitation: str


@pytest.fixture(scope="module")
def portal(module_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("portal")
    files = {"contributors": CONTRIBUTORS, "attributions": ATTRIBUTIONS, "models": MODELS, "sales": SALES}
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "policy.toml").write_text(POLICY)
    module_world.env["REVSHARE_COMPONENTS"] = "true"
    with launched() as browser:
        for name, role in (("olivia", "operator"), ("adam", "approver")):
            module_world.manage("create_user", name, "--role", role)
        module_world.manage(
            "run_cycle", "2026-05", "--start", "2026-05-01", "--end", "2026-06-01", "--timezone", "Europe/London",
            "--from", folder, "--prepared-by", "olivia", "--approved-by", "adam",
        )  # fmt: skip
        module_world.manage("proof", "make", "2026-05")
        passwords = {
            name: module_world.json("create_user", name, "--role", "contributor", "--contributor", name)["password"]
            for name in ("ann", "ben")
        }
        rows = module_world.rows("SELECT contributor_id, currency, number FROM statements_statement")
        numbers = {(contributor, currency): number for contributor, currency, number in rows}
        link = module_world.json("invite", "cy", "--email", "cy@example.com")["link"]
        claim = module_world.json(
            "claims", "file", "--claimant", "ann", "--dataset", "d@1", "--asset", "2", "--reason", "mine"
        )["claim"]
        with served(module_world) as base:
            yield Portal(base, browser, passwords, numbers, claim, link[link.index("/invitations/") :])


@pytest.mark.parametrize("language", LOOKS)
def test_every_page_is_accessible_and_fits(portal: Portal, language: str) -> None:
    context = portal.browser.new_context(viewport={"width": 360, "height": 800}, locale=language)
    page = context.new_page()
    problems: list[str] = []

    def look(where: str, status: int = 200) -> None:
        answer = page.goto(f"{portal.base}/{where}")
        assert answer is not None
        if answer.status != status:
            problems.append(f"{where}: {answer.status}")
        examine(page, where, language, problems)

    look("sign-in/")
    look(portal.invitation.lstrip("/"))
    look("invitations/none/", 404)
    enter(page, portal, "ann")
    assert page.url == f"{portal.base}/"
    page.locator("details summary").click()
    examine(page, "home", language, problems)
    usd = portal.numbers["ann", "USD"]
    for place in (
        "statements/", f"statements/{usd}/", f"statements/{portal.numbers['ann', 'JPY']}/", "works/", "works/?search=nothing",
        "decisions/", "decisions/new/?decision=opt_out", "claims/", "claims/new/", f"claims/{portal.claim}/", "account/",
        "account/delete/", "destination/", "account/two-factor/", "account/two-factor/totp/activate/",
        "account/two-factor/webauthn/", "account/two-factor/webauthn/add/", "account/sessions/", "account/tokens/",
        "account/password/", "published/", "published/2026-05/", "verify/",
    ):  # fmt: skip
        look(place)
    look(f"statements/{portal.numbers['ben', 'USD']}/", 404)
    look("staff/letters/", 403)
    page.goto(f"{portal.base}/statements/{usd}/verify/")
    page.locator("#check-own").click()
    page.locator("#verdict.notice").wait_for()
    examine(page, "verified", language, problems)
    page.goto(f"{portal.base}/claims/new/")
    page.locator("#dataset_version").fill("nowhere")
    page.locator("#asset_id").fill("nothing")
    page.locator("#proof").fill("none")
    page.locator("main form button").click()
    page.locator(".notice.bad").wait_for()
    examine(page, "a claim refused", language, problems)
    page.goto(f"{portal.base}/components/")
    examine(page, "components", "", problems)
    context.close()
    assert problems == []


def examine(page: Page, where: str, language: str, problems: list[str]) -> None:
    """What axe says in both ways of looking; whether anything is wider than its window, at half a desk too."""
    said = page.evaluate("document.documentElement.lang")
    if language and said != language:
        problems.append(f"{where}: in {said}")
    for scheme, width in (*LOOKS[language or "de"], ("", HALF)):
        page.set_viewport_size({"width": width, "height": 800})
        if scheme:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            problems.extend(f"{where}, {scheme}, {width}: {problem}" for problem in violations(page))
        if overflow(page) > 0:
            problems.append(f"{where}: {overflow(page)} px wider than {width}")


def enter(page: Page, portal: Portal, name: str) -> None:
    """Signs in, in whatever language the page is."""
    page.goto(f"{portal.base}/sign-in/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(portal.passwords[name])
    page.locator("main form button").click()


def test_a_contributor_understands_verifies_downloads_and_opts_out(portal: Portal, tmp_path: Path) -> None:
    """The whole way, as a person goes it; and a stranger gets nowhere on it."""
    context = portal.browser.new_context(accept_downloads=True)
    page = context.new_page()
    sign_in(page, portal.base, "ben", portal.passwords["ben"])
    page.get_by_role("link", name="Read the statement").first.click()
    number = page.url.rstrip("/").rpartition("/")[2]
    assert "How was this computed?" in page.inner_text("main")
    assert "your part is" in page.inner_text("main")
    page.get_by_role("link", name="Verify this statement").click()
    page.get_by_role("button", name="Verify in this browser").click()
    page.get_by_text("The statement is what was published").wait_for()
    page.get_by_role("link", name="Account").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download my data").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert number in archive.read("statements.csv").decode()
    page.get_by_role("link", name="Works").click()
    page.get_by_role("link", name="Opt out 2").first.click()
    assert "Money that is earned already stays as it is." in page.inner_text("main")
    page.get_by_role("button", name="Opt out now").click()
    page.wait_for_url("**/decisions/")
    assert "opted out" in page.inner_text("tbody")

    stranger = portal.browser.new_context().new_page()
    for place in (
        "",
        f"statements/{number}/",
        f"statements/{number}.pdf",
        "account/my-data.zip",
        "works/",
        "claims/1/",
        "staff/letters/",
    ):
        stranger.goto(f"{portal.base}/{place}")
        assert "/sign-in/?next=" in stranger.url
    enter(stranger, portal, "ann")  # somebody else, with an account
    for place in (f"statements/{number}/", f"statements/{number}/verify/", "claims/999/", "staff/letters/"):
        answer = stranger.goto(f"{portal.base}/{place}")
        assert answer is not None
        assert answer.status in (403, 404), place
        assert "Ben" not in stranger.inner_text("main")
    context.close()


def test_from_sign_in_to_the_pdf_by_keyboard_alone(portal: Portal) -> None:
    context = portal.browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.goto(portal.base)
    assert focused(page) == "username"
    page.keyboard.type("ben")
    page.keyboard.press("Tab")
    page.keyboard.type(portal.passwords["ben"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{portal.base}/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to main content"
    page.keyboard.press("Enter")
    number = portal.numbers["ben", "USD"]
    tab_to(page, f"Read the statement {number}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/statements/{number}/")
    tab_to(page, "Download PDF")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == f"{number}.pdf"
    assert number in pdf_text(Path(download.value.path()).read_bytes())
    context.close()


def focused(page: Page) -> str:
    """The name or text of the element that has the focus, which must be visibly marked."""
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    return " ".join(page.evaluate("document.activeElement.name || document.activeElement.innerText").split())


def tab_to(page: Page, text: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page) == text:
            return
    raise AssertionError(f"{text} is not reached by TAB")


def test_everything_works_without_javascript_and_keeps_names_apart(portal: Portal) -> None:
    context = portal.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, portal.base, "ben", portal.passwords["ben"])
    page.get_by_role("link", name=portal.numbers["ben", "JPY"]).first.click()
    assert "20% of ¥1,000 net sales is a pool of ¥200; you hold 1/3 of one asset" in page.inner_text("main")
    assert "Ben מרים 漢字" in page.inner_text("main")
    page.get_by_role("button", name="Sign out").click()
    assert page.url == f"{portal.base}/sign-in/"
    page.goto(f"{portal.base}/statements/{portal.numbers['ben', 'JPY']}/")
    assert "/sign-in/?next=" in page.url
    context.close()


def test_tables_stay_tables_on_a_narrow_screen(portal: Portal) -> None:
    context = portal.browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    sign_in(page, portal.base, "ann", portal.passwords["ann"])
    page.goto(f"{portal.base}/statements/{portal.numbers['ann', 'USD']}/")
    table = page.get_by_role("table").first
    assert table.get_by_role("row").count() == 5
    assert table.get_by_role("columnheader").count() == 7
    assert table.get_by_role("rowheader").count() == 4
    context.close()


def test_a_statement_is_verified_in_the_browser_without_a_server(portal: Portal, tmp_path: Path) -> None:
    context = portal.browser.new_context(accept_downloads=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, portal.base, "ann", portal.passwords["ann"])
    number = portal.numbers["ann", "USD"]
    page.goto(f"{portal.base}/statements/{number}/verify/")
    context.set_offline(True)
    page.get_by_role("button", name="Verify in this browser").click()
    page.get_by_text("The statement is what was published").wait_for()
    found = page.locator("#findings li").all_inner_texts()
    assert len(found) == 4
    assert "It is one of 3 statements in USD" in found[1]
    context.set_offline(False)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the proof").click()
    proof = tmp_path / "proof.json"
    download.value.save_as(proof)

    stranger = portal.browser.new_context().new_page()
    stranger.goto(f"{portal.base}/verify/")
    stranger.locator("#proof-file").set_input_files(proof)
    stranger.get_by_text("The statement is what was published").wait_for()
    forged = json.loads(proof.read_text())
    step = forged["parts"][0]["path"][-1]
    step["owed_micros"] = str(int(step["owed_micros"]) + 1)
    (tmp_path / "forged.json").write_text(json.dumps(forged))
    stranger.locator("#proof-file").set_input_files(tmp_path / "forged.json")
    stranger.get_by_text("Wrong: the path does not lead to the published root.").wait_for()
    assert stranger.locator("#verdict").inner_text().startswith("Do not rely")
    assert not errors
