"""Every route for everybody: who gets what, and nobody a word about another contributor."""

from typing import Any

from django.test import Client

from revshare.access.operations import create_user
from revshare.api.urls import urlpatterns
from revshare.audit_trail.models import Event
from revshare.cycles.models import Cycle
from revshare.files.models import IngestedFile
from revshare.policies.models import Policy
from revshare.proofs.operations import commit
from revshare.runs.models import Run
from revshare.statements.models import Statement
from tests.api.conftest import CANARY, PASSWORD, POLICY, Shop, content, token_of

EVERYBODY = ("", "ann", "bob", "olivia", "vera", "fay")
STAFF_READS = (401, 403, 403, 200, 200, 200)
DIGEST = {"digest": "0" * 64}


def operator_only(status: int) -> tuple[int, ...]:
    return (401, 403, 403, status, 403, 403)


def approver_only(status: int) -> tuple[int, ...]:
    return (401, 403, 403, 403, status, 403)


def finance_only(status: int) -> tuple[int, ...]:
    return (401, 403, 403, 403, 403, status)


def contributors_only(status: int) -> tuple[int, ...]:
    return (401, status, status, 403, 403, 403)


OPEN = {"key": "2026-07", "start": "2026-07-01", "end": "2026-08-01", "timezone": "Europe/Madrid", "policy": "fund"}
MATCH = {"kind": "model", "name": "gen-x", "stands_for": "m1", "reason": "a typo"}
OVERPAID = {"contributor_id": "nobody", "currency": "USD", "reason": "test"}
ADVANCE = OVERPAID | {"amount": "5.00"}
# Method, path, body; then the status for nobody, ann (who owns {number}), bob (another contributor), operator,
# approver, finance.
ROUTES: list[tuple[str, str, Any, tuple[int, ...]]] = [
    ("GET", "uploads/", None, STAFF_READS),
    ("GET", "uploads/1/", None, (401, 403, 403, 404, 404, 404)),
    ("POST", "uploads/", None, operator_only(400)),
    ("GET", "files/", None, STAFF_READS),
    ("GET", "files/{file}/", None, STAFF_READS),
    ("GET", "files/{file}/rejects.csv", None, operator_only(200)),
    ("GET", "files/999999/rejects.csv", None, operator_only(404)),
    ("POST", "files/{file}/quarantine/retry", {}, operator_only(200)),
    ("POST", "files/{file}/quarantine/dismiss", {"reason": "test"}, operator_only(200)),
    ("POST", "files/999999/void", {"reason": "test"}, operator_only(404)),
    ("GET", "quarantine/", None, STAFF_READS),
    ("POST", "quarantine/retry", {}, operator_only(200)),
    ("GET", "mappings/", None, STAFF_READS),
    ("POST", "mappings/", {"name": "m", "kind": "sales", "columns": {"Order": "sale_id"}}, operator_only(201)),
    ("GET", "policies/", None, STAFF_READS),
    ("GET", "policies/{policy}/", None, STAFF_READS),
    ("POST", "policies/", POLICY.format(version="2").encode(), operator_only(201)),
    ("GET", "claims/", None, STAFF_READS),
    ("GET", "claims/999999/", None, (401, 403, 403, 404, 404, 404)),
    ("POST", "claims/", {}, operator_only(400)),
    ("POST", "claims/999999/prove", {"reason": "test"}, operator_only(404)),
    ("POST", "claims/999999/uphold", {"reason": "test"}, approver_only(404)),
    ("POST", "claims/999999/reject", {"reason": "test"}, approver_only(404)),
    ("POST", "held/release", {"contributor_id": "ann", "reason": "test"}, operator_only(422)),
    ("POST", "invitations/", {"contributor_id": "nobody"}, operator_only(404)),
    ("GET", "cycles/", None, STAFF_READS),
    ("POST", "cycles/", OPEN, operator_only(201)),
    ("GET", "cycles/2026-04/", None, STAFF_READS),
    ("GET", "cycles/none/", None, (401, 403, 403, 404, 404, 404)),
    ("POST", "cycles/2026-06/lock", {}, operator_only(202)),
    ("POST", "cycles/2026-05/calculate", {}, operator_only(200)),
    ("POST", "cycles/2026-05/submit", {}, operator_only(200)),
    ("GET", "cycles/2026-05/review", None, STAFF_READS),
    ("POST", "cycles/2026-05/review", {}, operator_only(200)),
    ("GET", "cycles/2026-05/difference.csv", None, STAFF_READS),
    ("POST", "cycles/2026-05/findings/99/override", {"reason": "test"}, approver_only(404)),
    ("POST", "cycles/2026-05/findings/99/stop", {"reason": "test"}, approver_only(404)),
    ("POST", "cycles/2026-05/approve", DIGEST, approver_only(409)),
    ("POST", "cycles/2026-05/publish", {}, approver_only(409)),
    ("POST", "cycles/2026-06/lab", {}, STAFF_READS),
    ("POST", "cycles/2026-04/lab.csv", {}, STAFF_READS),
    ("POST", "cycles/none/lab", {}, (401, 403, 403, 404, 404, 404)),
    ("GET", "cycles/2026-04/exports/payouts.csv", None, STAFF_READS),
    ("GET", "cycles/2026-04/exports/statements.xlsx", None, STAFF_READS),
    ("GET", "cycles/2026-06/exports/payouts.csv", None, (401, 403, 403, 409, 409, 409)),
    ("GET", "cycles/2026-04/commitment", None, (401, 200, 200, 200, 200, 200)),
    ("GET", "cycles/2026-05/commitment", None, (401, 404, 404, 404, 404, 404)),
    ("GET", "cycles/2026-04/audit-bundle.zip", None, STAFF_READS),
    ("GET", "cycles/2026-05/audit-bundle.zip", None, (401, 403, 403, 404, 404, 404)),
    ("GET", "models/m1/credits.csv", None, STAFF_READS),
    ("GET", "models/nobody/credits.csv", None, (401, 403, 403, 404, 404, 404)),
    ("GET", "consents.jsonl", None, STAFF_READS),
    ("GET", "consents.csv?since=soon", None, (401, 403, 403, 422, 422, 422)),
    ("GET", "cycles/2026-04/exports/journal.jsonl", None, STAFF_READS),
    ("GET", "assets/", None, (401, 200, 200, 200, 200, 200)),
    ("GET", "consents/", None, (401, 200, 200, 200, 200, 200)),
    ("POST", "consents/", {"decision": "opt_out"}, (401, 201, 201, 403, 403, 403)),
    ("GET", "consents/consequences", None, (401, 200, 200, 200, 200, 200)),
    ("GET", "suspense/", None, STAFF_READS),
    ("POST", "suspense/match", MATCH, operator_only(200)),
    ("POST", "suspense/99/share", {"reason": "test"}, operator_only(404)),
    ("POST", "suspense/99/settle", {"to": "platform", "reason": "test"}, approver_only(404)),
    ("GET", "debts/", None, STAFF_READS),
    ("GET", "debts/99/", None, (401, 403, 403, 404, 404, 404)),
    ("POST", "debts/advances", ADVANCE, finance_only(404)),
    ("POST", "debts/overpayments", OVERPAID, finance_only(404)),
    ("POST", "debts/99/approve", {"reason": "test"}, approver_only(404)),
    ("POST", "debts/99/decline", {"reason": "test"}, approver_only(404)),
    ("POST", "debts/99/write_off", {"reason": "test"}, approver_only(404)),
    ("GET", "deficits/", None, STAFF_READS),
    ("GET", "payouts/currencies/", None, STAFF_READS),
    ("POST", "payouts/currencies/", OVERPAID, finance_only(404)),
    ("GET", "payouts/", None, STAFF_READS),
    ("GET", "payouts/why?contributor=ann", None, STAFF_READS),
    ("GET", "payouts/why", None, (401, 403, 403, 400, 400, 400)),
    ("POST", "payouts/", {"currency": "USD"}, finance_only(422)),
    ("GET", "payouts/99/", None, (401, 403, 403, 404, 404, 404)),
    ("GET", "payouts/99/payments/", None, (401, 403, 403, 404, 404, 404)),
    ("POST", "payouts/99/approve", DIGEST, approver_only(404)),
    ("POST", "payouts/99/cancel", {}, finance_only(404)),
    ("POST", "payouts/99/export", {}, finance_only(404)),
    ("GET", "payouts/99/register.csv", None, finance_only(404)),
    ("POST", "payouts/results", None, finance_only(400)),
    ("GET", "payouts/holds/", None, STAFF_READS),
    ("POST", "payouts/holds/", {"contributor_id": "nobody", "reason": "test"}, finance_only(404)),
    ("POST", "payouts/holds/99/release", {"reason": "test"}, finance_only(404)),
    ("GET", "restatements/", None, STAFF_READS),
    ("POST", "restatements/", {"cycle": "none", "late": True}, operator_only(404)),
    ("GET", "restatements/99/", None, (401, 403, 403, 404, 404, 404)),
    ("GET", "restatements/99/lines/", None, (401, 403, 403, 404, 404, 404)),
    ("GET", "restatements/99/lines.csv", None, (401, 403, 403, 404, 404, 404)),
    ("POST", "restatements/99/approve", DIGEST, approver_only(404)),
    ("POST", "restatements/99/post", {}, (401, 403, 403, 404, 403, 404)),
    ("GET", "runs/", None, STAFF_READS),
    ("GET", "runs/999999/", None, (401, 403, 403, 404, 404, 404)),
    ("POST", "runs/999999/retry", {}, (401, 403, 403, 404, 404, 404)),  # whose step it is, nobody knows
    ("POST", "runs/999999/stop", {}, (401, 403, 403, 404, 404, 404)),
    ("GET", "verifications/", None, STAFF_READS),
    ("POST", "verifications/", {}, (401, 403, 403, 202, 202, 403)),
    ("GET", "statements/", None, (401, 200, 200, 200, 200, 200)),
    ("GET", "statements/{number}/", None, (401, 200, 404, 200, 200, 200)),
    ("GET", "statements/{draft}/", None, (401, 404, 404, 200, 200, 200)),
    ("GET", "statements/{others}/", None, (401, 404, 200, 200, 200, 200)),
    ("GET", "statements/{number}/proof", None, (401, 200, 404, 200, 200, 200)),
    ("GET", "statements/nothing/proof", None, (401, 404, 404, 404, 404, 404)),
    ("GET", "statements/nothing/", None, (401, 404, 404, 404, 404, 404)),
    ("GET", "payouts/destinations/", None, finance_only(200)),
    ("GET", "letters/lost/", None, STAFF_READS),
    ("GET", "deletions/", None, approver_only(200)),
    ("POST", "deletions/99/decide", {"outcome": "granted", "reason": "test"}, approver_only(404)),
    ("GET", "own/balances/", None, contributors_only(200)),
    ("GET", "own/earnings/?currency=USD&by=model", None, contributors_only(200)),
    ("GET", "own/letters/", None, contributors_only(200)),
    ("POST", "own/letters/", {"language": "ja"}, contributors_only(200)),
    ("GET", "own/data.zip", None, contributors_only(200)),
    ("GET", "own/deletions/", None, contributors_only(200)),
    ("GET", "own/destinations/", None, contributors_only(200)),
    ("POST", "own/destinations/", {"text": "x"}, contributors_only(422)),
    ("GET", "own/claims/", None, contributors_only(200)),
    ("POST", "own/claims/", {}, contributors_only(400)),
    ("GET", "own/claims/99/", None, contributors_only(404)),
    ("POST", "own/claims/99/prove", {"reason": "test"}, contributors_only(404)),
    ("GET", "tokens/", None, (401, 200, 200, 200, 200, 200)),
    ("POST", "tokens/999999/end", {}, (401, 404, 404, 404, 404, 404)),
    ("DELETE", "statements/{number}/", None, (401, 405, 405, 405, 405, 405)),
    ("PATCH", "statements/{number}/", None, (401, 405, 405, 405, 405, 405)),
    ("PUT", "cycles/2026-04/", None, (401, 405, 405, 405, 405, 405)),
    ("GET", "no/such/thing", None, (401, 404, 404, 404, 404, 404)),
    ("POST", "no/such/thing", {}, (401, 404, 404, 404, 404, 404)),
]  # fmt: skip


