"""Cycles: opened and seen, and what a published one gives to auditors."""

from typing import Any

from django.http import FileResponse, HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import Input, Micros, Text, Ticks
from revshare.api.policies import PolicyOut
from revshare.api.runs import RunOut
from revshare.audit_trail.operations import record
from revshare.cycles.models import Cycle
from revshare.cycles.operations import next_action, open_cycle
from revshare.cycles.opted_out import opted_out_of
from revshare.cycles.queries import find
from revshare.cycles.rules import STATES
from revshare.errors import Refused
from revshare.lake import spool
from revshare.periods import DAY_PATTERN, PeriodError, parse_period
from revshare.policies.eligibility import EXCLUDE, HOLD, PAY
from revshare.policies.operations import find as find_policy
from revshare.pools.models import Pool
from revshare.proofs.bundle import write_bundle
from revshare.proofs.queries import commitment_of
from revshare.runs.models import LIVE, Run

KEY = {"key": "The cycle's key."}


class CycleIn(Input):
    """What a cycle is to cover, and by which rules."""

    key = Text(max_length=60, help_text="1 to 60 printable characters, no slash.")
    start = Text(DAY_PATTERN, meant='a date such as "2011-11-01"', help_text="The first day.")
    end = Text(DAY_PATTERN, meant='a date such as "2011-12-01"', help_text="The day after the last.")
    timezone = Text(r"[A-Za-z0-9+_/-]{1,60}", meant='a time zone such as "Europe/London"')
    policy = Text(help_text="NAME (its latest version) or NAME@VERSION.", max_length=500)


class CycleOut(serializers.Serializer):
    """A payout cycle."""

    key = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    next_action = serializers.CharField(allow_null=True, help_text="The move that comes next; null at the end.")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(help_text="The day after the last.")
    timezone = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    policy = PolicyOut()
    opened_by = serializers.CharField()
    locked_at = serializers.DateTimeField(allow_null=True)
    locked_by = serializers.CharField()
    input_digest = serializers.CharField(help_text="SHA-256 over all that the result depends on; empty until locked.")
    calculated_at = serializers.DateTimeField(allow_null=True)
    calculated_by = serializers.CharField()
    result_digest = serializers.CharField(help_text="SHA-256 over pools and allocations: what an approval is bound to.")
    submitted_by = serializers.CharField()
    approved_at = serializers.DateTimeField(allow_null=True)
    approved_by = serializers.CharField()
    approved_digest = serializers.CharField()
    published_at = serializers.DateTimeField(allow_null=True)
    published_by = serializers.CharField()


class PoolOut(serializers.Serializer):
    """What was sold under one rule, model and currency, and how much of it is shared over how many assets."""

    table = serializers.CharField(help_text="The policy's rule table: a stream, or `default`.")
    model = serializers.CharField()
    dataset_version = serializers.CharField()
    part = serializers.CharField(help_text="Of several that a pool is divided into; blank if it is not.")
    measure = serializers.CharField(help_text="What contributors are measured by: `assets`, `weight`, `outputs` …")
    currency = serializers.CharField()
    rule = serializers.CharField(help_text="In words, as on the statements.")
    share = serializers.CharField(help_text="As the policy says it.")
    sales_count = serializers.IntegerField()
    net_micros = Micros(help_text="Sales less refunds.")
    carried_in_micros = Micros(help_text="What the cycle before could not take off its own sales; never positive.")
    released_micros = Micros(help_text="From suspense: contributors' shares of earlier sales.")
    deducted_micros = Micros(help_text="Tax and fees, where the policy shares what is left after them.")
    distributable_micros = Micros(
        help_text="(net + carried in − deducted) × share, rounded down, less commons; and what suspense released."
    )
    commons_micros = Micros(help_text="Goes to the commons fund.")
    platform_micros = Micros(help_text="Stays with the platform.")
    carried_out_micros = Micros(help_text="Handed on to the next cycle; never positive.")
    denominator_ticks = Ticks(help_text="All units it is shared over; of assets, 720,720 ticks each.")
    versions = serializers.ListField(child=serializers.CharField(), help_text="The dataset versions it is shared over.")
    suspense_reason = serializers.CharField(help_text="Why it waits in suspense; empty if it does not.")


class OptedOutOut(serializers.Serializer):
    """Records of a dataset version that were opted out before it was frozen, and are in it all the same."""

    dataset_version = serializers.CharField()
    records = serializers.IntegerField()
    ticks = Ticks(help_text="Their share of assets.")
    treatment = serializers.ChoiceField(choices=(EXCLUDE, HOLD, PAY), help_text="What the policy does with them.")


