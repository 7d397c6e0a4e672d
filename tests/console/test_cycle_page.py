"""The cycle's page: the next move for who may make it, and what happens to who may not."""

import io
import zipfile
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from revshare.access.models import User
from revshare.access.rules import MAY
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.console.cycles import ACTIONS
from revshare.cycles import operations
from revshare.cycles.models import Cycle
from revshare.policies.operations import register
from revshare.runs.models import Run
from revshare.tasks import perform, request_cycle_step
from tests.console.conftest import ROLES, SignIn, take_in
from tests.stories import Story

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cycles")]


def page(client: Client, key: str) -> str:
    return client.get(reverse("admin:cycle", args=[key])).content.decode()


def press(client: Client, key: str, action: str, **fields: str) -> Any:
    return client.post(reverse("admin:cycle-move", args=[key, action]), fields)


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_a_forged_move_is_forbidden(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    for name in ("adam", "fiona", "both", "carl", "root", "nobody", "olivia"):
        client = sign_in(name)
        for action in ACTIONS:
            allowed = not MAY[action].isdisjoint(ROLES.get(name, []))
            assert press(client, "june", action).status_code == (302 if allowed else 403), f"{action} by {name}"
    asked = set(Run.objects.values_list("actor", "step"))
    assert asked <= {("both", "lock"), ("adam", "publish")}, "only who may has started anything"


def test_anonymous_people_go_to_sign_in(cycles: dict[str, Cycle]) -> None:
    for action in ACTIONS:
        answer = press(Client(), "june", action)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/console/login/")
    assert Client().get(reverse("admin:cycle", args=["june"])).status_code == 302


def test_moves_want_post_and_a_token(cycles: dict[str, Cycle], people: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="olivia"))
    assert strict.get(reverse("admin:cycle-move", args=["june", "lock"])).status_code == 405
    assert strict.post(reverse("admin:cycle-move", args=["june", "lock"])).status_code == 403


