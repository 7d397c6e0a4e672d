"""One statement as PDF/UA-1: tagged, with embedded fonts, the same bytes for the same statement.

The template gets its data as JSON in a string of its own, so that nothing in a name can be taken for markup.
"""

import json
import re
import threading
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst
from django.utils.translation import gettext as _

from revshare.exports.statement_document import Amount, Document, DocumentLine, movement_words
from revshare.wording import LOCALES, language

TEMPLATE = Path(__file__).with_name("statement.typ")
FONTS = Path(__file__).with_name("fonts")
"""Japanese, and for what it lacks Chinese and Korean; all else is in the typesetter's wheel."""
STANDARD: Final = "ua-1"
SUBSTITUTE = "\N{WHITE SQUARE}"
SAFE_SIGNS = "£€¥×÷−→…\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}"
LONGEST_WORD = 36
LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD},}}")
BREAK = "\N{ZERO WIDTH SPACE}"
FAMILIES = '("Libertinus Serif", "DejaVu Sans Mono", "MotoyaLCedar", "Droid Sans Fallback")'
FONT_SETTING = f'#set document(title: "probe")\n#set text(font: {FAMILIES})\n'
# Overrides and isolates of writing direction: each name has a cell of its own and needs none.
DIRECTION_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# All of the categories Cc, Zl and Zp.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class StatementNotRendered(RuntimeError):
    """The template could not be turned into a document: a fault of the program, never of a name."""


def statement_pdf(doc: Document) -> bytes:
    """The statement as A4 PDF. Characters that no shipped font can draw are shown as □, and a note says so.

    Its date is that of the publication; a draft is marked on every page. Raises StatementNotRendered.
    """
    texts = _texts(doc)
    drawn, missing = _drawable(texts)
    stamp = int(doc.dated_at.timestamp())
    try:
        return _compile(drawn | {"replaced": missing}, stamp)
    except typst.TypstError:
        # A character that can be drawn alone may still fail beside another one: then ASCII and currency signs only.
        plain = _walk(texts, _plain)
    try:
        return _compile(plain | {"replaced": True}, stamp)
    except typst.TypstError as error:
        raise StatementNotRendered(f"Statement {doc.number} could not be set as PDF: {error.message}") from error


class _Typesetter(threading.local):
    """One for each thread, since two may not use one at once; kept, since it has read and parsed the template."""

    compiler: typst.Compiler | None = None
    root: Path | None = None

    def of(self, root: Path) -> typst.Compiler:
        if self.compiler is None or self.root != root:
            self.compiler = typst.Compiler(root=root, font_paths=_fonts(), ignore_system_fonts=True)
            self.root = root
        return self.compiler


_typesetter = _Typesetter()


def _compile(data: dict[str, Any], stamp: int) -> bytes:
    # Not as `sys.inputs`: what the typesetter remembers from the statement before holds for equal inputs only.
    text = json.dumps(data, ensure_ascii=True).replace("\\", "\\\\").replace('"', '\\"')
    source = f'#import "{TEMPLATE.name}": statement\n#statement(json(bytes("{text}")))\n'
    made = _typesetter.of(TEMPLATE.parent).compile(
        source.encode(), format="pdf", timestamp=stamp, pdf_standards=[STANDARD]
    )
    assert isinstance(made, bytes), "without a target, the bytes come back; a PDF is one file"
    return made


def _texts(doc: Document) -> dict[str, Any]:
    """All that the template shows, as texts."""
    content, cycle = doc.content, doc.cycle
    starts, ends = cycle.bounds
    return {
        "number": doc.number, "draft": doc.is_draft, "name": doc.name, "contributor": content.contributor_id,
        "currency": doc.currency, "cycle": cycle.key, "period": cycle.period, "timezone": cycle.timezone,
        "starts": starts, "ends": ends, "published": cycle.published, "policy": cycle.policy,
        "policy_sha256": content.policy_sha256, "content_sha256": doc.recorded_sha256,
        "all_heading": doc.all_heading, "your_heading": doc.your_heading,
        "units_told": doc.units_told, "formula": doc.formula, "words": _words(), "lang": language(),
        "region": LOCALES[language()][3:],
        "journal": content.journal_hash, "intact": doc.is_intact, "answer": doc.answer,
        "opening": _amount(doc.opening), "earned": _amount(doc.earned), "closing": _amount(doc.closing),
        "movements": [
            {"line": str(moved.number), "word": movement_words(moved), "reference": moved.reference} | _amount(amount)
            for moved, amount in doc.movements
        ],
        "lines": [_line(item) for item in doc.lines],
    }  # fmt: skip


