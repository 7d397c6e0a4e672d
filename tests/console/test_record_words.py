"""Whatever the console shows of records has a name for every reader: a new column cannot be forgotten."""

from typing import Any

import pytest
from django.contrib.admin.utils import label_for_field
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import override

from revshare.console import record_words
from revshare.console.record_words import CHOICES, WORDS, choice
from revshare.console.site import site
from revshare.console.state_words import STATES
from revshare.wording import language

REGISTERED: list[tuple[type[models.Model], Any]] = list(site._registry.items())


def known(name: Any) -> bool:
    """By our table, or by Django, who names what is its own."""
    with override("en"):
        english = str(name)
    with override("de"):
        return str(name) == f"<{english}>" if english in WORDS else str(name) != english


def test_every_record_and_every_column_has_a_name_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    english = record_words.gettext
    monkeypatch.setattr(
        record_words, "gettext", lambda name: f"<{name}>" if language() == "de" and name in WORDS else english(name)
    )
    lacking = set()
    for model, records in REGISTERED:
        names = [model._meta.verbose_name, model._meta.verbose_name_plural]
        told = [records.search_help_text] if records.search_help_text else []
        of_fields = {field.name for field in model._meta.concrete_fields} | set(records.shown)
        for column in (*records.list_display, *records.shown, *records.extra):
            label = label_for_field(column, model, records)
            (names if column in of_fields else told).append(label)
        for asked in records.list_filter:
            if isinstance(asked, str):
                names.append(model._meta.get_field(asked).verbose_name)
            elif not isinstance(asked, tuple):
                told.append(asked.title)
        lacking |= {(model.__name__, str(name)) for name in names if not known(name)}
        # What is said in the console itself is marked where it stands.
        lacking |= {(model.__name__, str(name)) for name in told if not isinstance(name, Promise)}
    assert len(REGISTERED) > 30
    assert not lacking, sorted(lacking)


def test_every_choice_has_words() -> None:
    labels = {
        str(label) for model, _records in REGISTERED for field in model._meta.concrete_fields
        for value, label in field.flatchoices or () if value
    }  # fmt: skip
    codes = {label.lower() for label in labels}
    assert len(codes) > 40
    assert codes - set(STATES) - set(CHOICES) == set()
    assert set(CHOICES) - codes == {"refund", "sale"}, "which a sale says of itself"


def test_a_choice_is_a_code_in_english_and_words_elsewhere() -> None:
    with override("en"):
        assert [choice(label) for label in ("opt_out", "Open", "")] == ["opt_out", "Open", ""]
    with override("de"):
        assert choice("nobody knows") == "nobody knows"
        assert choice("in_review") == str(STATES["in_review"])
        assert choice("Open")[0] == choice("Open")[0].upper() == str(STATES["open"])[0].upper()
