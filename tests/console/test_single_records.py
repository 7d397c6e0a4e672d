"""What the records of people, contributors and statements show and take, and what of it is on record."""

import re

import pytest
from django.contrib.admin.utils import quote
from django.urls import reverse

from revshare.access.models import User
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.contributors.models import Contributor
from revshare.cycles.models import Cycle
from revshare.statements.models import Statement
from tests.console.conftest import SignIn, take_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cycles")]
STAFF = ("olivia", "adam", "fiona", "root")


def test_a_list_asks_the_database_the_same_number_of_times_however_long_it_is(
    market: object, sign_in: SignIn, act: Act, django_assert_max_num_queries: object
) -> None:
    rows = "".join(f"c{n},Name {n}\n" for n in range(40))
    take_in("many.csv", "contributors", b"contributor_id,contributor_name\n" + rows.encode(), act)
    client = sign_in("olivia")
    client.get("/console/")
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        assert client.get(reverse("admin:revshare_contributor_changelist")).content.count(b"Name ") >= 40


def test_an_email_address_is_masked(market: object, sign_in: SignIn) -> None:
    for name in STAFF:
        client = sign_in(name)
        page = client.get(reverse("admin:revshare_contributor_change", args=["ann"])).content.decode()
        assert "a…@example.org" in page
        assert "ann@example.org" not in page
        listed = client.get(reverse("admin:revshare_contributor_changelist")).content.decode()
        assert "ann@example.org" not in listed


def test_amounts_are_readable_and_exact(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    page = sign_in("fiona").get(reverse("admin:revshare_statement_changelist"), {"cycle": cycles["april"].pk})
    assert re.search(r'title="15,000,000 micros">15\.00 USD<', page.content.decode())


def test_an_operator_who_reads_a_statement_is_on_record(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    statement = Statement.objects.filter(contributor_id="ann").first()
    assert statement is not None
    url = reverse("admin:revshare_statement_change", args=[statement.pk])
    for name, logged in (("olivia", 1), ("root", 1), ("fiona", 0), ("adam", 0)):
        page = sign_in(name).get(url)
        assert "20% of net sales" in page.content.decode()
        assert Event.objects.filter(action="statement.read", actor=name).count() == logged, name


def test_only_a_superuser_gives_roles_and_it_is_on_record(people: None, sign_in: SignIn) -> None:
    user = User.objects.get(username="fiona")
    url = reverse("admin:revshare_user_change", args=[user.pk])
    for name in ("olivia", "adam", "fiona"):
        assert sign_in(name).post(url, {"roles": ["approver"], "is_active": "on"}).status_code == 403
    assert sign_in("root").post(url, {"roles": ["approver", "finance"], "is_active": "on"}).status_code == 302
    user.refresh_from_db()
    assert user.roles == ["approver", "finance"]
    event = Event.objects.get(action="user.changed")
    assert (event.actor, event.object) == ("root", "user:fiona")
    assert event.detail == {"roles": {"from": ["finance"], "to": ["approver", "finance"]}}


def test_a_person_without_roles_is_out_at_once(people: None, sign_in: SignIn) -> None:
    fiona = sign_in("fiona")
    assert fiona.get("/console/").status_code == 200
    url = reverse("admin:revshare_user_change", args=[User.objects.get(username="fiona").pk])
    sign_in("root").post(url, {"is_active": "on"})
    assert fiona.get("/console/").status_code == 403
    assert not User.objects.get(username="fiona").is_staff


def test_the_role_contributor_needs_a_contributor(people: None, sign_in: SignIn) -> None:
    user = User.objects.get(username="fiona")
    url = reverse("admin:revshare_user_change", args=[user.pk])
    answer = sign_in("root").post(url, {"roles": ["contributor"], "is_active": "on"})
    assert answer.status_code == 200
    assert "tied to a contributor" in answer.content.decode()
    assert User.objects.get(pk=user.pk).roles == ["finance"]


def test_a_contributor_id_may_hold_any_character(market: object, sign_in: SignIn, act: Act) -> None:
    odd = 'a/b?c#d&e_2F"<b>'
    quoted = odd.replace('"', '""')
    take_in("odd.csv", "contributors", f'contributor_id,contributor_name\n"{quoted}",Odd\n'.encode(), act)
    assert Contributor.objects.filter(pk=odd).exists()
    page = sign_in("olivia").get(reverse("admin:revshare_contributor_change", args=[quote(odd)]))
    assert page.status_code == 200
    assert "<b>" not in page.content.decode().split("</h1>")[0].split("<h1")[-1]
