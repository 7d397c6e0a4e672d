"""Payments: what is payable and why not yet, holds, batches and their register, the bank's results."""

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from revshare.api.access import act_of, user_of
from revshare.api.base import Filter, Keyset, View, described
from revshare.api.fields import DIGEST, Input, Micros, RequiredReason, Text
from revshare.api.uploads import UploadStarted
from revshare.clock import now
from revshare.files import uploads
from revshare.files.formats import PAYMENT_RESULTS
from revshare.payouts import operations as payouts
from revshare.payouts.models import Hold, Payment, PaymentBatch
from revshare.payouts.payable import is_many
from revshare.payouts.queries import find_batch, standings
from revshare.payouts.register import register
from revshare.payouts.rules import BATCH_STATES, PAYMENT_STATES, Standing, major_text, rate_text
from revshare.tasks import request_batch, request_step

BATCH = {"id": "The batch's id."}
REFUSES = (404, 409, 413, 415, 422)
CURRENCY = Filter("Only those in this currency.", pattern="[A-Z]{3}")


class Nothing(Input):
    """No fields."""


class CurrencyIn(Input):
    """What to pay in."""

    currency = Text("[A-Z]{3}", meant='a currency such as "GBP"')


class ApproveBatchIn(Input):
    """What is approved."""

    digest = Text(DIGEST, meant="the 64 hexadecimal digits of digest", help_text="The `digest` that was looked at.")


class HoldIn(RequiredReason):
    """Whom not to pay, and why."""

    contributor_id = Text(max_length=200)
    currency = Text("([A-Z]{3})?", meant="a currency, or empty for any", required=False, default="", allow_blank=True)


class WhyOut(serializers.Serializer):
    code = serializers.CharField()
    words = serializers.CharField()


class StandingOut(serializers.Serializer):
    """An account by the last published cycle: what of it can be paid now, or why nothing can."""

    contributor_id = serializers.CharField()
    currency = serializers.CharField()
    balance_micros = Micros(help_text="The published balance, less what has left the account since.")
    payable = serializers.CharField(help_text="In major units of `pays_in`, cut to its minor unit; the rest stays.")
    pays_in = serializers.CharField(help_text="The currency it is paid in.")
    notes = WhyOut(many=True, help_text="What is held in reserve besides, and what is owed.")
    reasons = WhyOut(many=True, help_text="Why it is not paid yet; empty if it can be.")
    shortfall_micros = Micros(help_text="What is missing to the minimum payout.")
    projected_on = serializers.DateField(
        allow_null=True, help_text="When it gets there by the average of the last cycles; null if it does not."
    )


class HoldOut(serializers.Serializer):
    """While it is not released, nobody pays the contributor."""

    id = serializers.IntegerField()
    contributor_id = serializers.CharField()
    currency = serializers.CharField(help_text="Empty: any.")
    reason = serializers.CharField()
    placed_at = serializers.DateTimeField()
    placed_by = serializers.CharField()
    released_at = serializers.DateTimeField(allow_null=True)
    released_by = serializers.CharField()
    release_reason = serializers.CharField()


class BatchOut(serializers.Serializer):
    """Payments in one currency, released together."""

    id = serializers.IntegerField()
    currency = serializers.CharField()
    cycle = serializers.CharField(source="cycle.key", help_text="The published cycle whose balances it pays.")
    state = serializers.ChoiceField(choices=BATCH_STATES)
    payments = serializers.IntegerField(source="payments_count")
    total = serializers.SerializerMethodField(help_text="In major units.")
    digest = serializers.CharField(help_text="SHA-256 over all its payments: what an approval is bound to.")
    prepared_at = serializers.DateTimeField()
    prepared_by = serializers.CharField()
    approved_at = serializers.DateTimeField(allow_null=True)
    approved_by = serializers.CharField()
    exported_at = serializers.DateTimeField(allow_null=True)
    exported_by = serializers.CharField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    cancelled_by = serializers.CharField()

    def get_total(self, batch: PaymentBatch) -> str:
        return major_text(batch.total_minor, batch.currency)


class PreparingStarted(serializers.Serializer):
    """Where to follow a batch that a worker prepares."""

    currency = serializers.CharField()
    run = serializers.IntegerField(help_text="See `runs/{id}/`: once done, its `outcome` has the batch's id.")


