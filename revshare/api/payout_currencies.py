"""In which currency contributors are paid."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of
from revshare.api.base import Keyset, View, described
from revshare.api.fields import RequiredReason, Text
from revshare.payouts import operations as payouts
from revshare.payouts.models import PayoutCurrency

REFUSES = (404, 409, 413, 415, 422)


class PayInIn(RequiredReason):
    """In which currency to pay whom; the reason says who asked for it, and how."""

    contributor_id = Text(max_length=200)
    currency = Text("([A-Z]{3})?", meant="a currency, or empty: each balance in its own", allow_blank=True)


class PayInOut(serializers.Serializer):
    """From then on the contributor is paid in this currency."""

    id = serializers.IntegerField()
    contributor_id = serializers.CharField()
    currency = serializers.CharField(help_text="Empty: each balance in its own.")
    asked_for = serializers.CharField(source="source", help_text="Who asked for it, and how.")
    set_at = serializers.DateTimeField()
    set_by = serializers.CharField()


class PayIn(View):
    needs = {"GET": ("browse",), "POST": ("set_payout_currency",)}
    pagination_class = Keyset

    @described("payouts_currencies_list", "List in which currency who is paid, latest first",
               answers={200: PayInOut(many=True)})  # fmt: skip
    def get(self, request: Request) -> Response:
        return self.get_paginated_response(PayInOut(self.page(PayoutCurrency.objects.all()), many=True).data)

    @described(
        "payouts_currency", "Pay a contributor in another currency", request=PayInIn, answers={201: PayInOut},
        refuses=REFUSES, description="At the rate of the day on which a batch is prepared.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = self.given(PayInIn)
        made = payouts.set_currency(
            contributor_id=body["contributor_id"], currency=body["currency"], act=act_of(request, why=body["reason"])
        )
        return Response(PayInOut(made).data, status=201)
