"""An instance that was just migrated: every page is there and says what to do; and the page that says no."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.console.site import site

pytestmark = pytest.mark.django_db
# What each page teaches, in its own words.
TEACHES = {
    "": "A cycle covers a period", "upload/": "Columns of each kind", "policies/register/": "What a policy file looks like",
    "cycles/open/": "A cycle needs a policy", "quarantine/": "Rows that break a rule wait here",
    "quarantine/rows/": "Every row that came in was accepted", "suspense/": "until an operator says what the name stands",
    "work/claims/": "While a claim is open", "work/consents/": "Contributors decide on their own pages",
    "work/debts/": "Advances are asked for by finance", "jobs/": "is done by a worker",
    "verification/": "To verify is to compute every cycle again", "audit/": "user.created",
    "restatements/": "its closed cycle is computed again here", "deficits/": "the pool carries what is missing",
    "payouts/": "Finance prepares a batch", "payouts/holds/": "Finance holds what somebody is owed",
    "payouts/prepare/?currency=USD": "Nothing is payable", "downloads/": "as soon as a file of models",
    "search/": "What can be found",
}  # fmt: skip


@pytest.fixture
def sign_in(db: None, settings: Any, act: Act, no_query_in_a_loop: None) -> dict[str, Client]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    clients = {}
    for role in ("operator", "finance"):
        create_user(name=role, roles=[role], contributor_id=None, password="secret", act=act)
        clients[role] = Client()
        clients[role].force_login(User.objects.get(username=role))
    return clients


def test_every_page_of_an_empty_instance_says_what_to_do(sign_in: dict[str, Client]) -> None:
    wrong = {}
    for path, words in TEACHES.items():
        client = sign_in["finance" if path.startswith("payouts/") else "operator"]
        answer = client.get(f"/console/{path}")
        if answer.status_code != 200 or words not in answer.content.decode():
            wrong[path] = answer.status_code
    for model in site._registry:
        answer = sign_in["operator"].get(reverse(f"admin:revshare_{model._meta.model_name}_changelist"))
        shown = answer.content.decode()
        taught = "They are listed here as soon as" in shown or model in (User, Event)
        if answer.status_code != 200 or not taught:
            wrong[str(model._meta.model_name)] = answer.status_code
    assert wrong == {}


def test_the_page_that_says_no_says_why_and_where_to_go(sign_in: dict[str, Client]) -> None:
    said = sign_in["finance"].get("/console/upload/")
    assert said.status_code == 403
    text = said.content.decode()
    assert "You are finance here; to ingest takes another role." in text
    assert "Ask an operator" in text
    assert f'href="{reverse("admin:index")}"' in text
    sent = sign_in["operator"].post("/console/payouts/hold/", {"contributor": "ann"}).content.decode()
    assert "Ask finance" in sent
