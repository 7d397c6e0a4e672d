"""Tokens of programs: shown once, kept as a hash, with an end; and the second factor that they take."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from revshare.access.models import ApiToken
from revshare.access.rules import STEP_UP_MINUTES
from revshare.access.tokens import make_token
from revshare.audit_trail.operations import Act
from revshare.errors import Refused
from tests.signin.conftest import PASSWORD, STARTS, code, person, sign_in, with_app

pytestmark = pytest.mark.django_db


def ask(**more: Any) -> Any:
    cache.clear()
    body = {"name": "vera", "password": PASSWORD, **more}
    return Client().post("/api/v1/token/", body, content_type="application/json")


def call(token: str, path: str, method: str = "GET") -> Any:
    return Client().generic(
        method, f"/api/v1/{path}", b"{}", "application/json", headers={"Authorization": f"Token {token}"}
    )


def test_staff_get_one_with_their_second_factor_only(clock: Any) -> None:
    user = person("vera", "approver")
    assert ask().status_code == 401
    secret = with_app(user)
    assert ask().status_code == 401
    assert ask(code="000000").status_code == 401
    given = ask(code=code(secret, STARTS), purpose="a script", days=2).json()
    assert call(given["token"], "cycles/").status_code == 200


def test_only_its_hash_is_kept_and_its_last_use(clock: Any) -> None:
    user = person("vera", "approver")
    with_app(user)
    made, text = make_token(user=user, act=Act(actor="vera", at=STARTS))
    assert text not in str(vars(ApiToken.objects.get()))
    assert call(text, "cycles/").status_code == 200
    assert ApiToken.objects.get().last_used_at == STARTS
    listed = call(text, "tokens/").json()["results"]
    assert [row["id"] for row in listed] == [made.pk]
    assert text not in str(listed)


def test_it_ends_by_its_date_by_hand_and_with_its_person(clock: Any) -> None:
    user = person("vera", "approver")
    with_app(user)
    texts = [make_token(user=user, act=Act(actor="vera", at=STARTS), days=days)[1] for days in (1, 30, 30)]
    clock.move_to(STARTS + timedelta(days=1, seconds=1), tick=False)
    assert [call(text, "cycles/").status_code for text in texts] == [401, 200, 200]
    second = ApiToken.objects.order_by("pk")[1].pk
    assert call(texts[2], f"tokens/{second}/end", "POST").status_code == 200
    assert call(texts[2], "tokens/999999/end", "POST").status_code == 404
    assert [call(text, "cycles/").status_code for text in texts] == [401, 401, 200]
    user.is_active = False
    user.save()
    assert call(texts[2], "cycles/").status_code == 401


def test_it_releases_money_while_it_is_new_only(clock: Any) -> None:
    user = person("vera", "approver")
    with_app(user)
    _, text = make_token(user=user, act=Act(actor="vera", at=STARTS))
    assert call(text, "debts/99/approve", "POST").status_code == 400, "it may: what is missing is the reason"
    clock.move_to(STARTS + timedelta(minutes=STEP_UP_MINUTES, seconds=1), tick=False)
    refused = call(text, "debts/99/approve", "POST")
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up")
    assert call(text, "debts/").status_code == 200


def test_anothers_token_is_not_there(clock: Any) -> None:
    vera, olga = person("vera", "approver"), person("olga", "approver")
    with_app(vera)
    theirs, _ = make_token(user=olga, act=Act(actor="olga", at=STARTS))
    _, text = make_token(user=vera, act=Act(actor="vera", at=STARTS))
    assert call(text, f"tokens/{theirs.pk}/end", "POST").status_code == 404
    assert ApiToken.objects.get(pk=theirs.pk).revoked_at is None


def test_a_life_is_one_of_days(clock: Any) -> None:
    user = person("vera", "approver")
    for days in (0, 366):
        with pytest.raises(Refused):
            make_token(user=user, act=Act(actor="vera", at=STARTS), days=days)


def test_the_page_shows_a_new_one_once(clock: Any, story: Any) -> None:
    story.take("contributors", ("contributor_id", "contributor_name"), [("ann", "Ann")])
    person("ann", "contributor", contributor="ann")
    client, _ = sign_in("ann")
    page = client.post("/account/tokens/", {"purpose": "mine", "days": "7"}).content.decode()
    text = page.split('<code class="hash">')[1].split("</code>")[0]
    assert call(text, "statements/").status_code == 200
    assert text not in client.get("/account/tokens/").content.decode()
    assert client.post("/account/tokens/", {"days": "soon"}).status_code == 422
    client.post(f"/account/tokens/{ApiToken.objects.get().pk}/end/")
    assert call(text, "statements/").status_code == 401
