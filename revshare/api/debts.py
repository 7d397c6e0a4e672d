"""What contributors owe: advances, overpayments, and what was taken back of them; and pools that owe."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of, user_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import Micros, RequiredReason, Text
from revshare.clock import now
from revshare.money import parse_amount_micros
from revshare.pools.deficits import deficits
from revshare.recoupments import operations as recoupments
from revshare.recoupments.operations import MOST_NOTICE_DAYS, USUAL_NOTICE_DAYS
from revshare.recoupments.queries import find, with_state
from revshare.recoupments.rules import KINDS, STATES

DEBT = {"id": "The debt's number."}
REFUSES = (404, 409, 413, 415, 422)
CURRENCY = "[A-Z]{3}"
MEANT = 'a currency such as "GBP"'
AMOUNT = r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?"


class AdvanceIn(RequiredReason):
    """Who is to get what in advance."""

    contributor_id = Text(max_length=200)
    currency = Text(CURRENCY, meant=MEANT)
    amount = Text(AMOUNT, meant='an amount such as "250.00"')
    starts_on = serializers.DateField(
        required=False, allow_null=True, default=None, help_text="Taken back from then on; else from today."
    )


class OverpaymentIn(RequiredReason):
    """Whose account is below zero."""

    contributor_id = Text(max_length=200)
    currency = Text(CURRENCY, meant=MEANT)
    amount = Text(
        AMOUNT, meant='an amount such as "250.00"', required=False, default="0", help_text="0: all it is below zero."
    )
    notice_days = serializers.IntegerField(
        required=False, default=USUAL_NOTICE_DAYS, min_value=0, max_value=MOST_NOTICE_DAYS
    )


class DebtStepOut(serializers.Serializer):
    action = serializers.CharField()
    state = serializers.CharField(source="target")
    text = serializers.CharField()
    at = serializers.DateTimeField()
    by = serializers.CharField()
    amount_micros = Micros()
    journal = serializers.IntegerField(source="journal_id", allow_null=True)


class DebtOut(serializers.Serializer):
    """What a contributor owes, and where it stands."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text=f"One of {', '.join(KINDS)}.")
    contributor_id = serializers.CharField()
    currency = serializers.CharField()
    amount_micros = Micros()
    recouped_micros = Micros(help_text="What cycles took back of it.")
    left_micros = Micros(help_text="What is owed now.")
    state = serializers.CharField(help_text=f"One of {', '.join(STATES)}.")
    reason = serializers.CharField()
    noticed_on = serializers.DateField()
    starts_on = serializers.DateField(help_text="Cycles whose last day is this one or later take it back.")
    asked_at = serializers.DateTimeField()
    asked_by = serializers.CharField()


class RecoupedOut(serializers.Serializer):
    cycle = serializers.CharField(source="cycle.key")
    earned_micros = Micros(help_text="What the cycle earned the contributor, after splits.")
    released_micros = Micros(help_text="What the cycle released of reserves.")
    amount_micros = Micros(help_text="What was taken back of both.")


class DebtWithSteps(DebtOut):
    """A debt with all its steps, and what cycles took back of it, the first one first."""

    steps = serializers.SerializerMethodField()
    recouped = serializers.SerializerMethodField()

    def get_steps(self, debt: Any) -> list[dict[str, Any]]:
        return list(DebtStepOut(debt.steps.order_by("pk"), many=True).data)

    def get_recouped(self, debt: Any) -> list[dict[str, Any]]:
        return list(RecoupedOut(debt.recouped.select_related("cycle").order_by("pk"), many=True).data)


class Debts(View):
    needs = {"GET": ("browse",)}
    pagination_class = Keyset
    filters = {
        "state": Filter("Only debts in this state.", choices=STATES),
        "kind": Filter("Only debts of this kind.", choices=KINDS),
    }

    @described("debts_list", "List debts, latest first", answers={200: DebtOut(many=True)}, filters=filters)
    def get(self, request: Request) -> Response:
        rows: Any = with_state()
        return self.get_paginated_response(DebtOut(self.page(rows.filter(**self.chosen)), many=True).data)