class PaymentOut(serializers.Serializer):
    """One contributor's payment."""

    payment_key = serializers.CharField()
    contributor_id = serializers.CharField()
    payee_id = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    amount = serializers.SerializerMethodField(help_text="In major units.")
    account_currency = serializers.CharField(help_text="The currency of the balance that it pays.")
    account_micros = Micros(help_text="What it takes from that.")
    rate = serializers.SerializerMethodField(help_text="What 1 of that currency is in this one; null if the same.")
    rate_on = serializers.DateField(allow_null=True)
    rate_source = serializers.CharField()
    statement = serializers.CharField(help_text="Number of the statement whose balance it pays.")
    state = serializers.ChoiceField(choices=PAYMENT_STATES)

    def get_amount(self, payment: Payment) -> str:
        return major_text(payment.amount_minor, payment.currency)

    def get_rate(self, payment: Payment) -> str | None:
        return rate_text(payment.rate_upper, payment.rate_lower) or None


def represent(item: Standing) -> dict[str, Any]:
    account = item.account
    return {
        "contributor_id": account.contributor_id, "currency": account.currency,
        "balance_micros": account.available_micros, "payable": major_text(item.payable_minor, item.pays_in),
        "pays_in": item.pays_in, "notes": item.notes, "reasons": item.reasons,
        "shortfall_micros": item.shortfall_micros, "projected_on": item.projected_on,
    }  # fmt: skip


