"""Passwords that others chose or would guess; what is logged at the door; how everything ends at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from revshare.access.operations import create_user
from revshare.access.tokens import make_token
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from tests.signin.conftest import PASSWORD, STARTS, person, sign_in, with_app
from tests.signin.test_factors import signed_in

pytestmark = pytest.mark.django_db


def test_a_password_is_not_made_of_our_words(clock: Any, settings: Any) -> None:
    """Of what is left without them there must be enough; a sentence in which one of them stands is none of the kind."""
    client = signed_in("olivia", with_app(person("olivia", "operator")))
    for password in ("RevenueShare2026!", "payout-revshare", "localhostlocalhost"):
        form = {"oldpassword": PASSWORD, "password1": password, "password2": password}
        assert "words that everybody here would try" in client.post("/account/password/", form).content.decode(), (
            password
        )
    good = "my share of seven blue herons"
    client.post("/account/password/", {"oldpassword": PASSWORD, "password1": good, "password2": good})
    assert sign_in("olivia", good)[1].status_code == 302


def test_a_password_that_another_chose_ends_by_itself(clock: Any) -> None:
    act = Act(actor="test", at=STARTS)
    for name in ("olivia", "adam"):
        user = create_user(
            name=name, roles=["operator"], contributor_id=None, password=PASSWORD, act=act, password_days=7
        )
        secret = with_app(user)
        if name == "adam":
            new = {"password1": "seven blue herons fly", "password2": "seven blue herons fly"}
            signed_in(name, secret).post("/account/password/", {"oldpassword": PASSWORD, **new})
    clock.move_to(STARTS + timedelta(days=6, hours=23), tick=False)
    assert sign_in("olivia", PASSWORD)[1].status_code == 302
    clock.move_to(STARTS + timedelta(days=7, seconds=1), tick=False)
    assert sign_in("olivia", PASSWORD)[1].status_code == 200
    assert sign_in("adam", "seven blue herons fly")[1].status_code == 302, "their own does not"
    assert Client().post("/api/v1/token/", {"username": "olivia", "password": PASSWORD}).status_code >= 400


def test_an_administrator_ends_all_that_somebody_is_signed_in_with(clock: Any) -> None:
    user = person("olivia", "operator")
    client, other = signed_in("olivia", with_app(user)), signed_in("adam", with_app(person("adam", "approver")))
    token = make_token(user=user, act=Act(actor="olivia", at=STARTS))[1]
    assert client.get("/console/").status_code == 200
    call_command("end_sessions", "olivia")
    assert client.get("/console/").status_code == 302
    headers = {"Authorization": f"Token {token}"}
    assert Client().get("/api/v1/cycles/", headers=headers).status_code == 401
    assert other.get("/console/").status_code == 200
    assert Event.objects.get(action="user.sessions_ended").object == "user:olivia"


def test_what_happens_at_the_door_is_logged(clock: Any, caplog: Any) -> None:
    """Who came in, from where; who tried in vain, by the hash of what they typed as a name; who was refused what."""
    caplog.set_level("INFO", logger="revshare.security")
    user = person("olivia", "operator")
    client = signed_in("olivia", with_app(user))
    sign_in("my secret typed as a name", "wrong")
    client.get("/console/downloads/")
    client.get("/console/payouts/prepare/")
    said = [record.getMessage() for record in caplog.records if record.name == "revshare.security"]
    assert any(line.startswith("signed in: olivia from 127.0.0.1, by ") and "mfa" in line for line in said), said
    assert any(line.startswith("wrong password, or too many: name ") for line in said)
    assert any(line == "refused: olivia, GET /console/payouts/prepare/" for line in said)
    assert "my secret" not in " ".join(said)


def test_another_language_keeps_where_to_go_on() -> None:
    page = Client().get("/sign-in/?next=/console/payouts/").content.decode()
    assert 'href="?next=%2Fconsole%2Fpayouts%2F&amp;language=de" lang="de"' in page


def test_a_passkey_is_added_in_the_readers_language(clock: Any) -> None:
    client = signed_in("olivia", with_app(person("olivia", "operator")))
    page = client.get("/account/two-factor/webauthn/add/", headers={"accept-language": "es"}).content.decode()
    assert ">Nombre</label>" in page
    assert ">Sin contraseña</label>" in page


def test_signing_out_has_the_browser_forget(clock: Any) -> None:
    client = signed_in("olivia", with_app(person("olivia", "operator")))
    assert client.post("/sign-out/").headers["Clear-Site-Data"] == '"cache", "storage"'
