"""Jobs, queues, search and the audit trail: who sees what, and what comes of pressing."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.claims.models import Claim
from revshare.claims.queries import find as find_claim
from revshare.cycles.models import Cycle
from revshare.files.models import QuarantinedRow
from revshare.payouts.operations import prepare
from revshare.recoupments.models import Debt
from revshare.recoupments.queries import find as find_debt
from revshare.runs.models import Run
from revshare.runs.operations import start
from tests.console.conftest import SignIn, take_in
from tests.stories import Story

pytestmark = pytest.mark.django_db
SALES = b"sale_id,sold_at,stream,model,currency,gross_amount\n"


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_a_job_is_stopped_and_tried_again(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    olivia = sign_in("olivia")
    olivia.post(reverse("admin:cycle-move", args=["june", "lock"]))
    run = Run.objects.get(subject="cycle:june")
    assert "Locking june" in olivia.get(reverse("admin:jobs")).content.decode()
    assert sign_in("adam").post(reverse("admin:job-stop", args=[run.pk])).status_code == 403
    assert "is stopped" in said(olivia.post(reverse("admin:job-stop", args=[run.pk])))
    run.refresh_from_db()
    assert (run.state, run.error, run.token) == ("failed", "olivia stopped it.", 1)
    assert "is over" in said(olivia.post(reverse("admin:job-stop", args=[run.pk])))
    failed = olivia.get(reverse("admin:jobs"), {"state": "failed"}).content.decode()
    assert reverse("admin:job-retry", args=[run.pk]) in failed
    olivia.post(reverse("admin:job-retry", args=[run.pk]))
    assert Run.objects.filter(subject="cycle:june", state="queued").count() == 1
    assert reverse("admin:job-retry", args=[run.pk]) not in olivia.get(reverse("admin:jobs")).content.decode()
    assert Event.objects.filter(action="run.stopped", actor="olivia").count() == 1


def test_claims_are_filed_proven_and_decided(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    olivia, adam, page = sign_in("olivia"), sign_in("adam"), reverse("admin:work-claims")
    new = {"claimant": "ben", "dataset_version": "ds@1", "asset": "1", "reason": "the raw file"}
    assert adam.post(f"{page}new/", new).status_code == 403
    assert "is filed" in said(olivia.post(f"{page}new/", new))
    number = Claim.objects.get().pk
    assert "Ben claims 1" in olivia.get(page).content.decode()
    assert olivia.post(f"{page}{number}/uphold/", {"reason": "x"}).status_code == 403
    olivia.post(f"{page}{number}/prove/", {"reason": "the negative"})
    assert "formaction" in adam.get(page).content.decode()
    adam.post(f"{page}{number}/uphold/", {"reason": "it is theirs"})
    assert find_claim(number).state == "upheld"
    assert "Ben claims 1" not in adam.get(page).content.decode()
    assert "it is theirs" in adam.get(page, {"tab": "Decided", "q": "ds@1"}).content.decode()
    assert adam.post(f"{page}{number + 1}/uphold/", {"reason": "x"}).status_code == 404


def test_advances_are_asked_for_and_decided_by_another(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    fiona, adam, page = sign_in("fiona"), sign_in("adam"), reverse("admin:work-debts")
    asked = {"contributor": "ann", "currency": "usd", "amount": "5.00", "reason": "a studio"}
    assert adam.post(f"{page}ask/", asked).status_code == 403
    assert "must be" in said(fiona.post(f"{page}ask/", asked | {"amount": "0"}))
    assert "is asked for" in said(fiona.post(f"{page}ask/", asked))
    number = Debt.objects.get().pk
    assert "Advance of Ann" in adam.get(page).content.decode()
    adam.post(f"{page}{number}/approve/", {"reason": "agreed"})
    assert (find_debt(number).state, find_debt(number).left_micros) == ("booked", 5_000_000)
    adam.post(f"{page}{number}/write_off/", {"reason": "a gift"})
    assert find_debt(number).state == "written_off"
    assert "below zero" in said(fiona.post(f"{page}book/", asked | {"amount": ""}))


def test_consents_show_what_is_held(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    page = reverse("admin:work-consents")
    assert "Nothing is held" in sign_in("adam").get(page).content.decode()
    answer = sign_in("olivia").post(reverse("admin:work-consents-release"), {"contributor": "ann", "reason": "x"})
    assert "Nothing" in said(answer) or "nothing" in said(answer)


def test_rows_of_quarantine_are_decided_one_by_one_and_all(cycles: dict[str, Cycle], sign_in: SignIn, act: Act) -> None:
    rows = b"a,never,generation,m,USD,1.00\nb,never,generation,m,USD,2.00\nc,2026-06-01T00:00:00Z,generation,m,USD,x\n"
    take_in("q.csv", "sales", SALES + rows, act)
    olivia, page = sign_in("olivia"), reverse("admin:quarantine-rows")
    first, second, third = QuarantinedRow.objects.filter(state="open").order_by("line")
    text = olivia.get(page, {"file": first.file_id}).content.decode()
    assert "Line 2 of" in text
    decide = reverse("admin:quarantine-rows-decide")
    assert sign_in("adam").post(decide, {"action": "dismiss", "row": first.pk}).status_code == 403
    assert "Tick the rows" in said(olivia.post(decide, {"action": "dismiss", "reason_given": "x"}))
    assert "needs a reason" in said(olivia.post(decide, {"action": "dismiss", "row": first.pk}))
    assert "1 row dismissed" in said(
        olivia.post(decide, {"action": "dismiss", "row": first.pk, "reason_given": "a test"})
    )
    assert "Say of which file" in said(olivia.post(decide, {"action": "dismiss", "all": "yes", "reason_given": "x"}))
    assert "1 still in quarantine" in said(olivia.post(decide, {"action": "retry", "row": third.pk}))
    same = {"all": "yes", "reason": second.reason, "action": "dismiss", "reason_given": "the shop's tests"}
    assert "1 row dismissed" in said(olivia.post(decide, same))
    assert list(QuarantinedRow.objects.filter(state="open").values_list("pk", flat=True)) == [third.pk]


def test_everything_is_found_by_its_name(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    adam, page = sign_in("adam"), reverse("admin:search")
    may, file = cycles["may"], QuarantinedRow.objects.get().file
    for text, found in {
        "ann": "Contributor", "Be": "Contributor", "april-000000001": "Statement", "may": "Cycle",
        file.sha256[:12]: "File", file.name: "File", "1": "Journal", "april": "Journal",
    }.items():  # fmt: skip
        shown = adam.get(page, {"q": text}).content.decode()
        assert f'<span class="rs-badge">{found}</span>' in shown, text
    assert "Nothing is found" in adam.get(page, {"q": "%_'\"<script>"}).content.decode()
    assert may.result_digest not in adam.get(page).content.decode()
    assert sign_in("carl").get(page, {"q": "ann"}).status_code == 403


def test_the_audit_trail_is_searched_and_exported(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    adam, page = sign_in("adam"), reverse("admin:audit")
    found = adam.get(page, {"q": "cycle:april", "action": "cycle.pub"}).content.decode()
    assert "cycle.publish" in found
    assert "cycle.lock" not in found
    assert "No event is like that" in adam.get(page, {"since": "2030-01-01"}).content.decode()
    answer = adam.get(page, {"actor": "oscar", "_export": "csv"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0] == "seq,at,actor,action,object,reason,hash"
    assert len(lines) == 1 + Event.objects.filter(actor="oscar").count()


def test_lists_are_exported_as_they_are_filtered(cycles: dict[str, Cycle], sign_in: SignIn, market: Story) -> None:
    url = reverse("admin:revshare_contributor_changelist")
    answer = sign_in("adam").get(url, {"q": "an", "_export": "csv"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].startswith("id,name,")
    assert [line.partition(",")[0] for line in lines[1:]] == ["ann"]
    assert "@" not in "".join(lines), "no e-mail addresses"
    cycles_list = sign_in("adam").get(
        reverse("admin:revshare_cycle_changelist"), {"state__exact": "open", "_export": "csv"}
    )
    assert b"june" in b"".join(cycles_list.streaming_content)


def test_jobs_say_what_they_are_about(cycles: dict[str, Cycle], sign_in: SignIn, act: Act) -> None:
    """Whatever failed is listed for everybody, and tried again by whoever may ask for it."""
    take_in("broken.csv", "sales", b"order,total\n1,2\n", act)
    for subject, step in (("restatement:april", "restate"), ("verify:all", "verify")):
        run = start(subject=subject, step=step, act=act)[0]
        Run.objects.filter(pk=run.pk).update(state="failed", error="the disk was full", finished_at=act.at)
    page = reverse("admin:jobs")
    shown = sign_in("olivia").get(page, {"state": "failed"}).content.decode()
    for words in ("Taking in broken.csv", "Computing again april", "Verifying everything"):
        assert words in shown
    assert shown.count(">Try again</button>") == 3
    assert ">Try again</button>" not in sign_in("fiona").get(page, {"state": "failed"}).content.decode()


def test_the_sidebar_has_the_pages_that_a_role_may_see(cycles: dict[str, Cycle], sign_in: SignIn) -> None:
    links = {
        "olivia": ({"staff-invitations", "staff-letters"}, {"staff-deletions"}),
        "adam": ({"staff-deletions", "staff-letters"}, {"staff-invitations", "admin:upload"}),
    }
    for name, (there, not_there) in links.items():
        client = sign_in(name)
        shown = client.get(reverse("admin:index")).content.decode()
        for view in there:
            assert f'<a href="{reverse(view)}"' in shown, (name, view)
            assert client.get(reverse(view)).status_code == 200, (name, view)
        for view in not_there:
            assert f'<a href="{reverse(view)}"' not in shown, (name, view)


def test_policies_and_payments_are_found_too(
    cycles: dict[str, Cycle], sign_in: SignIn, market: Story, act: Act
) -> None:
    page = reverse("admin:search")
    market.take("contributors", ("contributor_id", "contributor_name", "payee_id"), [("ann", "Ann", "P-ann")])
    batch = prepare(currency="USD", act=act)
    shown = sign_in("adam").get(page, {"q": batch.payments.get().payment_key}).content.decode()
    assert '<span class="rs-badge">Payment</span>' in shown
    assert ">Ann, live<" in shown
    shown = sign_in("adam").get(page, {"q": "P"}).content.decode()
    assert '<span class="rs-badge">Policy</span>' in shown
