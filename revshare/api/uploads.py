"""Uploads: bytes handed in, kept, and taken in by a worker."""

from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from revshare.api.access import act_of
from revshare.api.base import Keyset, View, described
from revshare.api.fields import Input, Text
from revshare.api.files import FileOut
from revshare.api.files import represent as represent_file
from revshare.api.runs import RunOut, last_runs
from revshare.files import uploads
from revshare.files.formats import KINDS, TAKEN_IN
from revshare.files.models import Upload
from revshare.tasks import request_step


class UploadIn(Input):
    """A file and what it is."""

    kind = serializers.ChoiceField(choices=TAKEN_IN)
    file = serializers.FileField(allow_empty_file=True, help_text="CSV, CSV.gz, JSON Lines or Parquet.")
    mapping = Text(max_length=60, required=False, default="", allow_blank=True,
                   help_text="A saved mapping, for a CSV whose columns have other names.")  # fmt: skip


class UploadStarted(serializers.Serializer):
    upload = serializers.IntegerField(help_text="The upload's id.")
    run = serializers.IntegerField(help_text="The run that takes it in: see `runs/{id}/`.")


class UploadOut(serializers.Serializer):
    """Bytes handed in; `file` is what they became once a worker has taken them in."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=tuple(KINDS))
    name = serializers.CharField()
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    uploaded_at = serializers.DateTimeField()
    uploaded_by = serializers.CharField()
    run = RunOut(allow_null=True, help_text="The run that took it in, or will.")
    file = FileOut(allow_null=True, help_text="Null until it is taken in, and if it is refused (see the run's error).")


def represent(rows: list[Upload]) -> list[dict[str, Any]]:
    runs = last_runs([f"upload:{upload.pk}" for upload in rows])
    plain = ("id", "kind", "name", "sha256", "size_bytes", "uploaded_at", "uploaded_by")
    return [
        {name: getattr(upload, name) for name in plain}
        | {"run": runs.get(f"upload:{upload.pk}"), "file": represent_file(upload.file) if upload.file else None}
        for upload in rows
    ]


class Uploads(View):
    needs = {"GET": ("browse",), "POST": ("ingest",)}
    parser_classes = (MultiPartParser,)
    pagination_class = Keyset

    @described("uploads_list", "List uploads, latest first", answers={200: UploadOut(many=True)})
    def get(self, request: Request) -> Response:
        rows = self.page(Upload.objects.select_related("file"))
        return self.get_paginated_response(UploadOut(represent(rows), many=True).data)

    @described(
        "uploads_create", "Hand in a file",
        description="Keeps the bytes and asks a worker to take them in: follow the run. The same bytes again do "
        "nothing.",
        request={"multipart/form-data": UploadIn}, answers={202: UploadStarted}, refuses=[404, 413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body, act = self.given(UploadIn), act_of(request)
        with transaction.atomic():  # an upload without its run would wait for ever
            upload = uploads.receive(
                kind=body["kind"],
                name=body["file"].name,
                chunks=body["file"].chunks(),
                act=act,
                mapping=body["mapping"],
            )
            run, _ = request_step(
                step="ingest", subject=f"upload:{upload.pk}", act=act, request={"upload": upload.pk}, queue=True
            )
        place = reverse("api-run", [run.pk], request=request)
        return Response({"upload": upload.pk, "run": run.pk}, status=202, headers={"Location": place})


class OneUpload(View):
    needs = {"GET": ("browse",)}

    @described(
        "uploads_read", "See what became of an upload, with its control totals as of now", answers={200: UploadOut},
        refuses=[404], paths={"id": "The upload's id."},
    )  # fmt: skip
    def get(self, request: Request, id: int) -> Response:
        return Response(UploadOut(represent([uploads.get(id)])[0]).data)
