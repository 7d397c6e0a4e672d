"""Statements: contributors read their own published ones, staff all of them."""

from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.pagination import Cursor
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.access.models import User
from revshare.access.rules import leaves_trace
from revshare.api.access import act_of, user_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import Micros, Ticks
from revshare.audit_trail.operations import record
from revshare.cycles.models import Cycle
from revshare.errors import NotFound
from revshare.proofs.queries import proof_of
from revshare.statements.models import Statement
from revshare.statements.pages import Page, find_number, place, statements_at
from revshare.statements.queries import PUBLISHED, explain, of_contributor, published_for
from revshare.statements.rules import canonical_text, content_sha256

STATES = ("draft", "published")
NO_CYCLE = 0
AMOUNTS = ("opening", "earned", "adjusted", "withheld", "held", "paid", "closing")


class ByPlace(Keyset):
    """Pages of everybody's statements by their numbers (`statements.pages`), under cursors like all others."""

    found: Page | None = None

    def paginate_places(self, request: Request, *, cycle_id: int | None, currency: str) -> Page:
        self.base_url = request.build_absolute_uri()
        cursor = self.decode_cursor(request)
        key = int(cursor.position) if cursor and cursor.position is not None else None
        after, before = (None, key) if cursor and cursor.reverse else (key, None)
        size = self.get_page_size(request)
        assert size, "a page has a size if none is asked for"
        self.found = place(size=size, cycle_id=cycle_id, currency=currency, after=after, before=before)
        return self.found

    def get_next_link(self) -> str | None:
        if self.found is None:
            return super().get_next_link()
        return self._link(self.found.ranges[-1].oldest_id) if self.found.older and self.found.ranges else None

    def get_previous_link(self) -> str | None:
        if self.found is None:
            return super().get_previous_link()
        if not (self.found.newer and self.found.ranges):
            return None
        return self._link(self.found.ranges[0].newest_id, reverse=True)

    def _link(self, key: int, *, reverse: bool = False) -> str:
        position: Any = str(key)  # as it comes back out of an address
        return str(self.encode_cursor(Cursor(offset=0, reverse=reverse, position=position)))


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
    part = serializers.CharField(help_text="Of several that the pool is divided into; blank if it is not.")
    measure = serializers.CharField(help_text="What contributors are measured by: `assets`, `weight`, `outputs` …")
    rule = serializers.CharField(help_text="The rule in words.")
    share = serializers.CharField(help_text="The contributors' share of sales, as the policy says it.")
    pool_micros = Micros(help_text="What was shared among all contributors.")
    numerator_ticks = Ticks(help_text="Your units of the measure; of assets, 720,720 ticks each.")
    denominator_ticks = Ticks(help_text="All units.")
    amount_micros = Micros()


class MovementOut(serializers.Serializer):
    """What moved the balance beside the cycle's pools."""

    number = serializers.IntegerField(help_text="Goes on from the lines.")
    kind = serializers.CharField(help_text="Of the journal: `payment`, `returned`, `withholding` …")
    words = serializers.CharField(help_text="The kind in words.")
    reference = serializers.CharField(help_text="The journal's key.")
    amount_micros = Micros(help_text="As it moves the balance.")


class StatementPolicy(serializers.Serializer):
    name = serializers.CharField()
    version = serializers.CharField()
    sha256 = serializers.CharField()


class StatementWithLines(StatementOut):
    """A statement with all that is needed to compute it again."""

    policy = StatementPolicy()
    lines = LineOut(many=True)
    movements = MovementOut(many=True, help_text="What `adjusted`, `withheld`, `held` and `paid` are made of.")
    chain_head = serializers.CharField(help_text="Hash of the ledger's journal of this cycle.")
    canonical_text = serializers.CharField(help_text="All that it says about money, a fact a line, parts cut by tabs.")
    canonical_sha256 = serializers.CharField(help_text="SHA-256 of `canonical_text` now: equals `content_sha256`.")


def reads_all(user: User) -> bool:
    return user.may("read_statements")


def sees(user: User, statement: Statement) -> bool:
    own = statement.contributor_id == user.contributor_id and statement.cycle.state in PUBLISHED
    return own or reads_all(user)


def visible_to(user: User, contributor_id: str | None = None) -> QuerySet[Statement]:
    """What they may read: of everybody, or of one contributor if that is asked for."""
    if reads_all(user):
        found = Statement.objects.all() if contributor_id is None else of_contributor(contributor_id)
        return found.select_related("cycle", "cycle__policy", "contributor")
    return published_for(user.contributor_id or "")


def is_logged(user: User) -> bool:
    """Whose reading of contributors' statements leaves a trace."""
    return leaves_trace(roles=user.roles, superuser=user.is_superuser)


