"""What contributors do about their own account: balances, letters, their data, deletion, where their money goes."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of, user_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.destinations import DestinationOut
from revshare.api.fields import FREE_TEXT, Input, Micros, Text
from revshare.api.payouts import StandingOut, represent
from revshare.clock import now
from revshare.errors import NotAllowed
from revshare.mail.operations import prefer
from revshare.mail.queries import preference_of
from revshare.mail.rules import OPTIONAL
from revshare.payouts.destinations import set_destination
from revshare.payouts.models import Destination
from revshare.payouts.own import own_standings
from revshare.personal.models import DeletionRequest
from revshare.personal.operations import ask_deletion, take_data
from revshare.statements.earnings import BY, CYCLES_SHOWN, earnings
from revshare.wording import LANGUAGES

MOST_TEXT = 2000


def own_id(request: Request) -> str:
    """The contributor that asks. Raises NotAllowed for everybody who is none."""
    contributor_id = user_of(request).contributor_id
    if contributor_id is None:
        raise NotAllowed("This is for contributors, about themselves.")
    return contributor_id


class OwnBalances(View):
    needs = {"GET": ("read_own_statements",)}

    @described(
        "own_balances", "See your balances, and what stands between them and payment",
        answers={200: StandingOut(many=True)},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        found = own_standings(contributor_id=own_id(request), today=now().date())
        return Response(StandingOut([represent(own.standing) for own in found], many=True).data)


class EarnedPartOut(serializers.Serializer):
    name = serializers.CharField(allow_blank=True, help_text="Blank where the policy does not divide by it.")
    amount_micros = Micros()


class EarnedOut(serializers.Serializer):
    """What a published cycle earned you."""

    cycle = serializers.CharField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(help_text="The first day after it.")
    parts = EarnedPartOut(many=True)


class OwnEarnings(View):
    needs = {"GET": ("read_own_statements",)}
    filters = {
        "currency": Filter("Required: its ISO 4217 code.", pattern="[A-Z]{3}"),
        "by": Filter("How it is divided; by model if not given.", choices=BY),
    }  # fmt: skip

    @described(
        "own_earnings", "See what you earned over time, in one currency",
        description=f"The last {CYCLES_SHOWN} published cycles, the first one first.",
        answers={200: EarnedOut(many=True)}, filters=filters,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        if "currency" not in self.chosen:
            raise serializers.ValidationError({"currency": "Say in which currency."})
        currency, by = self.chosen["currency"], self.chosen.get("by", "model")
        rows = [
            {
                "cycle": cycle.key, "starts_on": cycle.starts_on, "ends_on": cycle.ends_on,
                "parts": [{"name": name, "amount_micros": micros} for name, micros in sorted(cycle.micros.items())],
            }
            for cycle in earnings(contributor_id=own_id(request), currency=currency, by=by)
        ]  # fmt: skip
        return Response(EarnedOut(rows, many=True).data)


class LettersOut(serializers.Serializer):
    """In which language you are written to, and which letters you left."""

    language = serializers.CharField(help_text="Blank: as your browser asks.")
    unwanted = serializers.ListField(child=serializers.CharField(), help_text=f"Of {', '.join(OPTIONAL)}.")


class LettersIn(Input):
    language = serializers.ChoiceField(choices=["", *LANGUAGES], required=False)
    unwanted = serializers.ListField(
        child=serializers.ChoiceField(choices=OPTIONAL), required=False, max_length=len(OPTIONAL)
    )


class OwnLetters(View):
    needs = {"GET": ("own_data",), "POST": ("own_data",)}

    @described("own_letters", "See in which language you are written to, and about what", answers={200: LettersOut})
    def get(self, request: Request) -> Response:
        return Response(LettersOut(self._wishes(own_id(request))).data)

    @described(
        "own_letters_set", "Say in which language you are written to, and about what not", request=LettersIn,
        description="What is left out stays as it is.", answers={200: LettersOut}, refuses=[413, 415],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        contributor_id = own_id(request)
        prefer(contributor_id=contributor_id, **self.given(LettersIn), at=now())
        return Response(LettersOut(self._wishes(contributor_id)).data)

    def _wishes(self, contributor_id: str) -> dict[str, Any]:
        wish = preference_of(contributor_id)
        return {"language": wish.language if wish else "", "unwanted": wish.unwanted if wish else []}


class OwnData(View):
    needs = {"GET": ("own_data",)}

    @described(
        "own_data", "Download all that is held about you",
        answers={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, "The file.")},
    )  # fmt: skip
    def get(self, request: Request) -> HttpResponse:
        act = act_of(request)
        content = take_data(contributor_id=own_id(request), act=act)
        disposition = f'attachment; filename="my-data-{act.at:%Y-%m-%d}.zip"'
        return HttpResponse(content, content_type="application/zip", headers={"Content-Disposition": disposition})


class DeletionIn(Input):
    text = Text(FREE_TEXT, meant="text without control characters", max_length=MOST_TEXT, required=False, default="",
                allow_blank=True, help_text="Anything to say to whoever decides.")  # fmt: skip


class DeletionOut(serializers.Serializer):
    """A request to be forgotten, and what was decided."""

    id = serializers.IntegerField()
    contributor_id = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    asked_at = serializers.DateTimeField()
    outcome = serializers.SerializerMethodField(help_text="Blank while nobody has decided.")
    reason = serializers.SerializerMethodField()

    def get_outcome(self, row: Any) -> str:
        return row.decision.outcome if hasattr(row, "decision") else ""

    def get_reason(self, row: Any) -> str:
        return row.decision.reason if hasattr(row, "decision") else ""


class OwnDeletions(View):
    needs = {"GET": ("own_data",), "POST": ("own_data",)}
    pagination_class = Keyset

    @described(
        "own_deletions", "List your requests to be forgotten, latest first", answers={200: DeletionOut(many=True)}
    )
    def get(self, request: Request) -> Response:
        rows = DeletionRequest.objects.filter(contributor_id=own_id(request)).select_related("decision")
        return self.get_paginated_response(DeletionOut(self.page(rows), many=True).data)

    @described(
        "own_deletions_ask", "Ask that your personal data be deleted", request=DeletionIn, answers={201: DeletionOut},
        description="A person decides. What the ledger counts stays under the bare id; you cannot sign in any more.",
        refuses=[404, 409, 413, 415],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        made = ask_deletion(contributor_id=own_id(request), **self.given(DeletionIn), act=act_of(request))
        return Response(DeletionOut(made).data, status=201)


class DestinationIn(Input):
    text = Text(help_text="A bank account with its bank, as the bank writes it.")


class OwnDestination(View):
    needs = {"GET": ("read_destination",), "POST": ("set_destination",)}
    pagination_class = Keyset

    @described(
        "own_destinations", "List where your money goes, masked, latest first",
        answers={200: DestinationOut(many=True)},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = Destination.objects.filter(contributor_id=own_id(request))
        return self.get_paginated_response(DestinationOut(self.page(rows), many=True).data)

    @described(
        "own_destinations_set", "Say where your money goes", request=DestinationIn, answers={201: DestinationOut},
        description="It is used after some days. Takes a new token, or a session that has just shown who it is.",
        refuses=[404, 409, 413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        made = set_destination(contributor_id=own_id(request), **self.given(DestinationIn), act=act_of(request))
        return Response(DestinationOut(made).data, status=201)