def _words() -> dict[str, str]:
    """What the template says besides."""
    return {
        "statement": _("Statement"), "draft": _("DRAFT: not published"), "page": _("Page {page} of {pages}"),
        "draft_told": _(
            "DRAFT. The cycle is not published. Figures can still be rejected, and the contributor cannot see them."
        ),
        "damaged": _(
            "Do not rely on this statement. Its content does not have the hash that was recorded when it was written."
        ),
        "contributor": _("Contributor"), "period": _("Period"), "timezone": _("Time zone"), "cycle": _("Cycle"),
        "published": _("Published"), "unpublished": _("not published"), "opening": _("Opening balance"),
        "earned": _("Earned in this cycle"), "closing": _("Closing balance"), "exactly": _("exactly"),
        "how": _("How was this computed?"), "account": _("The account in full"), "line": _("Line"),
        "pool_and_rule": _("Pool and rule"), "share": _("Share"), "pool_shared": _("Pool shared"),
        "amount": _("Amount"), "check": _("Check it yourself"), "number": _("Statement number"),
        "starts": _("From (included)"), "ends": _("To (excluded)"), "policy": _("Policy"),
        "policy_sha256": _("Policy SHA-256"), "content_sha256": _("Content SHA-256"),
        "journal": _("Journal (chain head)"),
        "exact_told": _(
            "The table has exact amounts, to a millionth where needed. What is less than the smallest coin is not "
            "dropped: it stays in the balance."
        ),
        "hash_told": _(
            "The SHA-256 of this statement's canonical text is its content hash. Download the text beside this "
            "document, take its SHA-256 with any tool, and compare."
        ),
        "replaced": _(
            "stands for a character that this document's fonts do not have. It is unchanged in the canonical text, in "
            "the CSV file and on the page."
        ),
    }  # fmt: skip


def _amount(amount: Amount) -> dict[str, str]:
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
    signs = {sign for sign in set().union(*_all(tidy)) if not sign.isascii()}
    if unknown := signs - _known.keys():
        missing = _undrawable("".join(sorted(unknown)))
        _known.update({sign: sign not in missing for sign in unknown})
    absent = [sign for sign in signs if not _known[sign]]
    if not absent:
        return tidy, False
    table = str.maketrans(dict.fromkeys(absent, SUBSTITUTE))
    return _walk(tidy, lambda text: text.translate(table)), True


def _tidy(text: str) -> str:
    """Control characters become spaces, direction controls go; very long words may be broken."""
    if not text.isascii():
        text = DIRECTION_CONTROLS.sub("", unicodedata.normalize("NFC", text))
    text = CONTROLS.sub(" ", text)
    return LONG_WORD.sub(lambda word: _breakable(word[0]), text)


def _plain(text: str) -> str:
    """Only what certainly can be drawn beside anything else."""
    return "".join(sign if sign.isascii() or sign in SAFE_SIGNS else SUBSTITUTE for sign in _tidy(text))


def _breakable(word: str) -> str:
    pieces = [word[at : at + LONGEST_WORD] for at in range(0, len(word), LONGEST_WORD)]
    return BREAK.join(pieces)


@cache
def _fonts() -> typst.Fonts:
    """The fonts in the wheel and ours alone: a font of the machine would change the bytes."""
    return typst.Fonts(include_system_fonts=False, font_paths=[FONTS])


_known: dict[str, bool] = {}
"""Signs that statements have had so far: whether a shipped font can draw them. The answer never changes, and there are
no more signs than Unicode has; names with new combinations of known signs ask nothing."""


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
