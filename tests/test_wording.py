"""Numbers and days as each language writes them; the catalogues whole, their placeholders those of the English words."""

import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.utils.translation import override
from django.utils.translation.template import templatize

from revshare import wording
from tests.conftest import ROOT

OTHERS = [code for code in wording.LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}|%%")
WITH_WORDS = ("portal", "signin", "mail", "invitations", "exports", "statements")


def in_each(said: Callable[[], str]) -> dict[str, str]:
    found = {}
    for code in wording.LANGUAGES:
        with override(code):
            found[code] = said()
    return found


def test_amounts_are_exact_and_written_as_their_readers_do() -> None:
    """By CLDR: signs, places of currencies, no-break spaces."""
    assert in_each(lambda: wording.money_exact(-168_110_714_219, "GBP")) == {
        "en": "−£168,110.714219", "de": "−168.110,714219\xa0£", "fr": "−168\u202f110,714219\xa0£GB",
        "es": "−168.110,714219\xa0GBP", "ja": "−£168,110.714219",
    }  # fmt: skip
    assert in_each(lambda: wording.money_exact(1_000_000_000, "JPY")) == {
        "en": "¥1,000", "de": "1.000\xa0¥", "fr": "1\u202f000\xa0JPY", "es": "1.000\xa0JPY", "ja": "￥1,000",
    }  # fmt: skip
    assert in_each(lambda: wording.money_exact(12_000_000, "CHF"))["ja"] == "CHF\xa012.00"


def test_days_and_instants_name_their_time_zone() -> None:
    at = datetime(2026, 3, 29, 1, 5, tzinfo=UTC)
    assert in_each(lambda: wording.day(date(2026, 3, 1))) == {
        "en": "1 March 2026", "de": "1. März 2026", "fr": "1 mars 2026", "es": "1 de marzo de 2026", "ja": "2026年3月1日",
    }  # fmt: skip
    assert wording.instant(at, "Europe/Berlin") == "29 March 2026, 03:05 Europe/Berlin"
    assert wording.period(date(2026, 3, 1), date(2026, 3, 2)) == "1 March 2026"
    assert in_each(lambda: wording.month(date(2026, 3, 1), date(2026, 4, 1)))["de"] == "März 2026"


def used() -> set[str]:
    """Every message of the pages, letters and statements, out of the sources themselves."""
    found: set[str] = set()
    for part in WITH_WORDS:
        for path in [ROOT / "revshare" / "wording.py", *sorted((ROOT / "revshare" / part).rglob("*"))]:
            if path.suffix == ".py":
                text = path.read_text()
                words = {"_": None, "gettext": None, "gettext_noop": None}
            elif path.suffix in (".html", ".txt"):
                text, words = templatize(path.read_text()), {"gettext": None, "_": None}
            else:
                continue
            for _line, message, _comments, _context in extract("python", io.BytesIO(text.encode()), keywords=words):
                found.add(message if isinstance(message, str) else message[0])
    return found


SAID = re.compile(
    r"{% comment %}.*?{% endcomment %}|{% blocktranslate.*?{% endblocktranslate %}|<(code|script)\b.*?</\1>|{[%{#].*?[}%#]}",
    re.DOTALL,
)
ATTRIBUTE = re.compile(r"""\b(?:alt|aria-label|data-label|placeholder|title)=(["'])(.*?)\1""", re.DOTALL)
TAG = re.compile(r"<[^>]*>", re.DOTALL)
NO_WORDS = {"revshare", "PDF", "CSV", "HTML", "SHA", "UTC", "macOS", "Windows"}


def contributors_templates() -> list[Path]:
    """Pages, letters and errors that contributors see; what staff and developers see is English."""
    found = [path for part in ("portal", "signin") for path in sorted((ROOT / "revshare" / part).rglob("*.html"))]
    return [path for path in found if not path.name.startswith(("staff_", "components"))]


def test_no_page_of_a_contributor_has_a_word_that_is_not_in_the_catalogues() -> None:
    untold = []
    for path in contributors_templates():
        text = SAID.sub(" ", path.read_text())
        for words in [TAG.sub(" ", text), *(match[1] for match in ATTRIBUTE.findall(text))]:
            untold += [(path.name, word) for word in re.findall(r"[^\W\d_]{2,}", words) if word not in NO_WORDS]
    assert len(contributors_templates()) > 40
    assert untold == []


@pytest.mark.parametrize("code", OTHERS)
def test_no_message_lacks_its_translation_and_placeholders_agree(code: str) -> None:
    folder = ROOT / "revshare" / "locale" / code / "LC_MESSAGES"
    with (folder / "django.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    said = {message.id: message for message in catalogue if message.id}
    assert used() - set(said) == set(), "run makemessages, then translate"
    assert set(said) - used() == set(), "no page says these any more"
    for name, message in said.items():
        assert message.string, name
        assert not message.fuzzy, name
        assert sorted(PLACEHOLDER.findall(message.string)) == sorted(PLACEHOLDER.findall(name)), name


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_compiled_is_what_is_written(code: str) -> None:
    folder = ROOT / "revshare" / "locale" / code / "LC_MESSAGES"
    with (folder / "django.po").open("rb") as po, (folder / "django.mo").open("rb") as mo:
        written, compiled = read_po(po, locale=code), read_mo(mo)
    assert {m.id: m.string for m in written if m.id} == {m.id: m.string for m in compiled if m.id}


def test_every_language_has_its_catalogue() -> None:
    assert {path.name for path in Path(ROOT, "revshare", "locale").iterdir()} == set(OTHERS)