class CycleWithPools(CycleOut):
    """A payout cycle with its pools and the run that is at work on it."""

    pools = PoolOut(many=True, help_text="Empty until it is calculated.")
    opted_out = OptedOutOut(many=True, help_text="Empty until it is locked.")
    run = RunOut(allow_null=True, help_text="The run that is at work on it now.")


def represent(cycle: Cycle) -> dict[str, Any]:
    plain = [str(name) for name in CycleOut().fields if name != "next_action"]
    return {name: getattr(cycle, name) for name in plain} | {"next_action": next_action(cycle)}


def represent_whole(cycle: Cycle) -> Any:
    run = Run.objects.filter(subject=f"cycle:{cycle.key}", state__in=LIVE).first()
    return CycleWithPools(
        represent(cycle)
        | {
            "pools": Pool.objects.filter(cycle=cycle, kind=Pool.Kind.SALES),
            "opted_out": opted_out_of(cycle),
            "run": run,
        }
    ).data


class Cycles(View):
    needs = {"GET": ("browse",), "POST": ("open_cycle",)}
    pagination_class = Keyset
    filters = {"state": Filter("Only cycles in this state.", choices=STATES)}

    @described("cycles_list", "List cycles, latest first", answers={200: CycleOut(many=True)}, filters=filters)
    def get(self, request: Request) -> Response:
        rows = self.page(Cycle.objects.filter(**self.chosen).select_related("policy"))
        return self.get_paginated_response(CycleOut([represent(cycle) for cycle in rows], many=True).data)

    @described(
        "cycles_open", "Open a cycle",
        description="201 if it is new, 200 if the very same cycle is there, 409 if one with this key differs or "
        "another overlaps it.",
        request=CycleIn, answers={201: CycleWithPools, 200: CycleWithPools}, refuses=[404, 409, 413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = self.given(CycleIn)
        try:
            period = parse_period(body["start"], body["end"], body["timezone"])
        except PeriodError as error:
            raise Refused(f"{error}.".replace("..", "."), code="period_invalid") from None
        cycle, new = open_cycle(key=body["key"], period=period, policy=find_policy(body["policy"]), act=act_of(request))
        return Response(represent_whole(cycle), status=201 if new else 200)


class OneCycle(View):
    needs = {"GET": ("browse",)}

    @described("cycles_read", "See a cycle and its pools", answers={200: CycleWithPools}, refuses=[404], paths=KEY)
    def get(self, request: Request, key: str) -> Response:
        return Response(represent_whole(find(key)))


class AuditBundle(View):
    needs = {"GET": ("export",)}

    @described(
        "cycles_audit_bundle", "Download all that a published cycle's figures come from",
        description="A ZIP file with a program that computes them again without us (`check_bundle.py`). It has "
        "everybody's amounts: for auditors.",
        answers={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, "The file.")}, refuses=[404, 422],
        paths=KEY,
    )  # fmt: skip
    def get(self, request: Request, key: str) -> HttpResponseBase:
        with spool() as folder:
            path = folder / "bundle"
            write_bundle(key=key, target=path)
            file = path.open("rb")  # stays readable although its folder goes
        record(act=act_of(request), action="cycle.bundled", object=f"cycle:{key}")
        headers = {"Content-Disposition": content_disposition_header(True, f"{key}.audit.zip") or "attachment"}
        return FileResponse(file, content_type="application/zip", headers=headers)


class CommitmentOut(serializers.Serializer):
    """What a published cycle committed to: its totals, and the roots of the trees over its statements."""

    cycle = serializers.CharField()
    text = serializers.CharField(help_text="A fact a line, parts cut by tabs; what is signed are these bytes.")
    sha256 = serializers.CharField()
    public_key = serializers.CharField(help_text="Ed25519, hex.")
    signature = serializers.CharField(help_text="Hex.")
    made_at = serializers.DateTimeField()


class CycleCommitment(View):
    needs = {"GET": ("browse", "read_own_statements")}

    @described(
        "cycles_commitment", "Read what a published cycle committed to", answers={200: CommitmentOut}, refuses=[404],
        description="There a moment after the cycle is published. The same stands on a page that is open to all.",
        paths=KEY,
    )  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        commitment = commitment_of(key)
        shown = {name: getattr(commitment, name) for name in ("text", "sha256", "public_key", "signature", "made_at")}
        return Response(CommitmentOut({"cycle": key, **shown}).data)
