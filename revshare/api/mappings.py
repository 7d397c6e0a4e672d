"""Mappings: what the columns of somebody's files are called here."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import Input, Text
from revshare.files.formats import TAKEN_IN
from revshare.files.mapped import MAX_NAME_LENGTH, save
from revshare.files.models import ColumnMapping


class MappingIn(Input):
    """A mapping to save. It never changes."""

    name = Text(max_length=MAX_NAME_LENGTH)
    kind = serializers.ChoiceField(choices=TAKEN_IN)
    columns = serializers.DictField(child=Text(max_length=60), help_text="Names that files have, to names of ours.")


class MappingOut(serializers.Serializer):
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=TAKEN_IN)
    columns = serializers.DictField(child=serializers.CharField())
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField()


class Mappings(View):
    needs = {"GET": ("browse",), "POST": ("ingest",)}
    pagination_class = Keyset
    filters = {"kind": Filter("Only mappings for this kind of files.", choices=TAKEN_IN)}

    @described(
        "mappings_list", "List saved mappings, latest first", answers={200: MappingOut(many=True)}, filters=filters
    )
    def get(self, request: Request) -> Response:
        rows = self.page(ColumnMapping.objects.filter(**self.chosen))
        return self.get_paginated_response(MappingOut(rows, many=True).data)

    @described(
        "mappings_save", "Save a mapping",
        description="201 if it is new, 200 if the very same is there, 409 if another has its name.", request=MappingIn,
        answers={201: MappingOut, 200: MappingOut}, refuses=[409, 413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        made, new = save(**self.given(MappingIn), act=act_of(request))
        return Response(MappingOut(made).data, status=201 if new else 200)