def _places(shop: Shop) -> dict[str, Any]:
    def number(contributor: str, key: str) -> str:
        return Statement.objects.get(contributor_id=contributor, cycle__key=key).number

    return {
        "file": IngestedFile.objects.get(kind="sales").pk, "policy": Policy.objects.get().pk,
        "number": number("ann", "2026-04"), "draft": number("ann", "2026-05"), "others": number(CANARY, "2026-04"),
    }  # fmt: skip


def test_every_route_gives_everybody_what_the_table_of_permissions_says(shop: Shop, act: Any) -> None:
    commit(key="2026-04", act=act)
    places = _places(shop)
    wrong = []
    for method, path, body, expected in ROUTES:
        for who, status in zip(EVERYBODY, expected, strict=True):
            answer = shop.call(who, method, path.format(**places), body, "text/plain")
            text = content(answer)
            if answer.status_code != status:
                wrong.append(f"{who or 'nobody'} {method} {path}: {answer.status_code}, not {status}: {text[:200]}")
            if who in ("", "ann") and CANARY in text:
                wrong.append(f"{who or 'nobody'} {method} {path}: shows another contributor")
            if answer.status_code >= 400 and not {"code", "detail"} <= answer.json().keys():
                wrong.append(f"{who or 'nobody'} {method} {path}: an error of another shape: {text[:200]}")
    assert not wrong, "\n".join(wrong)


