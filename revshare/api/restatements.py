"""Files that are void, and closed cycles computed again: drafted, approved, posted."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from revshare.api.access import act_of, user_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.errors import Busy
from revshare.api.fields import DIGEST, Input, Micros, Nothing, RequiredReason, Text
from revshare.api.files import download
from revshare.cycles.queries import counting
from revshare.errors import NotFound
from revshare.files.voiding import void
from revshare.policies.operations import find as find_policy
from revshare.restatements.csv_file import csv_blocks
from revshare.restatements.models import Restatement
from revshare.restatements.operations import approve, check_not_payee, post
from revshare.restatements.queries import find, state, steps_of, with_steps
from revshare.restatements.rules import BUCKETS, MOST_SALES, Options
from revshare.tasks import request_restatement

ID = {"id": "The restatement's id."}
REFUSES = (404, 409, 413, 415, 422)
STATES = "draft, approved, posted, or superseded by another that was posted since"


class RestatementIn(Input):
    """Which cycle, and what is to be different: at least one of these."""

    cycle = Text(max_length=60)
    late = serializers.BooleanField(
        required=False, default=False, help_text="With all that has come since, and without files that are void by now."
    )
    late_files = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=1000, required=False, default=list,
        help_text="With what these files say that came late: sales, measures, outputs or usage.",
    )  # fmt: skip
    late_sales = serializers.ListField(
        child=Text(max_length=200), max_length=MOST_SALES, required=False, default=list,
        help_text="With these late sales and refunds.",
    )  # fmt: skip
    void = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=1000, required=False, default=list,
        help_text="Without these files, which must be void.",
    )  # fmt: skip
    manifests = serializers.DictField(
        child=Text(max_length=200), required=False, default=dict, help_text="Dataset versions, by those they stand for."
    )
    policy = Text(max_length=500, required=False, default="", allow_blank=True, help_text="NAME or NAME@VERSION.")


class ApprovalIn(Input):
    """What was looked at."""

    digest = Text(DIGEST, meant="the restatement's digest", help_text="The digest that was on the screen.")


class VoidOut(serializers.Serializer):
    """A file that counts in no cycle locked from now on."""

    file = serializers.IntegerField(source="file_id")
    reason = serializers.CharField()
    voided_at = serializers.DateTimeField()
    voided_by = serializers.CharField()
    cycles = serializers.ListField(child=serializers.CharField(), help_text="Closed with its sales: restate them.")


class DraftStarted(serializers.Serializer):
    """Where to follow a draft."""

    cycle = serializers.CharField()
    run = serializers.IntegerField(help_text="See `runs/{id}/`: once done, its `outcome` has the restatement's id.")


class RestatementTotalOut(serializers.Serializer):
    """A bucket in a currency, before and after; with its sign as it moves the account."""

    currency = serializers.CharField()
    bucket = serializers.ChoiceField(choices=BUCKETS)
    old_micros = Micros()
    new_micros = Micros()
    difference_micros = Micros()


class RestatementOut(serializers.Serializer):
    """A cycle computed again, and where that stands."""

    id = serializers.IntegerField()
    key = serializers.CharField()
    cycle = serializers.CharField()
    state = serializers.CharField(help_text=f"One of {STATES}.")
    words = serializers.CharField(help_text="What makes the difference, as it stands on statements.")
    policy = serializers.CharField()
    digest = serializers.CharField()
    drafted_at = serializers.DateTimeField()
    drafted_by = serializers.CharField()
    approved_by = serializers.CharField()
    posted_by = serializers.CharField()
    journal = serializers.IntegerField(allow_null=True)
    totals = RestatementTotalOut(many=True)


class RestatementLineOut(serializers.Serializer):
    """An amount that comes out differently, with its sign as it moves the account."""

    id = serializers.IntegerField()
    bucket = serializers.ChoiceField(choices=BUCKETS)
    contributor_id = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    pool = serializers.CharField()
    reason = serializers.CharField()
    old_micros = Micros()
    new_micros = Micros()
    difference_micros = Micros()


def represent(item: Restatement) -> dict[str, Any]:
    steps = steps_of(item)
    plain = ("id", "key", "words", "digest", "drafted_at", "drafted_by")
    return {name: getattr(item, name) for name in plain} | {
        "cycle": item.cycle.key, "state": state(item), "policy": str(item.policy),
        "approved_by": steps["approve"].by if "approve" in steps else "",
        "posted_by": steps["post"].by if "post" in steps else "",
        "journal": steps["post"].journal_id if "post" in steps else None,
        "totals": [
            {"currency": currency, "bucket": bucket, "old_micros": old, "new_micros": new,
             "difference_micros": new - old}
            for currency, buckets in sorted(item.totals.items())
            for bucket, (old, new) in sorted(buckets.items())
        ],
    }  # fmt: skip


def find_by_id(id: int) -> Any:
    found = with_steps().filter(pk=id).first()
    if found is None:
        raise NotFound(f"There is no restatement {id}.")
    return found


class VoidFile(View):
    needs = {"POST": ("void_file",)}

    @described(
        "files_void", "Say that a file should not have come", request=RequiredReason, answers={200: VoidOut},
        description="Its rows count in no cycle that is locked from now on. Cycles that are closed stay as they are, "
        "until they are restated.",
        refuses=REFUSES, paths={"id": "The file's id."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        made, _ = void(file_id=id, reason=self.given(RequiredReason)["reason"], act=act_of(request))
        plain = {name: getattr(made, name) for name in ("file_id", "reason", "voided_at", "voided_by")}
        return Response(VoidOut(plain | {"cycles": [cycle.key for cycle in counting(id)]}).data)


class Restatements(View):
    needs = {"GET": ("browse",), "POST": ("restate",)}
    pagination_class = Keyset
    filters = {"cycle": Filter("Only restatements of the cycle with this key.")}

    @described(
        "restatements_list", "List restatements of closed cycles, latest first",
        answers={200: RestatementOut(many=True)}, filters=filters,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        rows = with_steps()
        if cycle := self.chosen.get("cycle"):
            rows = rows.filter(cycle__key=cycle)
        return self.get_paginated_response(RestatementOut([represent(row) for row in self.page(rows)], many=True).data)

    @described(
        "restatements_draft", "Compute a published cycle again, and draft what comes out differently",
        description="Compared with the cycle and what was posted of it so far. Nothing is posted. A worker does it: "
        "202 with the run to follow, whose `outcome` names the restatement; 409 with code `busy` and the same run if "
        "somebody has just started it.",
        request=RestatementIn, answers={202: DraftStarted}, refuses=REFUSES,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        given = self.given(RestatementIn)
        options = Options(
            late=given["late"], void=tuple(given["void"]), manifests=given["manifests"],
            policy=find_policy(given["policy"]).sha256 if given["policy"] else "", files=tuple(given["late_files"]),
            sales=tuple(given["late_sales"]),
        )  # fmt: skip
        key = given["cycle"]
        run, new = request_restatement(key=key, options=options, act=act_of(request), queue=True)
        if not new:
            raise Busy(f"{run.actor} has asked for this restatement of cycle {key}: follow run {run.pk}.", run=run.pk)
        location = {"Location": reverse("api-run", [run.pk], request=request)}
        return Response({"cycle": key, "run": run.pk}, status=202, headers=location)


class OneRestatement(View):
    needs = {"GET": ("browse",)}

    @described("restatements_read", "See a restatement", answers={200: RestatementOut}, refuses=[404], paths=ID)
    def get(self, request: Request, id: int) -> Response:
        return Response(RestatementOut(represent(find_by_id(id))).data)


class Lines(View):
    needs = {"GET": ("browse",)}
    pagination_class = Keyset
    filters = {
        "contributor": Filter("Only lines of the contributor with this id."),
        "bucket": Filter("Only lines of this bucket.", choices=BUCKETS),
    }

    @described(
        "restatements_lines", "List what a restatement changes, line by line",
        answers={200: RestatementLineOut(many=True)}, filters=filters, refuses=[404], paths=ID,
    )  # fmt: skip
    def get(self, request: Request, id: int) -> Response:
        rows = find_by_id(id).lines.all()
        if contributor := self.chosen.get("contributor"):
            rows = rows.filter(contributor_id=contributor)
        if bucket := self.chosen.get("bucket"):
            rows = rows.filter(bucket=bucket)
        return self.get_paginated_response(RestatementLineOut(self.page(rows), many=True).data)


class LinesCsv(View):
    needs = {"GET": ("export",)}

    @described(
        "restatements_csv", "Download what a restatement changes, as CSV",
        answers={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The lines.")}, refuses=[404], paths=ID,
    )  # fmt: skip
    def get(self, request: Request, id: int) -> StreamingHttpResponse:
        found = find_by_id(id)
        name = f"restatement-{found.key.replace('/', '-')}.csv"
        return download(csv_blocks(found), name, "text/csv; charset=utf-8")


class ApproveRestatement(View):
    needs = {"POST": ("approve_restatement",)}

    @described(
        "restatements_approve", "Approve a drafted restatement", request=ApprovalIn, answers={200: RestatementOut},
        description="By another person than who drafted it, over the digest that was looked at.", refuses=REFUSES,
        paths=ID,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        found = find_by_id(id)
        check_not_payee(found, user_of(request).contributor_id)
        done = approve(key=found.key, act=act_of(request), digest=self.given(ApprovalIn)["digest"])
        return Response(RestatementOut(represent(done)).data)


class PostRestatement(View):
    needs = {"POST": ("post_restatement",)}

    @described(
        "restatements_post", "Post an approved restatement: the next statements list it", request=Nothing,
        answers={200: RestatementOut},
        refuses=REFUSES, paths=ID,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        self.given(Nothing)
        key = find_by_id(id).key
        post(key=key, act=act_of(request))
        return Response(RestatementOut(represent(find(key))).data)
