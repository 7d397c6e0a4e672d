"""The HTTP API, version 1."""

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import path, re_path, register_converter
from django.views.decorators.cache import cache_page
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api import (
    claims,
    consents,
    cycle_steps,
    cycles,
    debts,
    destinations,
    exports,
    files,
    invitations,
    lab,
    mappings,
    own,
    own_claims,
    payout_currencies,
    payouts,
    people,
    policies,
    quarantine,
    restatements,
    reviews,
    runs,
    statements,
    suspense,
    tokens,
    uploads,
    verification,
)
from revshare.api.base import NUMBER, View
from revshare.errors import NotFound
from revshare.exports.tables import FORMATS

SCHEMA_SECONDS = 300  # it is the same for everybody and takes a while to make


class RowId:
    """The id of a row, without leading zeros."""

    regex = NUMBER

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class Key:
    """A natural key: printable, no slash."""

    regex = "[^/]{1,200}"

    def to_python(self, value: str) -> str:
        if not value.isprintable():
            raise ValueError
        return value

    def to_url(self, value: str) -> str:
        return value


class Extension(Key):
    regex = "|".join(FORMATS)


@extend_schema(exclude=True)
class NothingHere(View):
    """Any other address: an error in the same shape as all."""

    def get(self, request: Request) -> Response:
        raise NotFound("There is nothing at this address (lists and objects end in a slash). See schema/.")

    post = get


register_converter(RowId, "row_id")
register_converter(Key, "natural_key")
register_converter(Extension, "export_format")

# The viewer of the schema styles its elements one by one.
docs = csp_update({"style-src": [UNSAFE_INLINE]})(SpectacularSwaggerSplitView.as_view(url_name="api-schema"))

