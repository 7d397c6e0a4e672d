"""Where contributors' works stand, and what they decide about them."""

from dataclasses import asdict
from typing import Any

from django.utils.http import urlencode
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.access.models import User
from revshare.access.rules import may
from revshare.api.access import act_of, user_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import Input, Text
from revshare.clock import now
from revshare.consents.assets import held, standings
from revshare.consents.models import DECISIONS, Consent
from revshare.errors import NotAllowed
from revshare.ingest.decisions import decide

PAGE_SIZE = 50
OWN = Filter("Only those of the contributor with this id; a contributor sees none but their own.")
READ = ("read_assets", "read_own_assets")


class PlacedOut(serializers.Serializer):
    """An asset in a dataset version."""

    asset_id = serializers.CharField()
    dataset_version = serializers.CharField()
    models = serializers.ListField(child=serializers.CharField(), help_text="Those trained on it.")
    frozen_at = serializers.DateTimeField(allow_null=True, help_text="Null if it is not frozen yet.")
    opted_out = serializers.BooleanField(help_text="When it was frozen; now, if it is not frozen yet.")


class PlacedPage(serializers.Serializer):
    next = serializers.CharField(allow_null=True, help_text="Where to go on.")
    results = PlacedOut(many=True)


class HeldOut(serializers.Serializer):
    """How many of the assets in question a dataset version holds."""

    dataset_version = serializers.CharField()
    models = serializers.ListField(child=serializers.CharField())
    frozen_at = serializers.DateTimeField(allow_null=True)
    assets = serializers.IntegerField()


class ConsequencesOut(serializers.Serializer):
    """What a decision would do. Money already earned stays as it is."""

    stay = HeldOut(many=True, help_text="Frozen already: they stay as they are.")
    bound = HeldOut(many=True, help_text="Not frozen yet: the decision counts when they are.")


class ConsentIn(Input):
    decision = serializers.ChoiceField(choices=DECISIONS)
    asset_id = Text(required=False, default="", allow_blank=True, help_text="One asset; all of yours if left out.")
    scope = Text(required=False, default="", allow_blank=True, help_text="A dataset version; all if left out.")


class ConsentOut(serializers.Serializer):
    """A decision as it stands on record."""

    id = serializers.IntegerField()
    contributor_id = serializers.CharField()
    asset_id = serializers.CharField(help_text="Blank: all of theirs.")
    scope = serializers.CharField(help_text="Blank: every dataset version.")
    decision = serializers.ChoiceField(choices=DECISIONS)
    effective_at = serializers.DateTimeField()
    source = serializers.CharField()  # type: ignore[assignment]


def whose(user: User, chosen: dict[str, str]) -> str:
    """Whose works are asked for: those that staff name, or one's own. Blank: nobody's."""
    own = user.contributor_id or ""
    named = chosen.get("contributor", own)
    return named if named == own or may(roles=user.roles, action="read_assets") else ""


def consequences(*, contributor_id: str, asset_id: str, scope: str) -> dict[str, Any]:
    rows = held(contributor_id=contributor_id, asset_id=asset_id, scope=scope)
    return {"stay": [row for row in rows if row.frozen_at], "bound": [row for row in rows if not row.frozen_at]}


class Assets(View):
    needs = {"GET": READ}
    filters = {
        "contributor": OWN, "search": Filter("How the asset's id begins."),
        "after_asset": Filter("Go on after this asset: follow `next`."),
        "after_version": Filter("Go on after this dataset version of it: follow `next`."),
    }  # fmt: skip

    @described(
        "assets_list", "List where a contributor's assets stand", answers={200: PlacedPage}, filters=filters,
        description="In code-point order of asset and dataset version. Staff have to say whose.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        contributor_id = whose(user_of(request), self.chosen)
        after = (self.chosen.get("after_asset", ""), self.chosen.get("after_version", ""))
        page = standings(
            contributor_id=contributor_id, at=now(), size=PAGE_SIZE, search=self.chosen.get("search", ""), after=after
        )  # fmt: skip
        following = None
        if page.more:
            asset, version = page.rows[-1].place
            query = urlencode(self.chosen | {"after_asset": asset, "after_version": version})
            following = request.build_absolute_uri(f"{request.path}?{query}")
        results = [PlacedOut(asdict(row)).data for row in page.rows]
        return Response({"next": following, "results": results})


class Consequences(View):
    needs = {"GET": READ}
    filters = {
        "contributor": OWN, "asset_id": Filter("One asset; all if left out."),
        "scope": Filter("A dataset version; all if left out."),
    }  # fmt: skip

    @described(
        "consents_consequences", "See what an opt-out or opt-in would bind, before it is made",
        answers={200: ConsequencesOut}, filters=filters,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asked = {name: self.chosen.get(name, "") for name in ("asset_id", "scope")}
        contributor_id = whose(user_of(request), self.chosen)
        return Response(ConsequencesOut(consequences(contributor_id=contributor_id, **asked)).data)


class Consents(View):
    needs = {"GET": READ, "POST": ("consent",)}
    pagination_class = Keyset
    filters = {"contributor": OWN}

    @described(
        "consents_list", "List decisions of contributors, latest first", answers={200: ConsentOut(many=True)},
        filters=filters,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        user, rows = user_of(request), Consent.objects.all()
        if "contributor" in self.chosen or not may(roles=user.roles, action="read_assets"):
            rows = rows.filter(contributor_id=whose(user, self.chosen))
        return self.get_paginated_response(ConsentOut(self.page(rows), many=True).data)

    @described(
        "consents_decide", "Opt your own works out, or in again, as of now",
        description="Binds dataset versions that are frozen later, never money that is earned already.",
        request=ConsentIn, answers={201: ConsentOut}, refuses=[413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body, contributor_id = self.given(ConsentIn), user_of(request).contributor_id
        if contributor_id is None:
            raise NotAllowed("Only contributors decide, about their own works.")
        made = decide(contributor_id=contributor_id, through="api", act=act_of(request), **body)
        return Response(ConsentOut(made).data, status=201)