class OneDebt(View):
    needs = {"GET": ("browse",)}

    @described("debts_read", "Read a debt", answers={200: DebtWithSteps}, refuses=[404], paths=DEBT)
    def get(self, request: Request, id: int) -> Response:
        return Response(DebtWithSteps(find(id)).data)


class AskForAdvance(View):
    needs = {"POST": ("ask_for_advance",)}

    @described(
        "debts_advance", "Ask for an advance", request=AdvanceIn, answers={201: DebtWithSteps}, refuses=REFUSES,
        description="Once another person has approved it, it is on the account, and is taken back of what is earned.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = self.given(AdvanceIn)
        debt = recoupments.ask_for_advance(
            contributor_id=body["contributor_id"], currency=body["currency"], starts_on=body["starts_on"],
            amount_micros=parse_amount_micros(body["amount"]), act=act_of(request, why=body["reason"]),
        )  # fmt: skip
        return Response(DebtWithSteps(find(debt.pk)).data, status=201)


class BookOverpayment(View):
    needs = {"POST": ("book_debt",)}

    @described(
        "debts_overpayment", "Make a debt of what an account is below zero", request=OverpaymentIn,
        answers={201: DebtWithSteps}, refuses=REFUSES,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = self.given(OverpaymentIn)
        debt = recoupments.book_overpayment(
            contributor_id=body["contributor_id"], currency=body["currency"], notice_days=body["notice_days"],
            amount_micros=parse_amount_micros(body["amount"]), act=act_of(request, why=body["reason"]),
        )  # fmt: skip
        return Response(DebtWithSteps(find(debt.pk)).data, status=201)


class _Step(View):
    """A step of a debt by a second person, who must not be whose debt it is."""

    def take(self, request: Request, id: int, deed: Any) -> Response:
        reason = self.given(RequiredReason)["reason"]
        recoupments.check_not_payee(number=id, contributor_id=user_of(request).contributor_id)
        deed(number=id, act=act_of(request, why=reason))
        return Response(DebtWithSteps(find(id)).data)


class Approve(_Step):
    needs = {"POST": ("decide_advance",)}

    @described(
        "debts_approve", "Grant an advance as a second person", request=RequiredReason, answers={200: DebtWithSteps},
        refuses=REFUSES, paths=DEBT,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        return self.take(request, id, recoupments.approve)


class Decline(_Step):
    needs = {"POST": ("decide_advance",)}

    @described(
        "debts_decline", "Decline an advance", request=RequiredReason, answers={200: DebtWithSteps}, refuses=REFUSES,
        paths=DEBT,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        return self.take(request, id, recoupments.decline)


class WriteOff(_Step):
    needs = {"POST": ("write_off_debt",)}

    @described(
        "debts_write_off", "Give up what is left of a debt", request=RequiredReason, answers={200: DebtWithSteps},
        refuses=REFUSES, paths=DEBT,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        return self.take(request, id, recoupments.write_off)


class DeficitOut(serializers.Serializer):
    """A pool of which more was refunded than sold: its next sales make up for it first."""

    pool = serializers.CharField()
    currency = serializers.CharField()
    amount_micros = Micros(help_text="What it owes by the last calculated cycle.")
    worst_micros = Micros(help_text="What it owed at most.")
    since_cycle = serializers.CharField()
    since = serializers.DateField(help_text="The first day of that cycle.")
    cycles = serializers.IntegerField(help_text="Through how many it was carried.")
    days = serializers.IntegerField()


class DeficitsOut(serializers.Serializer):
    results = DeficitOut(many=True)


class Deficits(View):
    needs = {"GET": ("browse",)}

    @described("deficits_list", "List pools that owe, oldest first", answers={200: DeficitsOut})
    def get(self, request: Request) -> Response:
        today = now().date()
        rows = [vars(row) | {"days": (today - row.since).days} for row in deficits()]
        return Response(DeficitsOut({"results": rows}).data)