def test_the_button_is_for_who_may_press_it(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    for name, button in (("olivia", True), ("both", True), ("adam", False), ("fiona", False), ("root", False)):
        text = page(sign_in(name), "june")
        assert (reverse("admin:cycle-move", args=["june", "lock"]) in text) == button, name
        assert ("This takes an operator." in text) != button, name


def test_lock_and_calculate_are_runs_shown_as_they_go(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    client = sign_in("olivia")
    answer = press(client, "june", "lock")
    run = Run.objects.get(subject="cycle:june")
    assert (run.step, run.state, run.actor) == ("lock", "queued", "olivia")
    assert said(answer) == "Locking has started."
    progress = reverse("admin:run-progress", args=[run.pk])
    assert progress in page(client, "june")
    assert reverse("admin:cycle-move", args=["june", "lock"]) not in page(client, "june")
    assert 'hx-trigger="every 1s"' in client.get(progress).content.decode()
    perform(run.pk)
    over = client.get(progress).content.decode()
    assert "every 1s" not in over
    assert 'hx-trigger="load"' in over
    assert "Locking: done." in over
    press(client, "june", "calculate")
    perform(Run.objects.get(subject="cycle:june", state="queued").pk)
    text = page(client, "june")
    assert "2.00 USD" in text
    assert Cycle.objects.get(key="june").result_digest in text


def test_sales_in_other_currencies_are_shown_with_their_rates(
    market: Story, cycles: dict[str, Cycle], sign_in: SignIn
) -> None:
    market.take("rates", ("date", "base", "quote", "rate", "source"), [("2026-07-10", "EUR", "USD", "1.0765", "ECB")])
    market.policies["q"], _ = register(
        content=b'name = "q"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\n'
        b'allocation = "asset_count"\n[currency]\npools = "USD"\nrate = "day"\n',
        act=market.act(),
    )
    market.sales(("e1", "2026-07-10T00:00:00Z", "m", "EUR", "40.00"), ("e2", "2026-07-11T00:00:00Z", "m", "USD", "100"))
    market.calculate("july", "2026-07-01", "2026-08-01", policy="q")
    text = page(sign_in("olivia"), "july")
    for shown in ("Sales in other currencies", "40.00 EUR", "1 EUR = 1.0765 USD", "43.06 USD", "ECB", "as given"):
        assert shown in text
    assert "143.06 USD" in text


def test_who_is_signed_out_meanwhile_goes_to_sign_in_as_a_whole_page(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    press(sign_in("olivia"), "june", "lock")
    progress = reverse("admin:run-progress", args=[Run.objects.get(subject="cycle:june").pk])
    assert Client().get(progress, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert sign_in("carl").get(progress).status_code == 403
    assert sign_in("olivia").get(reverse("admin:run-progress", args=[10**9])).status_code == 404


def test_two_operators_who_press_at_once_see_the_same_run(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    press(sign_in("olivia"), "june", "lock")
    answer = press(sign_in("both"), "june", "lock")
    assert "olivia started it" in said(answer)
    run = Run.objects.get(subject="cycle:june")
    for name in ("olivia", "both"):
        assert reverse("admin:run-progress", args=[run.pk]) in page(sign_in(name), "june")


def test_another_step_on_a_busy_cycle_is_a_message(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    request_cycle_step(step="calculate", key="june", act=Act(actor="oscar", at=Event.objects.first().at), queue=True)  # type: ignore[union-attr]
    assert "busy" in said(press(sign_in("olivia"), "june", "lock"))


def test_a_lock_over_quarantine_needs_a_reason(cycles: dict[str, Cycle], sign_in: SignIn, act: Act) -> None:
    take_in("q.csv", "sales", b"sale_id,sold_at,stream,model,currency,gross_amount\n"
            b"a,2026-06-01T00:00:00Z,generation,m,USD,1.00\nb,never,generation,m,USD,1.00\n", act)  # fmt: skip
    client = sign_in("olivia")
    assert 'name="accept_quarantine"' in page(client, "june")
    assert "1 row is in quarantine" in said(press(client, "june", "lock"))
    assert not Run.objects.filter(subject="cycle:june").exists()
    press(client, "june", "lock", accept_quarantine="a test shop")
    perform(Run.objects.get(subject="cycle:june").pk)
    assert Cycle.objects.get(key="june").state == "locked"
    assert "with 1 row in quarantine" in page(client, "june")
    assert "a test shop" in page(client, "june")


def test_a_refused_run_says_why(cycles: dict[str, Cycle], sign_in: SignIn, market: Story) -> None:
    market.policy(name="narrow", streams="data_deal")
    market.sales(("j1", "2026-07-02T00:00:00Z", "m", "USD", "1.00"))
    market.open("july", "2026-07-01", "2026-08-01", policy="narrow")
    client = sign_in("olivia")
    press(client, "july", "lock")
    perform(Run.objects.get(subject="cycle:july").pk)
    text = page(client, "july")
    assert "The last attempt to lock was refused" in text
    assert "no rule for the stream generation" in text
    assert reverse("admin:cycle-move", args=["july", "lock"]) in text


def submitted(cycles: dict[str, Cycle], by: str) -> Cycle:
    return operations.submit(key="may", act=Act(actor=by, at=cycles["may"].calculated_at))  # type: ignore[arg-type]


def test_who_prepared_does_not_approve(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    client = sign_in("both")
    assert "handed to an approver" in said(press(client, "may", "submit"))
    text = page(client, "may")
    assert "You prepared this cycle: another person has to approve it." in text
    assert reverse("admin:cycle-move", args=["may", "approve"]) not in text
    answer = press(client, "may", "approve", digest=cycles["may"].result_digest)
    assert answer.status_code == 302
    assert "another person has to approve it" in said(answer)
    assert Cycle.objects.get(key="may").state == "in_review"


def test_an_approval_is_bound_to_what_was_on_the_screen(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    submitted(cycles, "olivia")
    client = sign_in("adam")
    assert f'name="digest" value="{cycles["may"].result_digest}"' in page(client, "may")
    assert "another result" in said(press(client, "may", "approve", digest="0" * 64))
    assert "names none" in said(press(client, "may", "approve"))
    assert Cycle.objects.get(key="may").state == "in_review"
    assert "is approved" in said(press(client, "may", "approve", digest=cycles["may"].result_digest))
    cycle = Cycle.objects.get(key="may")
    assert (cycle.state, cycle.approved_by, cycle.approved_digest) == ("approved", "adam", cycle.result_digest)
    assert "already" in said(press(client, "may", "approve", digest=cycle.result_digest))


def test_a_payee_does_not_approve(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    submitted(cycles, "olivia")
    User.objects.filter(username="adam").update(contributor_id="ben")
    client = sign_in("adam")
    assert "pays ben" in page(client, "may")
    assert "pays ben" in said(press(client, "may", "approve", digest=cycles["may"].result_digest))
    assert Cycle.objects.get(key="may").state == "in_review"


def test_publishing_takes_another_person_too(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    submitted(cycles, "olivia")
    press(sign_in("adam"), "may", "approve", digest=cycles["may"].result_digest)
    assert press(sign_in("olivia"), "may", "publish").status_code == 403
    press(sign_in("adam"), "may", "publish")
    perform(Run.objects.get(subject="cycle:may").pk)
    assert Cycle.objects.get(key="may").state == "published"
    assert "Next:" not in page(sign_in("adam"), "may")


def test_the_page_shows_pools_payouts_and_books(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    text = page(sign_in("fiona"), "april")
    for part in ("100.00 USD", "20.00 USD", "80.00 USD", "4</span> assets", "2,882,880 ticks", "15.00 USD", "balanced"):
        assert part in text, part
    assert "locked by olivia, calculated by olivia, submitted by olivia" in text


def test_exports_are_downloaded_and_on_record(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    for kind in ("payouts", "statements", "journal"):
        content = downloaded(sign_in("fiona"), kind)
        if kind == "payouts":
            assert content == b"contributor_id,currency,amount_micros\nann,USD,15000000\nben,USD,5000000\n"
    assert Event.objects.filter(action="cycle.exported", actor="fiona").count() == 6


def downloaded(client: Client, kind: str) -> bytes:
    answer: Any = client.get(reverse("admin:export", args=["april", kind, "csv"]))
    content = b"".join(answer.streaming_content)
    assert answer["Content-Disposition"] == f'attachment; filename="{kind}-april.csv"'
    book: Any = client.get(reverse("admin:export", args=["april", kind, "xlsx"]))
    sheet = zipfile.ZipFile(io.BytesIO(b"".join(book.streaming_content))).read("xl/worksheets/sheet1.xml")
    assert sheet.count(b"<row ") == content.count(b"\n")
    return content


def test_exports_before_there_is_a_result_or_by_others(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    url = reverse("admin:export", args=["june", "payouts", "csv"])
    assert "nothing to export" in said(sign_in("fiona").get(url))
    for name in ("root", "carl"):
        assert sign_in(name).get(url).status_code == 403
    assert sign_in("fiona").get(reverse("admin:export", args=["april", "payouts", "exe"])).status_code == 404


def test_home_shows_the_latest_cycle_and_what_comes_next(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    text = sign_in("olivia").get("/console/").content.decode()
    for part in ("Current cycle", "june", "Cycle may is calculated. An operator submits it", "yours", "your turn"):
        assert part in text, part
    assert "Look at it and submit" in text
    assert "your turn" not in sign_in("fiona").get("/console/").content.decode()
    assert sign_in("carl").get("/console/").status_code == 403


def test_a_cycle_that_is_not_there(people: None, sign_in: SignIn) -> None:
    assert sign_in("olivia").get(reverse("admin:cycle", args=["nope"])).status_code == 404
    assert press(sign_in("olivia"), "nope", "lock").status_code == 404
