"""Where contributors' money goes, masked: for finance."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.base import Filter, Keyset, View, described
from revshare.payouts.models import Destination
from revshare.payouts.rules import masked


class DestinationOut(serializers.Serializer):
    contributor_id = serializers.CharField()
    destination = serializers.SerializerMethodField(help_text="Its last characters.")
    set_at = serializers.DateTimeField()
    usable_from = serializers.DateTimeField(help_text="From then on batches pay there.")

    def get_destination(self, row: Any) -> str:
        return masked(row.text)


class Destinations(View):
    needs = {"GET": ("read_destinations",)}
    pagination_class = Keyset
    filters = {"contributor": Filter("Only those of the contributor with this id.")}

    @described(
        "payouts_destinations", "List where contributors are paid, masked, latest first",
        answers={200: DestinationOut(many=True)}, filters=filters,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = Destination.objects.all()
        if "contributor" in self.chosen:
            rows = rows.filter(contributor_id=self.chosen["contributor"])
        return self.get_paginated_response(DestinationOut(self.page(rows), many=True).data)
