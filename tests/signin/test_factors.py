"""Signing in with two steps, showing oneself again, and what ends it."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.test import Client

from revshare.access.models import FailedAttempt
from revshare.access.rules import STEP_UP_MINUTES
from revshare.audit_trail.models import Event
from revshare.cycles.models import Cycle
from tests.signin.conftest import PASSWORD, STARTS, code, person, sign_in, with_app

pytestmark = pytest.mark.django_db


def signed_in(name: str, secret: str, at: Any = STARTS) -> Client:
    client, answer = sign_in(name)
    assert answer.headers["Location"] == "/account/two-factor/authenticate/"
    assert client.get("/console/").status_code == 302, "a password alone opens nothing"
    answer = client.post("/account/two-factor/authenticate/", {"code": code(secret, at)})
    assert answer.status_code == 302, answer.content
    return client


def test_staff_without_a_second_factor_get_no_further_than_to_one(
    clock: Any, django_capture_on_commit_callbacks: Any
) -> None:
    person("olivia", "operator")
    client, answer = sign_in("olivia")
    assert answer.headers["Location"] == "/"
    for place in ("/", "/console/", "/statements/", "/account/tokens/", "/account/sessions/", "/api/v1/docs/"):
        answer = client.get(place)
        assert (answer.status_code, answer.headers.get("Location")) in ((302, "/account/two-factor/"), (403, None))
    refused = client.get("/api/v1/cycles/")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    page = client.get("/account/two-factor/totp/activate/")
    secret = page.context["form"].secret
    elsewhere, _ = sign_in("olivia")
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/account/two-factor/totp/activate/", {"code": code(secret, STARTS)})
    assert answer.headers["Location"] == "/account/two-factor/recovery-codes/"
    assert client.get("/account/two-factor/recovery-codes/").status_code == 200
    assert client.get("/console/").status_code == 200
    assert elsewhere.get("/account/two-factor/").headers["Location"] == "/sign-in/", "it began with a password alone"
    assert Event.objects.filter(action="user.factor_added", actor="olivia").exists()
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored, "the database does not give the secret away"


def test_contributors_need_none(clock: Any, story: Any) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", "Ann")])
    person("ann", "contributor", contributor="ann")
    client, _ = sign_in("ann")
    assert client.get("/statements/").status_code == 200


def test_the_second_step_takes_the_code_of_now_or_a_recovery_code_once(clock: Any) -> None:
    user = person("olivia", "operator")
    secret = with_app(user)
    recovery = RecoveryCodes.activate(user).generate_codes()[0]
    assert signed_in("olivia", secret).get("/console/").status_code == 200
    for given, lets_in in ((code(secret, STARTS - timedelta(hours=1)), False), (recovery, True), (recovery, False)):
        client, _ = sign_in("olivia")
        client.post("/account/two-factor/authenticate/", {"code": given})
        assert (client.get("/console/").status_code == 200) == lets_in


def test_the_last_factor_of_staff_stays(clock: Any) -> None:
    client = signed_in("olivia", with_app(person("olivia", "operator")))
    assert client.post("/account/two-factor/totp/deactivate/").status_code == 200
    assert Authenticator.objects.filter(type="totp").exists()


def test_what_releases_money_takes_somebody_who_showed_themselves_a_moment_ago(clock: Any, story: Any) -> None:
    story.models(("m", "ds@1"))
    story.attributions(("ds@1", "1", "ann"))
    story.sales(("s", "2026-05-10T00:00:00Z", "m", "USD", "50.00"))
    story.policy()
    cycle = story.calculate("may", "2026-05-01", "2026-06-01")
    from revshare.cycles import operations as cycles

    cycles.submit(key="may", act=story.act())
    digest = Cycle.objects.get().result_digest
    secret = with_app(person("vera", "approver"))
    client = signed_in("vera", secret)
    late = STARTS + timedelta(minutes=STEP_UP_MINUTES, seconds=1)
    clock.move_to(late, tick=False)
    answer = client.post(
        "/console/cycle/may/approve/", {"digest": digest}, headers={"Referer": "http://testserver/console/cycle/may/"}
    )
    assert answer.headers["Location"].startswith("/account/two-factor/reauthenticate/?next=")
    refused = client.post("/api/v1/cycles/may/approve", {"digest": digest}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up")
    assert Cycle.objects.get().state == "in_review"
    assert client.get("/console/cycle/may/").status_code == 200, "to look needs no more than being signed in"
    by_password = client.post("/account/confirm/", {"password": PASSWORD, "next": "/"})
    assert by_password.status_code == 302
    assert client.post("/console/cycle/may/approve/", {"digest": digest}).headers["Location"].startswith("/account/")
    again = client.post(
        "/account/two-factor/reauthenticate/", {"code": code(secret, late), "next": "/console/cycle/may/"}
    )
    assert again.headers["Location"] == "/console/cycle/may/"
    assert Cycle.objects.get().state == "in_review", "nothing is sent again by itself"
    client.post("/console/cycle/may/approve/", {"digest": digest})
    assert Cycle.objects.get(pk=cycle.pk).state == "approved"


def test_wrong_passwords_lock_the_name_and_not_for_ever(clock: Any) -> None:
    person("ann", "operator")
    for _ in range(10):
        assert sign_in("Ann", "wrong again and again")[1].status_code == 200
    locked = sign_in("ann")[1]
    assert locked.status_code == 200, "the right password does not count either"
    assert "too many attempts" in locked.content.decode()
    token = Client().post("/api/v1/token/", {"name": "ann", "password": PASSWORD}, content_type="application/json")
    assert token.status_code == 401
    clock.move_to(STARTS + timedelta(minutes=16), tick=False)
    assert sign_in("ann")[1].status_code == 302
    assert not FailedAttempt.objects.filter(name_sha256="ann").exists(), "names are hashed: people type passwords there"


def test_wrong_codes_lock_it_too(clock: Any) -> None:
    secret = with_app(person("olivia", "operator"))
    client, _ = sign_in("olivia")
    for _ in range(10):
        client.post("/account/two-factor/authenticate/", {"code": "000000"})
    client.post("/account/two-factor/authenticate/", {"code": code(secret, STARTS)})
    assert client.get("/console/").status_code == 302


def test_many_names_from_one_address_are_locked_out_together(clock: Any) -> None:
    person("ann", "operator")
    for number in range(100):
        FailedAttempt.objects.create(name_sha256=f"{number:064}", address="127.0.0.1", at=STARTS)
    assert sign_in("ann")[1].status_code == 200
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.post("/sign-in/", {"username": "ann", "password": PASSWORD}).status_code == 302


def test_a_session_ends_when_it_is_left_alone_and_when_it_is_old(clock: Any) -> None:
    secret = with_app(person("olivia", "operator"))
    client = signed_in("olivia", secret)
    for minutes in (50, 100, 150):
        clock.move_to(STARTS + timedelta(minutes=minutes), tick=False)
        assert client.get("/console/").status_code == 200
    clock.move_to(STARTS + timedelta(minutes=150 + 61), tick=False)
    assert client.get("/console/").status_code == 302
    later = STARTS + timedelta(days=1)
    clock.move_to(later, tick=False)
    client = signed_in("olivia", secret, later)
    for hour in range(1, 13):
        clock.move_to(later + timedelta(minutes=hour * 55), tick=False)
        assert client.get("/console/").status_code == 200
    for minutes in (700, 721):
        clock.move_to(later + timedelta(minutes=minutes), tick=False)
        last = client.get("/console/").status_code
    assert last == 302


def test_the_key_of_the_session_is_another_after_signing_in(clock: Any) -> None:
    person("olivia", "operator")
    client = Client()
    client.get("/sign-in/")
    session = client.session
    session["x"] = 1
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    client.post("/sign-in/", {"username": "olivia", "password": PASSWORD})
    assert client.session.session_key != before


def test_other_sessions_are_listed_and_ended(clock: Any) -> None:
    secret = with_app(person("olivia", "operator"))
    first = signed_in("olivia", secret)
    clock.move_to(STARTS + timedelta(seconds=60), tick=False)
    second = signed_in("olivia", secret, STARTS + timedelta(seconds=60))
    assert second.get("/account/sessions/").content.decode().count("127.0.0.1") == 2
    second.post("/account/sessions/")
    assert first.get("/console/").status_code == 302
    assert second.get("/console/").status_code == 200


@pytest.mark.parametrize("password", ["short", "password1234", "olivia123456"])
def test_passwords_are_long_not_common_and_not_the_name(clock: Any, password: str) -> None:
    client = signed_in("olivia123456", with_app(person("olivia123456", "operator")))
    form = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    answer = client.post("/account/password/", form)
    assert answer.status_code == 200
    assert "There is a problem" in answer.content.decode()


def test_a_new_password_needs_no_digits_and_is_on_record(clock: Any) -> None:
    client = signed_in("olivia", with_app(person("olivia", "operator")))
    new = "my aunt keeps seven blue herons"
    client.post("/account/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert sign_in("olivia", new)[1].status_code == 302
    assert Event.objects.filter(action="user.password_changed", actor="olivia").count() == 1


def test_the_consoles_own_sign_in_page_leads_to_the_one_with_two_steps(clock: Any) -> None:
    person("olivia", "operator")
    assert Client().get("/console/login/").headers["Location"].startswith("/sign-in/")
    assert Client().post("/console/login/", {"username": "olivia", "password": PASSWORD}).status_code == 302
