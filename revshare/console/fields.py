"""Form fields in the console's own look."""

from typing import TypeVar

from django import forms

Form = TypeVar("Form", bound=forms.Form)


def plain(form: Form) -> Form:
    """Gives every visible field the console's class, besides what it has."""
    for field in form.fields.values():
        classes = field.widget.attrs.get("class", "")
        field.widget.attrs["class"] = f"rs-input {classes}".strip()
    return form
