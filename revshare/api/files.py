"""Files taken in, with their control totals as of now, and their rejected rows."""

from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import DIGEST, Micros
from revshare.errors import NotFound
from revshare.files.formats import KINDS
from revshare.files.models import IngestedFile
from revshare.files.queries import reject_lines, totals


class TotalsOut(serializers.Serializer):
    """rows_in = accepted + duplicate + quarantined, and so the sums: all as of now, quarantine's decisions counted."""

    rows_in = serializers.IntegerField()
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    quarantined = serializers.IntegerField(help_text="Rows not taken: those that wait and those dismissed.")
    open = serializers.IntegerField(help_text="Of the quarantined ones, those that wait for a decision.")
    sum_in_micros = Micros(source="sum_in", allow_null=True, help_text="Null where the kind of file has no amounts.")
    sum_accepted_micros = Micros(source="sum_accepted", allow_null=True)
    sum_duplicate_micros = Micros(source="sum_duplicate", allow_null=True)
    sum_quarantined_micros = Micros(source="sum_quarantined", allow_null=True)


class FileOut(serializers.Serializer):
    """A file that was taken in, once."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=tuple(KINDS))
    name = serializers.CharField()
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    format = serializers.CharField()
    loaded_at = serializers.DateTimeField()
    loaded_by = serializers.CharField()
    unknown_columns = serializers.ListField(
        child=serializers.CharField(), help_text="Columns of the file that nobody asked for; they were left out."
    )
    totals = TotalsOut()


def represent(file: IngestedFile) -> dict[str, Any]:
    plain = ("id", "kind", "name", "sha256", "size_bytes", "format", "loaded_at", "loaded_by", "unknown_columns")
    return {name: getattr(file, name) for name in plain} | {"totals": totals(file)}


def find_file(id: int) -> IngestedFile:
    file = IngestedFile.objects.filter(pk=id).first()
    if file is None:
        raise NotFound(f"There is no file {id}.")
    return file


class Files(View):
    needs = {"GET": ("browse",)}
    pagination_class = Keyset
    filters = {
        "kind": Filter("Only files of this kind.", choices=tuple(KINDS)),
        "sha256": Filter("Only the file with these bytes.", pattern=DIGEST),
    }

    @described("files_list", "List files taken in, latest first", answers={200: FileOut(many=True)}, filters=filters)
    def get(self, request: Request) -> Response:
        rows = self.page(IngestedFile.objects.filter(**self.chosen))
        return self.get_paginated_response(FileOut([represent(file) for file in rows], many=True).data)


class OneFile(View):
    needs = {"GET": ("browse",)}

    @described(
        "files_read", "See a file and its control totals as of now", answers={200: FileOut}, refuses=[404],
        paths={"id": "The file's id."},
    )  # fmt: skip
    def get(self, request: Request, id: int) -> Response:
        return Response(FileOut(represent(find_file(id))).data)


class Rejects(View):
    needs = {"GET": ("quarantine",)}  # rows whole: for those who decide about them

    @described(
        "files_rejects", "Download the rows of a file that were not taken, as CSV",
        description="Where, why, what to do, and each row as it was read. Text that a spreadsheet would take for a "
        "formula has an apostrophe before it.",
        answers={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The reject file.")}, refuses=[404],
        paths={"id": "The file's id."},
    )  # fmt: skip
    def get(self, request: Request, id: int) -> StreamingHttpResponse:
        file = find_file(id)
        return download(reject_lines(file), f"rejects-{file.pk}.csv", "text/csv; charset=utf-8")


def download(blocks: Any, name: str, content_type: str) -> StreamingHttpResponse:
    """A file for the browser to keep, block by block."""
    disposition = content_disposition_header(True, name) or "attachment"
    return StreamingHttpResponse(blocks, content_type=content_type, headers={"Content-Disposition": disposition})
