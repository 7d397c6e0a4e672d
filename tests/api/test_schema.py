"""The schema is valid, complete and stable; the pages that show it work."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

OPERATIONS = [
    "assets_list", "claims_file", "claims_list", "claims_prove", "claims_read", "claims_reject", "claims_uphold",
    "consents_consequences", "consents_decide", "consents_export", "consents_list", "cycles_approve",
    "cycles_audit_bundle", "cycles_calculate", "cycles_commitment", "cycles_difference", "cycles_export",
    "cycles_lab", "cycles_lab_csv", "cycles_list", "cycles_lock", "cycles_open", "cycles_override",
    "cycles_publish", "cycles_read", "cycles_review", "cycles_review_make", "cycles_stop", "cycles_submit",
    "debts_advance", "debts_approve", "debts_decline", "debts_list", "debts_overpayment", "debts_read",
    "debts_write_off", "deficits_list", "deletions_decide", "deletions_list", "files_list",
    "files_quarantine_dismiss", "files_quarantine_retry", "files_read", "files_rejects", "files_void",
    "held_release", "invitations_list", "invitations_make", "letters_lost", "mappings_list", "mappings_save",
    "models_credits", "own_balances", "own_claims", "own_claims_file", "own_claims_prove", "own_claims_read",
    "own_data", "own_deletions", "own_deletions_ask", "own_destinations", "own_destinations_set", "own_earnings",
    "own_letters", "own_letters_set", "payouts_approve", "payouts_cancel", "payouts_currencies_list",
    "payouts_currency", "payouts_destinations", "payouts_export", "payouts_hold", "payouts_hold_release",
    "payouts_holds_list", "payouts_list", "payouts_payments", "payouts_prepare", "payouts_read", "payouts_register",
    "payouts_results", "payouts_why", "policies_list", "policies_read", "policies_register", "quarantine_list",
    "quarantine_retry", "restatements_approve", "restatements_csv", "restatements_draft", "restatements_lines",
    "restatements_list", "restatements_post", "restatements_read", "runs_list", "runs_read", "runs_retry", "runs_stop",
    "statements_list",
    "statements_proof", "statements_read", "suspense_list", "suspense_match", "suspense_settle", "suspense_share",
    "token_create", "tokens_end", "tokens_list", "uploads_create", "uploads_list", "uploads_read",
    "verifications_create", "verifications_list",
]  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def test_it_validates_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_operation_ids_stay_since_clients_are_generated_from_them(schema: dict[str, Any]) -> None:
    operations = [item for methods in schema["paths"].values() for item in methods.values()]
    assert sorted(item["operationId"] for item in operations) == OPERATIONS
    assert all(item["summary"] for item in operations)


def test_every_operation_says_how_it_can_fail(schema: dict[str, Any]) -> None:
    for methods in schema["paths"].values():
        for method, item in methods.items():
            answers = item["responses"]
            needed = {"400", "503"} | ({"401"} if item["operationId"] == "token_create" else {"401", "403"})
            needed |= {"415"} if method == "post" else set()
            assert needed <= answers.keys(), item["operationId"]
            for status, answer in answers.items():
                if int(status) >= 400:
                    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorOut"}
                    assert answer["description"]


def test_money_is_text(schema: dict[str, Any]) -> None:
    money = [
        (name, field, shape)
        for name, component in schema["components"]["schemas"].items()
        for field, shape in component.get("properties", {}).items()
        if field.endswith(("_micros", "_ticks"))
    ]
    assert len(money) > 20
    assert all(shape["type"] == "string" for _, _, shape in money)


@pytest.mark.django_db
def test_the_pages_load_nothing_from_elsewhere() -> None:
    client = Client()
    assert client.get("/api/v1/schema/").status_code == 200
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert not re.search(r"(src|href)=.?(https?:)?//", page.content.decode())
