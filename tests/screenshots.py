"""Pictures of real pages of the year that `manage.py showcase` makes: `make screenshots` takes those of the README;
`python -m tests.screenshots FOLDER [PAGE …]` takes every page of the console in every look, to be looked at."""

import os
import sys
from pathlib import Path

import django
from playwright.sync_api import Browser, Page, ViewportSize

from config.instance import ROOT, home, prepare

prepare()
django.setup()

from revshare.management.showcase.people import passwords  # noqa: E402  (the instance has to be there first)
from tests.browser import launched, served  # noqa: E402
from tests.conftest import World  # noqa: E402

TOUR = ROOT / "docs" / "screenshots"
DESKTOP, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=740)
LOOKS = {
    "desktop-light": (DESKTOP, "light"), "desktop-dark": (DESKTOP, "dark"),
    "phone-light": (PHONE, "light"), "phone-dark": (PHONE, "dark"),
}  # fmt: skip
# Name: (who looks, at what, in which look, which element comes to the top of the picture).
PICTURES = {
    "pipeline": ("adam", "console/", "desktop-light", ""),
    "review": ("adam", "console/cycle/2011-11/", "desktop-light", "#findings"),
    "cycle-dark": ("adam", "console/cycle/2011-11/", "desktop-dark", ""),
    "quarantine": ("olivia", "console/quarantine/rows/", "desktop-light", ""),
    "payouts": ("fiona", "console/payouts/", "desktop-light", ""),
    "audit-dark": ("iris", "console/audit/", "desktop-dark", ""),
    "phone": ("adam", "console/", "phone-dark", ""),
    "balance": ("turner", "", "desktop-light", ""),
    "statement": ("turner", "statements/2011-10-{turner}/", "desktop-light", ""),
}
CONSOLE = {
    "home": "", "upload": "upload/", "upload-detail": "uploads/3/", "file": "files/20/", "quarantine": "quarantine/",
    "quarantine-rows": "quarantine/rows/", "suspense": "suspense/", "claims": "work/claims/",
    "consents": "work/consents/", "debts": "work/debts/", "jobs": "jobs/", "audit": "audit/",
    "search": "search/?q=Turner", "restatements": "restatements/", "restatement": "restatements/1/",
    "deficits": "deficits/", "register-policy": "policies/register/", "open-cycle": "cycles/open/",
    "payouts": "payouts/", "prepare": "payouts/prepare/?currency=GBP", "batch": "payouts/1/",
    "downloads": "downloads/", "cycle-review": "cycle/2011-11/", "cycle-published": "cycle/2011-10/",
    "cycle-open": "cycle/2011-12/", "lab": "cycle/2011-11/lab/", "records-sales": "revshare/sale/",
    "records-statements": "revshare/statement/", "records-events": "revshare/event/",
    "records-contributors": "revshare/contributor/", "records-cycles": "revshare/cycle/",
    "record-contributor": "revshare/contributor/TATE-00558/change/", "records-empty": "revshare/rate/",
    "records-users": "revshare/user/", "not-found": "nothing/",
}  # fmt: skip


def main(arguments: list[str]) -> None:
    known = passwords(home())
    if not known:
        raise SystemExit(f"{home()} is no year to look at: run `manage.py showcase` with this REVSHARE_HOME first.")
    here = World(home=home(), env=dict(os.environ), database_url="", owner_url="")
    with served(here) as address, launched() as browser:
        if arguments:
            everything(browser, address, known, Path(arguments[0]), arguments[1:])
        else:
            tour(browser, address, known)


def tour(browser: Browser, address: str, known: dict[str, str]) -> None:
    TOUR.mkdir(parents=True, exist_ok=True)
    people: dict[tuple[str, str], Page] = {}
    for name, (who, path, look, anchor) in PICTURES.items():
        page = people.get((who, look)) or signed_in(browser, address, who, known[who], look)
        people[who, look] = page
        page.goto(f"{address}/{path.format(turner=own_number(page, address)) if '{' in path else path}")
        page.wait_for_load_state("networkidle")
        if anchor:
            page.locator(anchor).evaluate("element => element.scrollIntoView()")
        page.screenshot(path=TOUR / f"{name}.png")


def own_number(page: Page, address: str) -> str:
    """What a contributor's statement of October has behind the cycle's key."""
    page.goto(f"{address}/statements/")
    link = page.locator("a[href*='/statements/2011-10-']").first.get_attribute("href") or ""
    return link.rstrip("/").rpartition("-")[2]


def everything(browser: Browser, address: str, known: dict[str, str], folder: Path, only: list[str]) -> None:
    """Whole pages, from their top to their end."""
    folder.mkdir(parents=True, exist_ok=True)
    for look in LOOKS:
        page = signed_in(browser, address, "olivia", known["olivia"], look)
        for name, path in CONSOLE.items():
            if only and name not in only:
                continue
            page.goto(f"{address}/console/{path}")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)


def signed_in(browser: Browser, address: str, name: str, password: str, look: str) -> Page:
    size, scheme = LOOKS[look]
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.goto(f"{address}/sign-in/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    return page


if __name__ == "__main__":
    main(sys.argv[1:])
