"""One statement as PDF/UA-1: tagged, with embedded fonts, the same bytes for the same statement.

The template gets its data as JSON in an input of its own, so that nothing in a name can be taken for markup.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import typst

from revshare.exports.statement_document import Document, DocumentLine, document
from revshare.statements.queries import Explained

TEMPLATE = Path(__file__).with_name("statement.typ")
STANDARD: Final = "ua-1"
SUBSTITUTE = "\N{WHITE SQUARE}"
SAFE_SIGNS = "£€¥×÷−→…\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}"
LONGEST_WORD = 36
BREAK = "\N{ZERO WIDTH SPACE}"
FONT_SETTING = '#set document(title: "probe")\n#set text(font: ("Libertinus Serif", "DejaVu Sans Mono"))\n'
# Overrides and isolates of writing direction: each name has a cell of its own and needs none.
DIRECTION_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

KIND_WORDS = {"adjusted": "Adjusted", "withheld": "Withheld", "held": "Held back", "paid": "Paid"}


class StatementNotRendered(RuntimeError):
    """The template could not be turned into a document: a fault of the program, never of a name."""


def statement_pdf(explained: Explained) -> bytes:
    """The statement as A4 PDF. Characters that no shipped font can draw are shown as □, and a note says so.

    Its date is that of the publication; a draft is marked on every page. Raises StatementNotRendered.
    """
    [content] = _render(explained, "pdf")
    return content


def statement_png_pages(explained: Explained, *, dots_per_inch: int = 110) -> list[bytes]:
    """The same pages as pictures, to look at."""
    return _render(explained, "png", dots_per_inch)


def _render(explained: Explained, form: Literal["pdf", "png"], dots_per_inch: int | None = None) -> list[bytes]:
    doc = document(explained)
    texts = _texts(doc)
    drawn, missing = _drawable(texts)
    stamp = int(doc.dated_at.timestamp())
    try:
        return _compile(drawn | {"replaced": missing}, stamp, form, dots_per_inch)
    except typst.TypstError:
        # A character that can be drawn alone may still fail beside another one: then ASCII and currency signs only.
        plain = _walk(texts, _plain)
    try:
        return _compile(plain | {"replaced": True}, stamp, form, dots_per_inch)
    except typst.TypstError as error:
        raise StatementNotRendered(f"Statement {doc.number} could not be set as {form}: {error.message}") from error


def _compile(data: dict[str, Any], stamp: int, form: Literal["pdf", "png"], dots_per_inch: int | None) -> list[bytes]:
    compiler = typst.Compiler(
        TEMPLATE, root=TEMPLATE.parent, font_paths=_fonts(), ignore_system_fonts=True,
        sys_inputs={"statement": json.dumps(data, ensure_ascii=True)},
    )  # fmt: skip
    made = compiler.compile(
        format=form, ppi=dots_per_inch, timestamp=stamp, pdf_standards=[STANDARD] if form == "pdf" else []
    )
    assert made is not None, "without a target, the bytes come back"
    return made if isinstance(made, list) else [made]


def _texts(doc: Document) -> dict[str, Any]:
    """All that the template shows, as texts."""
    cycle = doc.explained.statement.cycle
    starts, ends = doc.bounds
    return {
        "number": doc.number, "draft": doc.is_draft, "name": doc.contributor.name,
        "contributor": doc.contributor.pk, "currency": doc.currency, "cycle": cycle.key, "period": doc.period,
        "timezone": cycle.timezone, "starts": starts, "ends": ends, "published": doc.published, "policy": doc.policy,
        "policy_sha256": cycle.policy.sha256, "content_sha256": doc.explained.statement.content_sha256,
        "journal": doc.explained.chain_head, "intact": doc.is_intact, "answer": doc.answer,
        "opening": _amount(doc, "opening"), "earned": _amount(doc, "earned"), "closing": _amount(doc, "closing"),
        "movements": [
            {"word": KIND_WORDS[kind], "short": amount.short, "exact": amount.exact} for kind, amount in doc.movements
        ],
        "lines": [_line(item) for item in doc.lines],
    }  # fmt: skip


def _amount(doc: Document, name: str) -> dict[str, str]:
    amount = getattr(doc, name)
    return {"short": amount.short, "exact": amount.exact}


def _line(item: DocumentLine) -> dict[str, str]:
    return {
        "line": str(item.line.number), "scope": item.scope, "rule": item.rule, "share": item.share,
        "pool": item.pool.exact, "all_assets": item.all_assets, "your_assets": item.your_assets,
        "amount": item.amount.exact, "working": item.working, "sentence": f"{item.scope}: {item.sentence}.",
    }  # fmt: skip


def _drawable(texts: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The texts with □ for what cannot be drawn, and whether there was any."""
    tidy = _walk(texts, _tidy)
    signs = sorted({sign for text in _all(tidy) for sign in text if not sign.isascii()})
    missing = _undrawable("".join(signs)) if signs else frozenset()
    if not missing:
        return tidy, False
    table = str.maketrans(dict.fromkeys(missing, SUBSTITUTE))
    return _walk(tidy, lambda text: text.translate(table)), True


def _tidy(text: str) -> str:
    """Control characters become spaces, direction controls go; very long words may be broken."""
    text = DIRECTION_CONTROLS.sub("", unicodedata.normalize("NFC", text))
    text = "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in text)
    return re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: _breakable(word[0]), text)


def _plain(text: str) -> str:
    """Only what certainly can be drawn beside anything else."""
    return "".join(sign if sign.isascii() or sign in SAFE_SIGNS else SUBSTITUTE for sign in _tidy(text))


def _breakable(word: str) -> str:
    pieces = [word[at : at + LONGEST_WORD] for at in range(0, len(word), LONGEST_WORD)]
    return BREAK.join(pieces)


@cache
def _fonts() -> typst.Fonts:
    """The fonts in the wheel alone: a font of the machine would change the bytes."""
    return typst.Fonts(include_system_fonts=False)


@lru_cache(maxsize=1024)
def _undrawable(signs: str) -> frozenset[str]:
    """Which of these characters no shipped font can draw.

    The strict standard refuses them and names the line; each is on a line of its own, as a number, never as text.
    """
    source = FONT_SETTING + "".join(f"#str.from-unicode({ord(sign)})\n\n" for sign in signs)
    first = FONT_SETTING.count("\n") + 1
    try:
        typst.Compiler(source.encode(), font_paths=_fonts(), ignore_system_fonts=True).compile(
            format="pdf", pdf_standards=[STANDARD], timestamp=0
        )
    except typst.TypstError as error:
        lines = {int(number) for number in re.findall(r"\.typ:(\d+):", error.diagnostic)}
        return frozenset(sign for at, sign in enumerate(signs) if first + 2 * at in lines)
    return frozenset()


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    """The same structure with every text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _walk(item, change) for key, item in value.items()}
    return [_walk(item, change) for item in value] if isinstance(value, list) else value


def _all(value: Any) -> list[str]:
    """Every text in a structure."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in _all(item)]