def test_the_table_names_every_route() -> None:
    shapes = {path.split("?")[0].replace("{file}", "1").replace("{policy}", "1") for _, path, _, _ in ROUTES}
    unnamed = [str(p.pattern) for p in urlpatterns if not any(p.resolve(shape) for shape in shapes)]
    assert unnamed == ["schema/", "docs/", "token/"], "those three are open to all"


def test_a_contributor_lists_only_own_published_statements_whatever_the_filter(shop: Shop) -> None:
    for query in ("", f"?contributor={CANARY}", "?contributor=ann", "?cycle=2026-05", "?currency=USD", "?limit=500"):
        found = shop.call("ann", "GET", f"statements/{query}").json()["results"]
        assert all(row["contributor_id"] == "ann" and row["cycle"] == "2026-04" for row in found)
        assert len(found) == (0 if CANARY in query or "2026-05" in query else 1)
    assert len(shop.call("fay", "GET", "statements/?contributor=ann").json()["results"]) == 2
    states = {row["state"] for row in shop.call("fay", "GET", "statements/").json()["results"]}
    assert states == {"draft", "published"}


def test_an_operators_reading_of_statements_is_recorded_and_finances_is_not(shop: Shop) -> None:
    number = _places(shop)["number"]
    for who in ("ann", "vera", "fay"):
        shop.call(who, "GET", f"statements/{number}/")
    assert not Event.objects.filter(action__startswith="statement").exists()
    shop.call("olivia", "GET", f"statements/{number}/")
    event = Event.objects.get(action="statement.read")
    assert (event.actor, event.object) == ("olivia", f"statement:{number}")


