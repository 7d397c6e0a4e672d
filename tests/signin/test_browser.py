"""Signing in with two steps in a real browser: the pages are accessible, the strict policy stops none of their
scripts, and a passkey can be added and used."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import launched, overflow, served, sign_in, violations
from tests.conftest import World

STRICT = {"REVSHARE_STRICT_SIGN_IN": "true"}


@dataclass
class Site:
    base: str
    browser: Browser
    password: str


@pytest.fixture(scope="module")
def site(module_world: World) -> Iterator[Site]:
    module_world.env |= STRICT
    with launched() as browser:
        password = module_world.json("create_user", "olivia", "--role", "operator")["password"]
        with served(module_world) as base:
            yield Site(base.replace("127.0.0.1", "localhost"), browser, password)


def with_key(page: Page) -> None:
    """Gives the browser a security key of its own."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_passkey_is_added_and_signs_in(site: Site) -> None:
    context = site.browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    problems: list[str] = []

    def look(where: str) -> None:
        problems.extend(f"{where}: {found}" for found in violations(page))
        if overflow(page) > 0:
            problems.append(f"{where}: wider than the window by {overflow(page)} px")

    with_key(page)
    sign_in(page, site.base, "olivia", site.password)
    page.wait_for_url("**/account/two-factor/")
    look("your account")
    page.get_by_role("link", name="Set up an app").click()
    look("an app")
    page.goto(f"{site.base}/account/two-factor/webauthn/add/")
    look("a passkey")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url("**/account/two-factor/recovery-codes/")
    look("recovery codes")
    for place in ("account/sessions/", "account/tokens/", "account/password/", "account/two-factor/webauthn/"):
        page.goto(f"{site.base}/{place}")
        look(place)
    page.goto(f"{site.base}/console/")
    assert page.get_by_role("heading", level=1).inner_text() == "Home"
    page.goto(f"{site.base}/account/two-factor/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/")
    look("sign in")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/console/")
    assert page.get_by_role("heading", level=1).inner_text() == "Home"
    context.close()
    assert refused == []
    assert problems == []
