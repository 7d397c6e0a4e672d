"""The forms of signing in: our words, and the limit on wrong codes."""

import logging
from typing import Any

from allauth.account.forms import LoginForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.utils.translation import gettext_lazy as _

from revshare.access import attempts
from revshare.clock import now
from revshare.signin.backend import address_of

log = logging.getLogger("revshare.security")
WRONG = _(
    "User name and password do not go together, or there were too many attempts. Passwords are case-sensitive. After "
    "ten attempts in vain the account takes no more for a quarter of an hour."
)


class SignInForm(LoginForm):
    """Name and password, under the names that browsers have stored them by."""

    error_messages = {"username_password_mismatch": WRONG}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= {"autofocus": True, "autocapitalize": "none"}
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)

    def add_prefix(self, field_name: str) -> str:
        return "username" if field_name == "login" else super().add_prefix(field_name)

    def clean(self) -> dict[str, Any] | None:
        try:
            return super().clean()
        except forms.ValidationError:
            raise forms.ValidationError(WRONG) from None


class _Counted:
    """A form with a code of `user`: wrong ones count like wrong passwords."""

    def clean_code(self) -> str:
        name, address = self.user.username, address_of(context.request)  # type: ignore[attr-defined]
        if attempts.is_locked(name=name, address=address, at=now()):
            raise forms.ValidationError(_("Too many attempts: wait a quarter of an hour."))
        try:
            return super().clean_code()  # type: ignore[misc]
        except forms.ValidationError:
            attempts.note_failure(name=name, address=address, at=now())
            log.warning("wrong code: %s from %s", name, address)
            raise


class CodeForm(_Counted, AuthenticateForm):
    """The second step of signing in."""


class CodeAgainForm(_Counted, ReauthenticateForm):
    """The code once more, before what needs it."""


class PasskeyForm(AddWebAuthnForm):
    """What a new passkey is called, and whether it signs in alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
        self.fields["passwordless"].label = _("Passwordless")
        self.fields["passwordless"].help_text = _(
            "This passkey alone then signs you in; it asks for your fingerprint, face or PIN each time."
        )


class PasskeyNameForm(EditWebAuthnForm):
    """What a passkey is called from now on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
