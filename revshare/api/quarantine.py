"""Rows that could not be taken: seen, judged again, dismissed with a reason."""

from typing import Any

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of
from revshare.api.base import NUMBER, Filter, Keyset, View, described
from revshare.api.fields import Micros, Reason, RequiredReason
from revshare.files.models import QuarantinedRow
from revshare.files.quarantine import dismiss
from revshare.files.reasons import QUARANTINE, sentence
from revshare.ingest.operations import retry_quarantine

STATES = tuple(QuarantinedRow.State.values)


class QuarantinedRowOut(serializers.Serializer):
    """A row that breaks a rule, kept whole."""

    id = serializers.IntegerField()
    file = serializers.IntegerField(help_text="The file's id.")
    line = serializers.IntegerField(help_text="The line of the file on which it begins; 1 is the first.")
    reason = serializers.ChoiceField(choices=tuple(QUARANTINE))
    column = serializers.CharField(help_text="The column that is wrong; may be empty.")
    meaning = serializers.CharField(help_text="The reason as a sentence.")
    row = serializers.DictField(child=serializers.CharField(), help_text="The known columns, as they were read.")
    amount_micros = Micros(allow_null=True, help_text="Null if the kind has no amounts, or this one cannot be read.")
    state = serializers.ChoiceField(choices=STATES)
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField()
    decision = serializers.CharField()


class RetriedOut(serializers.Serializer):
    """What became of the rows that were judged again."""

    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    quarantined = serializers.IntegerField(help_text="Still not good.")
    released_refunds = serializers.IntegerField(help_text="Refunds of any file that had waited for a sale of these.")
    released_shares = serializers.IntegerField(
        required=False, help_text="Rows with a share of zero that had waited for the other shares of their asset."
    )
    released_unknown = serializers.IntegerField(
        required=False, help_text="Rows of any file that had waited for a contributor whom no file had named."
    )


class DismissedOut(serializers.Serializer):
    dismissed = serializers.IntegerField(help_text="Rows closed for good; they stay on record.")


def represent(row: QuarantinedRow) -> dict[str, Any]:
    code, _, column = row.reason.partition("@")
    plain = ("id", "line", "row", "amount_micros", "state", "decided_at", "decided_by", "decision")
    return {name: getattr(row, name) for name in plain} | {
        "file": row.file_id, "reason": code, "column": column, "meaning": sentence(code),
    }  # fmt: skip


class Quarantine(View):
    needs = {"GET": ("browse",)}
    pagination_class = Keyset
    filters = {
        "file": Filter("Only rows of the file with this id.", pattern=NUMBER),
        "reason": Filter("Only rows with this reason.", choices=tuple(QUARANTINE)),
        "state": Filter("Only rows in this state; all if not given.", choices=STATES),
    }

    @described(
        "quarantine_list", "List rows in quarantine, latest first", answers={200: QuarantinedRowOut(many=True)},
        filters=filters,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        found = QuarantinedRow.objects.all()
        if "file" in self.chosen:
            found = found.filter(file_id=int(self.chosen["file"]))
        if "state" in self.chosen:
            found = found.filter(state=self.chosen["state"])
        if "reason" in self.chosen:
            code = self.chosen["reason"]
            found = found.filter(Q(reason=code) | Q(reason__startswith=f"{code}@"))
        return self.get_paginated_response(
            QuarantinedRowOut([represent(row) for row in self.page(found)], many=True).data
        )


class RetryAll(View):
    needs = {"POST": ("quarantine",)}

    @described(
        "quarantine_retry", "Judge all rows that wait in quarantine again", request=Reason, answers={200: RetriedOut},
        refuses=[409, 413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        act = act_of(request, why=self.given(Reason)["reason"])
        return Response(RetriedOut(retry_quarantine(file_id=None, act=act)).data)


class Retry(View):
    needs = {"POST": ("quarantine",)}

    @described(
        "files_quarantine_retry", "Judge the rows of a file that wait in quarantine again", request=Reason,
        answers={200: RetriedOut}, refuses=[404, 409, 413, 415, 422], paths={"id": "The file's id."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        act = act_of(request, why=self.given(Reason)["reason"])
        return Response(RetriedOut(retry_quarantine(file_id=id, act=act)).data)


class Dismiss(View):
    needs = {"POST": ("quarantine",)}

    @described(
        "files_quarantine_dismiss", "Close the waiting rows of a file for good, with a reason", request=RequiredReason,
        answers={200: DismissedOut}, refuses=[404, 409, 413, 415, 422], paths={"id": "The file's id."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        act = act_of(request, why=self.given(RequiredReason)["reason"])
        return Response(DismissedOut({"dismissed": dismiss(file_id=id, act=act)}).data)
