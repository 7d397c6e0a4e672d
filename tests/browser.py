"""Real pages in a real Chromium: finds it, serves an instance, checks what a page is like for people.

Only for tests with a `world`: Playwright's event loop and Django's ORM do not share a thread.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import ROOT, World

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run",
    "--disable-dev-shm-usage",
]  # fmt: skip
START_SECONDS = 60


def chromium() -> str:
    """Where Chromium is: CHROMIUM, PATH, or Playwright's own. Skips the test if it is nowhere, but fails on CI."""
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)]
    with sync_playwright() as playwright:
        candidates.append(playwright.chromium.executable_path)
    for path in candidates:
        if path and Path(path).is_file():
            return path
    reason = "no Chromium: install it, or say where it is in CHROMIUM"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless Chromium that is gone afterwards. It has the fonts that come with the source: a machine without Japanese
    ones would draw narrow boxes."""
    path = chromium()
    fonts: dict[str, str | float | bool] = {**os.environ, "XDG_DATA_HOME": str(ROOT / "revshare" / "exports")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS, env=fonts)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(world: World) -> Iterator[str]:
    """The instance's pages by gunicorn on a free loopback port; gives the address, without a slash at its end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = world.start(
        sys.executable,
        "-m",
        "gunicorn",
        "config.wsgi",
        "--no-control-socket",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "1",
        "--threads",
        "4",
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/sign-in/", server, world.home / "process.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=10).close()
            return
        except urllib.error.HTTPError as error:
            pytest.fail(f"{address} answers {error.code}\n{log.read_text()[-4_000:]}")
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{address} does not answer\n{log.read_text()[-4_000:]}")


def sign_in(page: Page, base: str, name: str, password: str) -> None:
    """Through the sign-in page, as people do."""
    page.goto(f"{base}/sign-in/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page, one line each."""
    found = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['help']}: {json.dumps([node['target'] for node in item['nodes']])}" for item in found]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