urlpatterns = [
    path("schema/", cache_page(SCHEMA_SECONDS)(SpectacularAPIView.as_view()), name="api-schema"),
    path(
        "docs/",
        csp_update({"style-src": [UNSAFE_INLINE]})(SpectacularSwaggerSplitView.as_view(url_name="api-schema")),
        name="api-docs",
    ),
    path("token/", tokens.Tokens.as_view()),
    path("tokens/", tokens.OwnTokens.as_view()),
    path("tokens/<row_id:id>/end", tokens.EndToken.as_view()),
    path("uploads/", uploads.Uploads.as_view()),
    path("uploads/<row_id:id>/", uploads.OneUpload.as_view()),
    path("files/", files.Files.as_view()),
    path("files/<row_id:id>/", files.OneFile.as_view()),
    path("files/<row_id:id>/rejects.csv", files.Rejects.as_view()),
    path("files/<row_id:id>/void", restatements.VoidFile.as_view()),
    path("files/<row_id:id>/quarantine/retry", quarantine.Retry.as_view()),
    path("files/<row_id:id>/quarantine/dismiss", quarantine.Dismiss.as_view()),
    path("quarantine/", quarantine.Quarantine.as_view()),
    path("quarantine/retry", quarantine.RetryAll.as_view()),
    path("mappings/", mappings.Mappings.as_view()),
    path("policies/", policies.Policies.as_view()),
    path("policies/<row_id:id>/", policies.OnePolicy.as_view()),
    path("claims/", claims.Claims.as_view()),
    path("claims/<row_id:id>/", claims.OneClaim.as_view()),
    path("claims/<row_id:id>/prove", claims.Prove.as_view()),
    path("claims/<row_id:id>/uphold", claims.Uphold.as_view()),
    path("claims/<row_id:id>/reject", claims.Reject.as_view()),
    path("held/release", claims.ReleaseHeld.as_view()),
    path("cycles/", cycles.Cycles.as_view()),
    path("cycles/<natural_key:key>/", cycles.OneCycle.as_view()),
    path("cycles/<natural_key:key>/lock", cycle_steps.Lock.as_view()),
    path("cycles/<natural_key:key>/calculate", cycle_steps.Calculate.as_view()),
    path("cycles/<natural_key:key>/submit", cycle_steps.Submit.as_view()),
    path("cycles/<natural_key:key>/approve", cycle_steps.Approve.as_view()),
    path("cycles/<natural_key:key>/publish", cycle_steps.Publish.as_view()),
    path("cycles/<natural_key:key>/audit-bundle.zip", cycles.AuditBundle.as_view()),
    path("cycles/<natural_key:key>/commitment", cycles.CycleCommitment.as_view()),
    path("cycles/<natural_key:key>/review", reviews.OneReview.as_view()),
    path("cycles/<natural_key:key>/difference.csv", reviews.DifferenceCsv.as_view()),
    path("cycles/<natural_key:key>/findings/<row_id:id>/override", reviews.Override.as_view()),
    path("cycles/<natural_key:key>/findings/<row_id:id>/stop", reviews.Stop.as_view()),
    path("cycles/<natural_key:key>/lab", lab.Lab.as_view()),
    path("cycles/<natural_key:key>/lab.csv", lab.LabCsv.as_view()),
    path("cycles/<natural_key:key>/exports/<slug:kind>.<export_format:extension>", exports.Exports.as_view()),
    path("assets/", consents.Assets.as_view()),
    path("consents/", consents.Consents.as_view()),
    path("consents.<export_format:extension>", exports.ConsentsExport.as_view()),
    path("consents/consequences", consents.Consequences.as_view()),
    path("debts/", debts.Debts.as_view()),
    path("debts/advances", debts.AskForAdvance.as_view()),
    path("debts/overpayments", debts.BookOverpayment.as_view()),
    path("debts/<row_id:id>/", debts.OneDebt.as_view()),
    path("debts/<row_id:id>/approve", debts.Approve.as_view()),
    path("debts/<row_id:id>/decline", debts.Decline.as_view()),
    path("debts/<row_id:id>/write_off", debts.WriteOff.as_view()),
    path("deficits/", debts.Deficits.as_view()),
    path("invitations/", invitations.Invitations.as_view()),
    path("models/<natural_key:model>/credits.<export_format:extension>", exports.Credits.as_view()),
    path("letters/lost/", people.LostLetters.as_view()),
    path("deletions/", people.Deletions.as_view()),
    path("deletions/<row_id:id>/decide", people.DecideDeletion.as_view()),
    path("own/balances/", own.OwnBalances.as_view()),
    path("own/earnings/", own.OwnEarnings.as_view()),
    path("own/letters/", own.OwnLetters.as_view()),
    path("own/data.zip", own.OwnData.as_view()),
    path("own/deletions/", own.OwnDeletions.as_view()),
    path("own/destinations/", own.OwnDestination.as_view()),
    path("own/claims/", own_claims.OwnClaims.as_view()),
    path("own/claims/<row_id:id>/", own_claims.OwnClaim.as_view()),
    path("own/claims/<row_id:id>/prove", own_claims.ProveOwn.as_view()),
    path("payouts/", payouts.Batches.as_view()),
    path("payouts/why", payouts.Standings.as_view()),
    path("payouts/holds/", payouts.Holds.as_view()),
    path("payouts/holds/<row_id:id>/release", payouts.ReleaseHold.as_view()),
    path("payouts/currencies/", payout_currencies.PayIn.as_view()),
    path("payouts/destinations/", destinations.Destinations.as_view()),
    path("payouts/results", payouts.Results.as_view()),
    path("payouts/<row_id:id>/", payouts.OneBatch.as_view()),
    path("payouts/<row_id:id>/payments/", payouts.Payments.as_view()),
    path("payouts/<row_id:id>/approve", payouts.ApproveBatch.as_view()),
    path("payouts/<row_id:id>/cancel", payouts.CancelBatch.as_view()),
    path("payouts/<row_id:id>/export", payouts.ExportBatch.as_view()),
    path("payouts/<row_id:id>/register.csv", payouts.Register.as_view()),
    path("restatements/", restatements.Restatements.as_view()),
    path("restatements/<row_id:id>/", restatements.OneRestatement.as_view()),
    path("restatements/<row_id:id>/lines/", restatements.Lines.as_view()),
    path("restatements/<row_id:id>/lines.csv", restatements.LinesCsv.as_view()),
    path("restatements/<row_id:id>/approve", restatements.ApproveRestatement.as_view()),
    path("restatements/<row_id:id>/post", restatements.PostRestatement.as_view()),
    path("runs/", runs.Runs.as_view()),
    path("runs/<row_id:id>/", runs.OneRun.as_view(), name="api-run"),
    path("runs/<row_id:id>/retry", runs.Retry.as_view()),
    path("runs/<row_id:id>/stop", runs.Stop.as_view()),
    path("suspense/", suspense.Suspense.as_view()),
    path("suspense/match", suspense.Matching.as_view()),
    path("suspense/<row_id:id>/share", suspense.Sharing.as_view()),
    path("suspense/<row_id:id>/settle", suspense.Settling.as_view()),
    path("statements/", statements.Statements.as_view()),
    path("statements/<natural_key:number>/", statements.OneStatement.as_view()),
    path("statements/<natural_key:number>/proof", statements.StatementProof.as_view()),
    path("verifications/", verification.Verifications.as_view()),
    re_path("", NothingHere.as_view()),
]