def test_the_preparer_and_a_payee_may_not_approve(shop: Shop, act: Any) -> None:
    for name, contributor in (("olga", None), ("anna", "ann")):
        roles = ["approver", "operator"] if contributor is None else ["approver", "contributor"]
        user = create_user(name=name, roles=roles, contributor_id=contributor, password="x", act=act)
        shop.tokens[name] = token_of(user)
    assert shop.call("olga", "POST", "cycles/2026-05/submit", {}).status_code == 200
    digest = {"digest": Cycle.objects.get(key="2026-05").result_digest}
    for name in ("olga", "anna"):
        refused = shop.call(name, "POST", "cycles/2026-05/approve", digest)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), name
    assert shop.call("vera", "POST", "cycles/2026-05/approve", DIGEST).status_code == 409
    approved = shop.call("vera", "POST", "cycles/2026-05/approve", digest)
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert shop.call("vera", "POST", "cycles/2026-05/approve", digest).status_code == 200
    assert shop.call("vera", "POST", "cycles/2026-05/approve", DIGEST).status_code == 409


def test_the_second_who_asks_for_a_step_gets_409_with_the_run_of_the_first(shop: Shop) -> None:
    first = shop.call("olivia", "POST", "cycles/2026-06/lock", {"accept_quarantine": "known"})
    assert first.status_code == 202
    again = shop.call("olivia", "POST", "cycles/2026-06/lock", {})
    assert (again.status_code, again.json()["code"], again.json()["run"]) == (409, "busy", first.json()["run"])
    early = shop.call("olivia", "POST", "cycles/2026-06/calculate", {})
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    run = Run.objects.get()
    assert run.request["accept_quarantine"] == "known"
    seen = shop.call("fay", "GET", f"runs/{run.pk}/").json()
    assert (seen["state"], seen["step"], seen["subject"]) == ("queued", "lock", "cycle:2026-06")
    assert shop.call("fay", "GET", "cycles/2026-06/").json()["run"]["id"] == run.pk


def test_a_page_of_the_console_may_call_with_its_session_but_not_without_its_csrf_token(shop: Shop) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.login(username="olivia", password=PASSWORD)
    assert client.get("/api/v1/cycles/").status_code == 200
    refused = client.post("/api/v1/cycles/2026-06/lock", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


def test_lists_go_page_by_page_without_counting(shop: Shop, django_assert_max_num_queries: Any) -> None:
    for path in ("quarantine/", "files/", "cycles/", "policies/", "statements/"):
        whole = shop.call("fay", "GET", path).json()["results"]
        seen, place = [], f"{path}?limit=1"
        with django_assert_max_num_queries(100) as captured:
            while place:
                page = shop.call("fay", "GET", place).json()
                seen += page["results"]
                place = page["next"].partition("/api/v1/")[2] if page["next"] else ""
        assert seen == whole
        queries = [query["sql"] for query in captured.captured_queries]
        assert not any("COUNT(*)" in sql and "FILTER" not in sql for sql in queries)
