"""The API's own description, tried out for each role against the real application: nothing breaks, and nothing of
another's is said."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings

from tests.access.conftest import CANARY, OWN, Market

WHO = ("", "contributor", "operator", "approver", "finance", "superuser", "both")
SCHEMA = "/api/v1/schema/?format=json"
NOT_TRIED = {"token_create"}  # its limits on attempts are another test's
KINDS = ("files", "policies", "payouts/holds", "payouts", "debts", "claims", "uploads")


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """The application takes each request for the last of its connection; the test's transaction lives in it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def operations() -> list[Any]:
    schema = schemathesis.openapi.from_wsgi(SCHEMA, get_wsgi_application())
    found = [result.ok() for result in schema.get_all_operations()]
    return [item for item in found if item.definition.raw["operationId"] not in NOT_TRIED]


def real(path: str, name: str, market: Market) -> Any:
    """The id of something that there is: made-up ones lead nowhere."""
    if name == "id":
        kind = next((kind for kind in KINDS if f"/{kind}/" in path), "")
        return market.ids.get(kind.rpartition("/")[2], 1)
    if name == "number":
        return market.numbers[CANARY]
    return {"key": "2026-04", "kind": "statements", "extension": "csv", "model": "m"}.get(name)


def attempt(operation: Any, market: Market, who: str, examples: int) -> list[str]:
    """What was wrong with the answers of an operation, each to a real and to a made-up address."""
    wrong: list[str] = []
    strategy = operation.as_strategy()

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def once(case: Any) -> None:
        if len(wrong) < 3:
            parameters = case.path_parameters or {}
            for name in parameters:
                if len(str(parameters[name])) % 4:
                    parameters[name] = real(operation.path, name, market)
            with transaction.atomic():
                answer = case.call(headers={"Authorization": f"Token {market.tokens[who]}"} if who else {})
                transaction.set_rollback(True)
            asked = f"{who or 'nobody'} {operation.label} {parameters} {case.query} {case.body!r:.200}"
            if answer.status_code >= 500:
                wrong.append(f"{asked}: {answer.status_code}")
            if who in ("", "contributor"):
                sent = f"{parameters} {case.query} {case.body!r}"
                said = answer.content.decode(errors="replace") + str(answer.headers)
                leaks = [secret for secret in market.secrets if secret in said and secret not in sent]
                wrong.extend(f"{asked}: shows {secret}" for secret in leaks)

    once()
    return wrong


def tried(market: Market, people: tuple[str, ...], examples: int) -> list[str]:
    return [line for item in operations() for who in people for line in attempt(item, market, who, examples)]


def test_no_role_breaks_anything_or_sees_anothers(market: Market) -> None:
    assert tried(market, ("contributor", "operator", "both"), 1) == []


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("who", WHO)
def test_no_role_breaks_anything_at_length(market: Market, who: str) -> None:
    assert tried(market, (who,), 60) == []


def test_the_strangers_token_is_no_way_in(market: Market) -> None:
    """The walk is not empty: with the same addresses the owner's token does get in."""
    item = next(item for item in operations() if item.definition.raw["operationId"] == "statements_read")
    case = item.Case(path_parameters={"number": market.numbers[OWN]})
    for who, status in (("contributor", 200), ("other", 404)):
        answer = case.call(headers={"Authorization": f"Token {market.tokens[who]}"})
        assert answer.status_code == status
