"""Statements: contributors read their own published ones, staff all of them."""

from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.access.models import User
from revshare.access.rules import may
from revshare.api.access import act_of, user_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import Micros, Ticks
from revshare.audit_trail.operations import record
from revshare.errors import NotFound
from revshare.statements.models import Statement
from revshare.statements.queries import PUBLISHED, by_number, explain, published_for
from revshare.statements.rules import canonical_text, content_sha256

STATES = ("draft", "published")
AMOUNTS = ("opening", "earned", "adjusted", "withheld", "held", "paid", "closing")


class StatementOut(serializers.Serializer):
    """closing = opening + earned + adjusted − withheld − held − paid."""

    number = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES, help_text="Contributors see published ones only.")
    cycle = serializers.CharField(help_text="The cycle's key.")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(help_text="The day after the last.")
    timezone = serializers.CharField()
    contributor_id = serializers.CharField()
    contributor_name = serializers.CharField()
    currency = serializers.CharField()
    opening_micros = Micros()
    earned_micros = Micros()
    adjusted_micros = Micros()
    withheld_micros = Micros()
    held_micros = Micros()
    paid_micros = Micros()
    closing_micros = Micros()
    content_sha256 = serializers.CharField(help_text="SHA-256 of the canonical text, fixed when it was calculated.")
    pdf = serializers.CharField(help_text="Where to download it as PDF.")
    csv = serializers.CharField(help_text="Where to download it as CSV.")


class LineOut(serializers.Serializer):
    """pool × numerator ÷ denominator = amount, by largest remainder."""

    number = serializers.IntegerField()
    kind = serializers.CharField()
    table = serializers.CharField(help_text="The policy's rule table: a stream, or `default`.")
    model = serializers.CharField()
    dataset_version = serializers.CharField()
    rule = serializers.CharField(help_text="The rule in words.")
    share = serializers.CharField(help_text="The contributors' share of sales, as the policy says it.")
    pool_micros = Micros(help_text="What was shared among all contributors.")
    numerator_ticks = Ticks(help_text="Your assets.")
    denominator_ticks = Ticks(help_text="All assets.")
    amount_micros = Micros()


class StatementPolicy(serializers.Serializer):
    name = serializers.CharField()
    version = serializers.CharField()
    sha256 = serializers.CharField()


class StatementWithLines(StatementOut):
    """A statement with all that is needed to compute it again."""

    policy = StatementPolicy()
    lines = LineOut(many=True)
    chain_head = serializers.CharField(help_text="Hash of the ledger's journal of this cycle.")
    canonical_text = serializers.CharField(help_text="All that it says about money, a fact a line, parts cut by tabs.")
    canonical_sha256 = serializers.CharField(help_text="SHA-256 of `canonical_text` now: equals `content_sha256`.")


def visible_to(user: User) -> QuerySet[Statement]:
    if may(roles=user.roles, action="read_statements"):
        return Statement.objects.select_related("cycle", "cycle__policy", "contributor")
    return published_for(user.contributor_id or "")


def is_logged(user: User) -> bool:
    """Whose reading of contributors' statements leaves a trace."""
    return user.is_superuser or "operator" in user.roles


def represent(statement: Statement, request: Request) -> dict[str, Any]:
    cycle = statement.cycle
    page = request.build_absolute_uri(f"/statements/{quote(statement.number, safe='')}")
    return {f"{name}_micros": getattr(statement, f"{name}_micros") for name in AMOUNTS} | {
        "number": statement.number, "state": "published" if cycle.state in PUBLISHED else "draft", "cycle": cycle.key,
        "starts_on": cycle.starts_on, "ends_on": cycle.ends_on, "timezone": cycle.timezone,
        "contributor_id": statement.contributor_id, "contributor_name": statement.contributor.name,
        "currency": statement.currency, "content_sha256": statement.content_sha256,
        "pdf": f"{page}.pdf", "csv": f"{page}.csv",
    }  # fmt: skip


def represent_whole(statement: Statement, request: Request) -> dict[str, Any]:
    told = explain(statement)
    lines = [
        {"rule": rule, "share": share} | vars(line)
        for line, rule, share in zip(told.content.lines, told.rules, told.shares, strict=True)
    ]
    return represent(statement, request) | {
        "policy": statement.cycle.policy, "lines": lines, "chain_head": told.chain_head,
        "canonical_text": canonical_text(told.content), "canonical_sha256": content_sha256(told.content),
    }  # fmt: skip


class Statements(View):
    needs = {"GET": ("read_statements", "read_own_statements")}
    pagination_class = Keyset
    filters = {
        "cycle": Filter("Only those of the cycle with this key."),
        "contributor": Filter("Only those of the contributor with this id."),
        "currency": Filter("Only those in this currency.", pattern="[A-Z]{3}"),
    }
    columns = {"cycle": "cycle__key", "contributor": "contributor_id", "currency": "currency"}

    @described(
        "statements_list", "List statements, latest first", answers={200: StatementOut(many=True)}, filters=filters,
        description="A contributor sees their own published ones, staff all. An operator's reading is recorded.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        chosen = {self.columns[name]: value for name, value in self.chosen.items()}
        rows = self.page(visible_to(user_of(request)).filter(**chosen))
        if is_logged(user_of(request)):
            record(act=act_of(request), action="statements.listed", object="statements", detail=dict(self.chosen))
        return self.get_paginated_response(StatementOut([represent(row, request) for row in rows], many=True).data)


class OneStatement(View):
    needs = {"GET": ("read_statements", "read_own_statements")}

    @described(
        "statements_read", "Read a statement with everything that explains it", answers={200: StatementWithLines},
        description="A contributor's own published one; staff any. An operator's reading is recorded.",
        refuses=[404], paths={"number": "The statement's number."},
    )  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        user = user_of(request)
        statement = (visible_to(user) & by_number(number)).first()
        if statement is None:
            raise NotFound("There is no such statement.")
        if is_logged(user):
            record(act=act_of(request), action="statement.read", object=f"statement:{number}")
        return Response(StatementWithLines(represent_whole(statement, request)).data)
