"""The policy lab: what a cycle would pay under other policies. Nothing is written."""

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.base import View, described
from revshare.api.cycles import KEY
from revshare.api.fields import FREE_TEXT, Input, Micros, Text, Ticks
from revshare.api.files import download
from revshare.api.parsers import MAX_JSON_BYTES
from revshare.clock import now
from revshare.cycles.queries import find
from revshare.exports.tables import CONTENT_TYPES
from revshare.lab.candidates import MOST, Candidate, drafted, registered
from revshare.lab.csv_file import csv_blocks
from revshare.lab.operations import Comparison, compare
from revshare.lab.report import Column, Report, Rules, decimals, report
from revshare.policies.operations import find as find_policy

WHAT = (
    "The cycle's own policy comes first; the others are compared with it. Of a locked cycle the sales that it closed "
    "over count; of an open one, those that have come by now. Nothing is written, posted or frozen."
)


class LabIn(Input):
    """The policies to try beside the cycle's own: registered ones by name, others as TOML."""

    policies = serializers.ListField(
        child=Text(max_length=500), max_length=MOST - 1, required=False, default=list,
        help_text="NAME (its latest version) or NAME@VERSION.",
    )  # fmt: skip
    texts = serializers.ListField(
        child=Text(FREE_TEXT, meant="text without control characters", max_length=MAX_JSON_BYTES),
        max_length=MOST - 1, required=False, default=list, help_text="Policy files in TOML; they are not registered.",
    )  # fmt: skip


class MoverOut(serializers.Serializer):
    """A contributor whose amount another policy changes."""

    contributor_id = serializers.CharField()
    name = serializers.CharField()
    before_micros = Micros(help_text="Under the cycle's own policy.")
    after_micros = Micros(help_text="Under the other.")
    difference_micros = Micros()


class ShiftOut(serializers.Serializer):
    """Who gains and who loses, of those whom either policy pays."""

    winners = serializers.IntegerField()
    losers = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    gained_micros = Micros()
    lost_micros = Micros()


class AfterSplitsOut(serializers.Serializer):
    """Who is paid once contributors passed on what others get by splits."""

    contributors = serializers.IntegerField(help_text="Who are paid something.")
    passed_on_micros = Micros(help_text="What moved, net of each.")
    median_micros = Micros()
    gini = serializers.CharField()
    top_hundredth = serializers.CharField()


class LabColumnOut(serializers.Serializer):
    """What a policy comes to in a currency. Contributors, platform, commons, suspense, held and carried add up to net
    sales and what was carried in."""

    policy = serializers.CharField()
    net_micros = Micros()
    carried_in_micros = Micros()
    contributors = serializers.IntegerField(help_text="Who are paid something.")
    total_micros = Micros(help_text="To contributors.")
    platform_micros = Micros()
    commons_micros = Micros()
    suspense_micros = Micros()
    held_micros = Micros()
    carried_micros = Micros(help_text="Handed on to the next cycle; never positive.")
    median_micros = Micros(help_text="Of those who are paid.")
    gini = serializers.CharField(help_text="From 0 (all who are paid get the same) to 1, six decimals.")
    top_hundredth = serializers.CharField(help_text="What the best paid hundredth gets, as a part of 1.")
    after_splits = AfterSplitsOut(allow_null=True, help_text="All else is before splits; null if nobody has any.")
    shift = ShiftOut(allow_null=True, help_text="Against the cycle's own policy; null for that one.")
    gains = MoverOut(many=True, help_text="The largest.")
    losses = MoverOut(many=True, help_text="The largest.")


class LabTableOut(serializers.Serializer):
    currency = serializers.CharField()
    columns = LabColumnOut(many=True, help_text="In the order of the policies.")


class LabPoolOut(serializers.Serializer):
    """A pool of the cycle under a policy."""

    table = serializers.CharField()
    model = serializers.CharField()
    dataset_version = serializers.CharField()
    part = serializers.CharField(help_text="What part of a pool this is, where a policy divides it.")
    currency = serializers.CharField()
    rule = serializers.CharField(help_text="In words, as it would stand on statements.")
    net_micros = Micros()
    distributable_micros = Micros()
    denominator_ticks = Ticks(help_text="All units it is shared over.")
    suspense_reason = serializers.CharField(help_text="Why it would wait in suspense; empty if it would not.")


class LabPolicyOut(serializers.Serializer):
    name = serializers.CharField()
    sha256 = serializers.CharField(help_text="Over the policy's bytes.")
    registered = serializers.BooleanField()
    sentences = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="In plain language, by table."
    )
    pools = LabPoolOut(many=True)


class LabOut(serializers.Serializer):
    """A cycle under several policies, side by side."""

    cycle = serializers.CharField()
    state = serializers.CharField()
    policies = LabPolicyOut(many=True)
    currencies = LabTableOut(many=True)


def represent(told: Report) -> Any:
    return LabOut(
        {
            "cycle": told.key, "state": told.state, "policies": [_policy(rules) for rules in told.rules],
            "currencies": [
                {"currency": table.currency, "columns": [_column(column) for column in table.columns]}
                for table in told.tables
            ],
        }
    ).data  # fmt: skip


def _policy(rules: Rules) -> dict[str, Any]:
    return {
        "name": rules.name, "sha256": rules.sha256, "registered": rules.is_registered, "sentences": rules.sentences,
        "pools": [
            vars(line.pool.key) | {
                "rule": line.pool.words, "net_micros": line.pool.net_micros,
                "distributable_micros": line.pool.distributable_micros, "denominator_ticks": line.denominator,
                "suspense_reason": line.suspense_reason,
            }
            for line in rules.pools
        ],
    }  # fmt: skip


def _column(column: Column) -> dict[str, Any]:
    return {
        "policy": column.name, "net_micros": column.net_micros, "carried_in_micros": column.carried_in_micros,
        **vars(column.spread), **{f"{bucket}_micros": micros for bucket, micros in column.rest.items()},
        "gini": decimals(column.spread.gini, 6), "top_hundredth": decimals(column.spread.top, 6),
        "after_splits": _after_splits(column),
        "shift": column.shift, "gains": column.gains, "losses": column.losses,
    }  # fmt: skip


def _after_splits(column: Column) -> dict[str, Any] | None:
    if column.after is None:
        return None
    return vars(column.after) | {
        "passed_on_micros": column.passed_on_micros, "gini": decimals(column.after.gini, 6),
        "top_hundredth": decimals(column.after.top, 6),
    }  # fmt: skip


class _Lab(View):
    needs = {"POST": ("lab",)}

    def compared(self, key: str) -> Comparison:
        cycle, body = find(key), self.given(LabIn)
        others: list[Candidate] = [registered(find_policy(name)) for name in body["policies"]]
        others += [drafted(text.encode("utf-8")) for text in body["texts"]]
        return compare(cycle=cycle, others=others, at=now())


class Lab(_Lab):
    @described(
        "cycles_lab", "What a cycle would pay under other policies", description=WHAT, request=LabIn,
        answers={200: LabOut}, refuses=[404, 413, 415, 422], paths=KEY,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        return Response(represent(report(self.compared(key))))


class LabCsv(_Lab):
    @described(
        "cycles_lab_csv", "What each contributor would get under other policies, as CSV",
        description=f"{WHAT} A column for each policy, in micros, and the differences.", request=LabIn,
        answers={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The file.")},
        refuses=[404, 413, 415, 422], paths=KEY,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> HttpResponseBase:
        return download(csv_blocks(self.compared(key)), f"lab-{key}.csv", CONTENT_TYPES["csv"])