def represent(statement: Statement, request: Request, *, sha256: str) -> dict[str, Any]:
    cycle = statement.cycle
    page = request.build_absolute_uri(f"/statements/{quote(statement.number, safe='')}")
    return {f"{name}_micros": getattr(statement, f"{name}_micros") for name in AMOUNTS} | {
        "number": statement.number, "state": "published" if cycle.state in PUBLISHED else "draft", "cycle": cycle.key,
        "starts_on": cycle.starts_on, "ends_on": cycle.ends_on, "timezone": cycle.timezone,
        "contributor_id": statement.contributor_id, "contributor_name": statement.contributor.name,
        "currency": statement.currency, "content_sha256": sha256,
        "pdf": f"{page}.pdf", "csv": f"{page}.csv",
    }  # fmt: skip


def represent_whole(statement: Statement, request: Request) -> dict[str, Any]:
    told = explain(statement)
    lines = [
        {"rule": rule, "share": share} | line._asdict()
        for line, rule, share in zip(told.content.lines, told.rules, told.shares, strict=True)
    ]
    digest = content_sha256(told.content)
    return represent(statement, request, sha256=digest) | {
        "policy": statement.cycle.policy, "lines": lines, "movements": told.content.movements,
        "chain_head": told.chain_head,
        "canonical_text": canonical_text(told.content), "canonical_sha256": digest,
    }  # fmt: skip


class Statements(View):
    needs = {"GET": ("read_statements", "read_own_statements")}
    pagination_class = ByPlace
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
        user = user_of(request)
        if reads_all(user) and "contributor" not in self.chosen:
            rows = self._all()
        else:
            chosen = {self.columns[name]: value for name, value in self.chosen.items()}
            rows = self.page(visible_to(user, chosen.get("contributor_id")).filter(**chosen))
        if is_logged(user):
            record(act=act_of(request), action="statements.listed", object="statements", detail=dict(self.chosen))
        return self.get_paginated_response(
            StatementOut([represent(row, request, sha256=row.content_sha256) for row in rows], many=True).data
        )

    def _all(self) -> list[Statement]:
        """Of everybody: by their numbers, since all of them cannot be looked through for a page."""
        cycle_id = None
        if key := self.chosen.get("cycle"):
            cycle_id = Cycle.objects.filter(key=key).values_list("pk", flat=True).first() or NO_CYCLE
        paginator = self.paginator
        assert isinstance(paginator, ByPlace), "the class of this view's pages"
        page = paginator.paginate_places(self.request, cycle_id=cycle_id, currency=self.chosen.get("currency", ""))
        return statements_at(page, hashes=True)


class StepOut(serializers.Serializer):
    """The other child on the way up the tree."""

    side = serializers.ChoiceField(choices=("left", "right"))
    hash = serializers.CharField()
    earned_micros = Micros()
    owed_micros = Micros()


class PartOut(serializers.Serializer):
    """One of the two leaves of a statement."""

    salt = serializers.CharField()
    earned_micros = Micros()
    owed_micros = Micros()
    path = StepOut(many=True)


class ProofOut(serializers.Serializer):
    """All that is needed to check a statement without us: `tools/verify_statement.py` reads it."""

    format = serializers.CharField()
    statement = serializers.CharField(help_text="Its canonical text.")
    parts = PartOut(many=True)
    commitment = serializers.CharField(help_text="The text that the cycle committed to.")
    signature = serializers.CharField(help_text="Ed25519, over the bytes of the commitment.")
    public_key = serializers.CharField()


class StatementProof(View):
    needs = {"GET": ("read_statements", "read_own_statements")}

    @described(
        "statements_proof", "Read the proof that a statement is counted in the published totals",
        answers={200: ProofOut}, refuses=[404], paths={"number": "The statement's number."},
        description="There a moment after the cycle is published. An operator's reading is recorded.",
    )  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        user = user_of(request)
        statement = find_number(number)
        if statement is None or not sees(user, statement):
            raise NotFound("There is no such statement.")
        proof = proof_of(statement)
        if is_logged(user):
            record(act=act_of(request), action="statement.read", object=f"statement:{number}", detail={"form": "proof"})
        return Response(proof)


class OneStatement(View):
    needs = {"GET": ("read_statements", "read_own_statements")}

    @described(
        "statements_read", "Read a statement with everything that explains it", answers={200: StatementWithLines},
        description="A contributor's own published one; staff any. An operator's reading is recorded.",
        refuses=[404], paths={"number": "The statement's number."},
    )  # fmt: skip
    def get(self, request: Request, number: str) -> Response:
        user = user_of(request)
        statement = find_number(number)
        if statement is None or not sees(user, statement):
            raise NotFound("There is no such statement.")
        if is_logged(user):
            record(act=act_of(request), action="statement.read", object=f"statement:{number}")
        return Response(StatementWithLines(represent_whole(statement, request)).data)