class Standings(View):
    needs = {"GET": ("browse",)}
    filters = {"contributor": Filter("Required: the contributor's id.")}

    @described(
        "payouts_why", "What a contributor can be paid, or why not yet", answers={200: StandingOut(many=True)},
        description="By currency, out of the balances of the last published cycle. Empty accounts are left out.",
        filters=filters,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        if "contributor" not in self.chosen:
            raise serializers.ValidationError({"contributor": "Say whose account: there may be a million."})
        found = standings(today=now().date(), contributor_ids=[self.chosen["contributor"]])
        return Response(StandingOut([represent(item) for item in found], many=True).data)


class Holds(View):
    needs = {"GET": ("browse",), "POST": ("hold_payouts",)}
    pagination_class = Keyset

    @described("payouts_holds_list", "List holds, latest first", answers={200: HoldOut(many=True)})
    def get(self, request: Request) -> Response:
        return self.get_paginated_response(HoldOut(self.page(Hold.objects.all()), many=True).data)

    @described(
        "payouts_hold", "Stop paying a contributor", request=HoldIn, answers={201: HoldOut}, refuses=REFUSES,
        description="Until it is released. The reason goes into the audit trail.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        body = self.given(HoldIn)
        made = payouts.place_hold(
            contributor_id=body["contributor_id"], currency=body["currency"], act=act_of(request, why=body["reason"])
        )
        return Response(HoldOut(made).data, status=201)


class ReleaseHold(View):
    needs = {"POST": ("hold_payouts",)}

    @described(
        "payouts_hold_release", "Release a hold", request=RequiredReason, answers={200: HoldOut}, refuses=REFUSES,
        paths={"id": "The hold's id."},
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        reason = self.given(RequiredReason)["reason"]
        return Response(HoldOut(payouts.release_hold(hold_id=id, act=act_of(request, why=reason))).data)


class Batches(View):
    needs = {"GET": ("browse",), "POST": ("prepare_payouts",)}
    pagination_class = Keyset
    filters = {"currency": CURRENCY, "state": Filter("Only those in this state.", choices=BATCH_STATES)}

    @described("payouts_list", "List batches, latest first", answers={200: BatchOut(many=True)}, filters=filters)
    def get(self, request: Request) -> Response:
        rows = self.page(PaymentBatch.objects.filter(**self.chosen).select_related("cycle"))
        return self.get_paginated_response(BatchOut(rows, many=True).data)

    @described(
        "payouts_prepare", "Prepare a batch of all that is payable in a currency", request=CurrencyIn,
        answers={201: BatchOut, 202: PreparingStarted}, refuses=REFUSES,
        description="422 with code `nothing_payable` if nothing is. Of very many accounts a worker makes it: 202 with "
        "the run to follow, whose `outcome` names the batch.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        currency, act = self.given(CurrencyIn)["currency"], act_of(request)
        if is_many():
            run = request_batch(currency=currency, act=act)
            place = {"Location": reverse("api-run", [run.pk], request=request)}
            return Response({"currency": currency, "run": run.pk}, status=202, headers=place)
        return Response(BatchOut(payouts.prepare(currency=currency, act=act)).data, status=201)


class OneBatch(View):
    needs = {"GET": ("browse",)}

    @described("payouts_read", "See a batch", answers={200: BatchOut}, refuses=[404], paths=BATCH)
    def get(self, request: Request, id: int) -> Response:
        return Response(BatchOut(find_batch(id)).data)


class Payments(View):
    needs = {"GET": ("browse",)}
    pagination_class = Keyset

    @described(
        "payouts_payments", "List the payments of a batch", answers={200: PaymentOut(many=True)}, refuses=[404],
        paths=BATCH,
    )  # fmt: skip
    def get(self, request: Request, id: int) -> Response:
        rows = self.page(find_batch(id).payments.all())
        return self.get_paginated_response(PaymentOut(rows, many=True).data)


class ApproveBatch(View):
    needs = {"POST": ("approve_payouts",)}

    @described(
        "payouts_approve", "Release a batch as a second person", request=ApproveBatchIn, answers={200: BatchOut},
        description="Bound to the digest that was looked at: 409 if it is another, or if the batch could not be paid "
        "any more. 403 for whoever prepared it or is paid by it.",
        refuses=REFUSES, paths=BATCH,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        digest = self.given(ApproveBatchIn)["digest"]
        payouts.check_not_payee(find_batch(id), user_of(request).contributor_id)
        return Response(BatchOut(payouts.approve(batch_id=id, digest=digest, act=act_of(request))).data)


class CancelBatch(View):
    needs = {"POST": ("prepare_payouts",)}

    @described(
        "payouts_cancel", "Give up a batch that the bank has not got", request=Nothing, answers={200: BatchOut},
        refuses=REFUSES, paths=BATCH,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        self.given(Nothing)
        return Response(BatchOut(payouts.cancel(batch_id=id, act=act_of(request))).data)


class ExportBatch(View):
    needs = {"POST": ("export_payouts",)}

    @described(
        "payouts_export", "Hand an approved batch to the bank", request=Nothing, answers={200: BatchOut},
        description="From here on only the bank's results end its payments. Then download its register.",
        refuses=REFUSES, paths=BATCH,
    )  # fmt: skip
    def post(self, request: Request, id: int) -> Response:
        self.given(Nothing)
        return Response(BatchOut(payouts.release_to_bank(batch_id=id, act=act_of(request))).data)


class Register(View):
    needs = {"GET": ("export_payouts",)}

    @described(
        "payouts_register", "Download the register of an exported batch, as CSV",
        description="The same batch gives the same bytes. Text that a spreadsheet would take for a formula has an "
        "apostrophe before it.",
        answers={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The file.")}, refuses=[404, 409, 422],
        paths=BATCH,
    )  # fmt: skip
    def get(self, request: Request, id: int) -> HttpResponse:
        name = content_disposition_header(True, f"payments-{id}.csv") or "attachment"
        return HttpResponse(
            register(find_batch(id)), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name}
        )


class ResultsIn(Input):
    """A file of payment results."""

    file = serializers.FileField(allow_empty_file=True, help_text="CSV, CSV.gz, JSON Lines or Parquet.")


class Results(View):
    needs = {"POST": ("book_payments",)}
    parser_classes = (MultiPartParser,)

    @described(
        "payouts_results", "Hand in what the bank says of payments",
        description="Keeps the bytes and asks a worker to book them: follow the run. The same bytes again do nothing.",
        request={"multipart/form-data": ResultsIn}, answers={202: UploadStarted}, refuses=[413, 415, 422],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        file, act = self.given(ResultsIn)["file"], act_of(request)
        with transaction.atomic():  # an upload without its run would wait for ever
            upload = uploads.receive(kind=PAYMENT_RESULTS, name=file.name, chunks=file.chunks(), act=act)
            run, _ = request_step(
                step="ingest", subject=f"upload:{upload.pk}", act=act, request={"upload": upload.pk}, queue=True
            )
        place = reverse("api-run", [run.pk], request=request)
        return Response({"upload": upload.pk, "run": run.pk}, status=202, headers={"Location": place})
