"""Upload, control totals, the reject file; quarantine; policies and cycles."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import Act
from revshare.cycles.models import Cycle
from revshare.files.models import QuarantinedRow, Upload
from revshare.policies.models import Policy
from revshare.runs.models import Run
from revshare.tasks import perform
from tests.console.conftest import SignIn, take_in
from tests.stories import Story

pytestmark = pytest.mark.django_db
SALES = (
    b"sale_id,sold_at,stream,model,currency,gross_amount,refund_of,shop\n"
    b"a,2026-06-01T00:00:00Z,generation,m,USD,10.00,,north\n"
    b"a,2026-06-01T00:00:00Z,generation,m,USD,10.00,,north\n"
    b"b,2026-06-01T00:00:00Z,generation,m,USD,2.50,,north\n"
    b"r,2026-06-01T00:00:00Z,generation,m,USD,-1.00,nosuch,north\n"
)
POLICY = (
    b'name = "fund"\nversion = "1"\n[streams.default]\ncontributor_share = "20%"\npooling = "single"\n'
    b'allocation = "asset_count"\n'
)


def send(client: Client, kind: str, name: str, content: bytes) -> Any:
    return client.post(reverse("admin:upload"), {"kind": kind, "file": SimpleUploadedFile(name, content)})


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_upload_ingest_totals_and_reject_file(sign_in: SignIn) -> None:
    client = sign_in("olivia")
    answer = send(client, "sales", "shop.csv", SALES)
    upload = Upload.objects.get()
    assert answer["Location"] == reverse("admin:upload-detail", args=[upload.pk])
    run = Run.objects.get(subject=f"upload:{upload.pk}")
    assert reverse("admin:run-progress", args=[run.pk]) in client.get(answer["Location"]).content.decode()
    perform(run.pk)
    text = client.get(answer["Location"]).content.decode()
    for part in ("adds up", "21.5</span>", "12.5</span>", "-1</span>", "Columns left out", "1 row in quarantine"):
        assert part in text, part
    upload.refresh_from_db()
    assert upload.file is not None
    rejects: Any = client.get(reverse("admin:rejects", args=[upload.file.pk]))
    lines = b"".join(rejects.streaming_content).decode().splitlines()
    assert rejects["Content-Type"].startswith("text/csv")
    assert "attachment" in rejects["Content-Disposition"]
    assert lines[0].startswith("line,reason,column,state,meaning,sale_id")
    assert "refund_of_unknown_sale" in lines[1]
    assert ",-1.00," in lines[1]
    assert len(lines) == 2


def test_a_refused_file_says_which_line_and_can_be_tried_again(sign_in: SignIn, act: Act) -> None:
    upload, run = take_in("bad.csv", "sales", SALES + b"c,2026\n", act)
    assert run.state == "failed"
    client = sign_in("olivia")
    text = client.get(reverse("admin:upload-detail", args=[upload.pk])).content.decode()
    assert "This file was refused" in text
    assert "6" in run.error
    client.post(reverse("admin:upload-again", args=[upload.pk]))
    assert Run.objects.filter(subject=f"upload:{upload.pk}").count() == 2


def test_the_same_bytes_again_do_nothing_and_say_so(sign_in: SignIn, act: Act) -> None:
    take_in("one.csv", "sales", SALES, act)
    second, _ = take_in("two.csv", "sales", SALES, act)
    text = sign_in("olivia").get(reverse("admin:upload-detail", args=[second.pk])).content.decode()
    assert "taken in before" in text


def test_what_cannot_be_uploaded_is_said_on_the_form(sign_in: SignIn) -> None:
    client = sign_in("olivia")
    empty = send(client, "sales", "empty.csv", b"")
    assert empty.status_code == 400
    assert "The file is empty." in empty.content.decode()
    assert send(client, "nonsense", "a.csv", b"x").status_code == 400
    assert client.post(reverse("admin:upload"), {"kind": "sales"}).status_code == 400
    assert not Upload.objects.exists()


def test_a_name_is_shown_never_run(sign_in: SignIn, act: Act) -> None:
    upload, _ = take_in("<img src=x onerror=alert(1)>.csv", "sales", SALES, act)
    client = sign_in("olivia")
    for url in (reverse("admin:upload"), reverse("admin:upload-detail", args=[upload.pk]), reverse("admin:quarantine")):
        assert "<img src=x" not in client.get(url).content.decode()


OPERATORS = {"olivia", "both"}
PAGES = {
    "upload": OPERATORS, "register-policy": OPERATORS, "open-cycle": OPERATORS, "quarantine-retry": OPERATORS,
    "quarantine-dismiss": OPERATORS, "quarantine": {*OPERATORS, "adam", "fiona", "root"},
}  # fmt: skip


def test_each_page_is_for_its_roles(market: Story, sign_in: SignIn) -> None:
    for name in ("olivia", "adam", "fiona", "both", "carl", "root", "nobody"):
        client = sign_in(name)
        for view, allowed in PAGES.items():
            url = reverse(f"admin:{view}")
            deciding = view.startswith("quarantine-")
            answer = client.post(url, {"file": "0", "reason": "x"}) if deciding else client.get(url)
            expected = (302 if deciding else 200) if name in allowed else 403
            assert answer.status_code == expected, f"{view} for {name}"
    for view in PAGES:
        assert Client().get(reverse(f"admin:{view}"))["Location"].startswith("/console/login/"), view


def test_the_reject_file_is_for_operators(market: Story, sign_in: SignIn) -> None:
    """It holds whole rows, e-mail addresses included."""
    url = reverse("admin:rejects", args=[QuarantinedRow.objects.get().file_id])
    for name, status in (("olivia", 200), ("adam", 403), ("fiona", 403), ("root", 403), ("carl", 403)):
        assert sign_in(name).get(url).status_code == status, name


def test_quarantine_by_file_and_reason_with_its_meaning(market: Story, sign_in: SignIn) -> None:
    text = sign_in("adam").get(reverse("admin:quarantine")).content.decode()
    for part in ("contributors-1.csv", "Not an e-mail address.", "email_syntax"):
        assert part in text, part
    assert reverse("admin:quarantine-dismiss") not in text
    assert reverse("admin:quarantine-dismiss") in sign_in("olivia").get(reverse("admin:quarantine")).content.decode()


def test_dismissing_needs_a_reason_and_is_on_record(market: Story, sign_in: SignIn) -> None:
    client = sign_in("olivia")
    row = QuarantinedRow.objects.get()
    dismiss = reverse("admin:quarantine-dismiss")
    assert "needs a reason" in said(client.post(dismiss, {"file": row.file_id, "reason": "  "}))
    for odd in ("", "x", "-1", "²", "9" * 30):
        assert client.post(dismiss, {"file": odd, "reason": "why"}).status_code == 302
    assert QuarantinedRow.objects.get().state == "open"
    assert "1 row dismissed" in said(client.post(dismiss, {"file": row.file_id, "reason": "a test row"}))
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.decision) == ("dismissed", "olivia", "a test row")
    assert Event.objects.get(action="quarantine.dismissed").actor == "olivia"


def test_judging_again_takes_in_what_was_waiting(market: Story, sign_in: SignIn, act: Act) -> None:
    market.sales(("r9", "2026-06-03T00:00:00Z", "m", "USD", "-1.00", "s9"))
    row = QuarantinedRow.objects.get(reason__startswith="refund")
    client = sign_in("olivia")
    answer = client.post(reverse("admin:quarantine-retry"), {"file": row.file_id})
    assert "1 still in quarantine" in said(answer)
    assert "still in quarantine" in said(client.post(reverse("admin:quarantine-retry")))


def test_a_policy_is_registered_once(people: None, sign_in: SignIn) -> None:
    client = sign_in("olivia")

    def register(content: bytes) -> Any:
        return client.post(reverse("admin:register-policy"), {"file": SimpleUploadedFile("p.toml", content)})

    answer = register(POLICY)
    policy = Policy.objects.get(name="fund")
    assert answer["Location"] == reverse("admin:revshare_policy_change", args=[policy.pk])
    assert "contributor_share" in client.get(answer["Location"]).content.decode()
    assert "already registered" in said(register(POLICY))
    changed = register(POLICY.replace(b"20%", b"30%"))
    assert changed.status_code == 400
    assert "give this one a new version" in changed.content.decode()
    assert "not valid TOML" in register(b"= nonsense").content.decode()
    assert "1 MiB" in register(b"#" * (1 << 20) + POLICY).content.decode()
    assert Policy.objects.filter(name="fund").count() == 1


def test_a_cycle_is_opened(market: Story, sign_in: SignIn) -> None:
    client = sign_in("olivia")
    given = {"key": "2026-06", "start": "2026-06-01", "end": "2026-07-01", "timezone": "Europe/London",
             "policy": str(Policy.objects.get().pk)}  # fmt: skip

    def open_one(**other: str) -> Any:
        return client.post(reverse("admin:open-cycle"), given | other)

    for field, wrong, reason in (
        ("timezone", "Madrid", "did you mean Europe/Madrid"), ("end", "2026-06-01", "is not after its start"),
        ("start", "2026-06-31", "does not exist"), ("key", "a/b", "cannot be a cycle&#x27;s key"),
    ):  # fmt: skip
        refused = open_one(**{field: wrong})
        assert refused.status_code == 400
        assert reason in refused.content.decode(), field
        assert not Cycle.objects.exists()
    assert open_one()["Location"] == reverse("admin:cycle", args=["2026-06"])
    cycle = Cycle.objects.get()
    assert (cycle.opened_by, cycle.starts_at.isoformat()) == ("olivia", "2026-05-31T23:00:00+00:00")
    assert "already open" in said(open_one())
    assert "overlap" in open_one(key="other", start="2026-06-15").content.decode()
    form = client.get(reverse("admin:open-cycle")).content.decode()
    for value in ('value="2026-07"', 'value="2026-07-01"', 'value="2026-08-01"'):
        assert value in form


def test_a_key_with_odd_characters_has_a_page(market: Story, sign_in: SignIn) -> None:
    odd = 'Q1 "<b>?#&%'
    market.open(odd, "2026-01-01", "2026-02-01")
    client = sign_in("olivia")
    text = client.get(reverse("admin:cycle", args=[odd])).content.decode()
    assert "<b>" not in text
    assert client.get("/console/").status_code == 200
