"""Numbers and days as each language writes them; the catalogues whole, their placeholders those of the English words."""

import ast
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.utils.translation import override
from django.utils.translation.template import templatize

from revshare import wording
from tests.conftest import ROOT

OTHERS = [code for code in wording.LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}|%%")
# Where words for people are, and tables of them.
WITH_WORDS = (
    "portal", "signin", "mail", "invitations", "exports", "statements", "console", "files", "cycles",
)  # fmt: skip
# How words are marked, and which of a call's arguments they are; `c` is what they are said of.
MARKS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None, "ngettext": (1, 2), "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
Key = tuple[str | None, str]


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
    assert in_each(lambda: wording.percent("1234.5")) == {
        "en": "1,234.5%", "de": "1.234,5\xa0%", "fr": "1\u202f234,5\xa0%", "es": "1.234,5\xa0%", "ja": "1,234.5%",
    }  # fmt: skip


def test_days_and_instants_name_their_time_zone() -> None:
    at = datetime(2026, 3, 29, 1, 5, tzinfo=UTC)
    assert in_each(lambda: wording.day(date(2026, 3, 1))) == {
        "en": "1 March 2026", "de": "1. März 2026", "fr": "1 mars 2026", "es": "1 de marzo de 2026", "ja": "2026年3月1日",
    }  # fmt: skip
    assert wording.instant(at, "Europe/Berlin") == "29 March 2026, 03:05 Europe/Berlin"
    with override("ja"):
        assert wording.instant(at) == "2026年3月29日 01:05 UTC"
    assert wording.period(date(2026, 3, 1), date(2026, 3, 2)) == "1 March 2026"
    assert in_each(lambda: wording.month(date(2026, 3, 1), date(2026, 4, 1)))["de"] == "März 2026"


def key(context: str | bytes | None, message: str | tuple[str, ...]) -> Key:
    """By what a message is looked up: what it is said of, and its words, in the singular."""
    told = context.decode() if isinstance(context, bytes) else context  # babel reads compiled ones so
    return told or None, message if isinstance(message, str) else message[0]


@cache
def used() -> frozenset[Key]:
    """Every message of the pages, letters and statements, out of the sources themselves."""
    found = set()
    for part in WITH_WORDS:
        for path in [ROOT / "revshare" / "wording.py", *sorted((ROOT / "revshare" / part).rglob("*"))]:
            if path.suffix == ".py":
                text = path.read_text()
            elif path.suffix in (".html", ".txt"):
                text = templatize(path.read_text())
            else:
                continue
            for _line, message, _comments, context in extract("python", io.BytesIO(text.encode()), keywords=MARKS):
                found.add(key(context, message))
    return frozenset(found)


# A sign of the console's frame is written as its name.
SAID = re.compile(
    r"{% comment %}.*?{% endcomment %}|{% blocktranslate.*?{% endblocktranslate %}|<(code|script)\b.*?</\1>"
    r"""|<span class="material-symbols[^>]*>.*?</span>|{[%{#].*?[}%#]}""",
    re.DOTALL,
)
ATTRIBUTE = re.compile(r"""\b(?:alt|aria-label|data-label|placeholder|title)=(["'])(.*?)\1""", re.DOTALL)
TAG = re.compile(r"<[^>]*>", re.DOTALL)
SKINS = ("portal", "signin", "console")
NO_WORDS = {"revshare", "PDF", "CSV", "HTML", "SHA", "UTC", "macOS", "Windows"}


def templates() -> list[Path]:
    """Pages, letters and errors; what developers see is English."""
    found = [path for part in SKINS for path in sorted((ROOT / "revshare" / part).rglob("*.html"))]
    return [path for path in found if not path.name.startswith("components")]


def test_no_page_has_a_word_that_is_not_in_the_catalogues() -> None:
    untold = []
    for path in templates():
        text = SAID.sub(" ", path.read_text())
        for words in [TAG.sub(" ", text), *(match[1] for match in ATTRIBUTE.findall(text))]:
            untold += [(path.name, word) for word in re.findall(r"[^\W\d_]{2,}", words) if word not in NO_WORDS]
    assert len(templates()) > 90
    assert untold == []


# Texts of the console's modules that nobody reads on a page: a header, the name of a type, what must hold.
NOT_READ = {
    "Content-Disposition", "Form", "rs-input ", "rows of these lists are not counted", "no key is so large",
    "a page follows a key or precedes one",
}  # fmt: skip
FOR_PEOPLE = re.compile(r"[A-Za-z]{2,}[’']?\w* [A-Za-z(]|^[A-Z][a-z]+|[a-z]+: |^ [a-z]{2,}|[a-z]{2,} $")


def texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts of a module, and on which line, but what is marked and what describes the program."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in MARKS:
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.lineno, child.value
        yield from texts(child)


def test_no_module_of_the_console_says_what_is_not_in_the_catalogues() -> None:
    paths = sorted((ROOT / "revshare" / "console").glob("*.py"))
    found = [(path.name, line, text) for path in paths for line, text in texts(ast.parse(path.read_text()))]
    untold = [each for each in found if FOR_PEOPLE.search(TAG.sub("", each[2]))]
    assert {text for _name, _line, text in untold} >= NOT_READ, "no longer said"
    assert [each for each in untold if each[2] not in NOT_READ] == []


def test_words_are_marked_where_they_are_looked_for() -> None:
    """In these parts; and by `_`, or a function's own name, since makemessages knows no other."""
    marked = re.compile(r"translation import .*gettext")
    renamed = re.compile(r"import (n?p?gettext\w*) as (?!_\b)\w+|import (ngettext\w*|pgettext\w*) as _\b")
    texts = {path.relative_to(ROOT / "revshare"): path.read_text() for path in (ROOT / "revshare").rglob("*.py")}
    assert {path.parts[0] for path, text in texts.items() if marked.search(text)} - {*WITH_WORDS, "wording.py"} == set()
    assert [path for path, text in texts.items() if renamed.search(text)] == []


def said_in(code: str) -> Catalog:
    with (ROOT / "revshare" / "locale" / code / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=code)


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def by_key(catalogue: Catalog) -> dict[Key, Message]:
    return {key(message.context, message.id): message for message in catalogue if message.id}


@pytest.mark.parametrize("code", OTHERS)
def test_no_message_lacks_its_translation_and_placeholders_agree(code: str) -> None:
    catalogue = said_in(code)
    said = by_key(catalogue)
    assert used() - set(said) == set(), "run makemessages, then translate"
    assert set(said) - used() == set(), "no page says these any more"
    for name, message in said.items():
        assert all(forms(message.string)), name
        assert not message.fuzzy, name
        if message.pluralizable:
            assert len(forms(message.string)) == catalogue.num_plurals, name
        allowed = [sorted(PLACEHOLDER.findall(text)) for text in forms(message.id)]
        for text in forms(message.string):
            assert sorted(PLACEHOLDER.findall(text)) in allowed, name


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_compiled_is_what_is_written(code: str) -> None:
    with (ROOT / "revshare" / "locale" / code / "LC_MESSAGES" / "django.mo").open("rb") as mo:
        compiled = by_key(read_mo(mo))
    written = by_key(said_in(code))
    assert {name: forms(m.string) for name, m in written.items()} == {
        name: forms(m.string) for name, m in compiled.items()
    }


def test_every_language_has_its_catalogue() -> None:
    assert {path.name for path in Path(ROOT, "revshare", "locale").iterdir()} == set(OTHERS)
