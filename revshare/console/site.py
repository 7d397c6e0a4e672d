"""The finished console: its pages and every stage's records. `config.urls` mounts `site`."""

from django.urls import path

from revshare.console import (
    cycles,
    debts,
    disputes,
    exports,
    intake,
    lab,
    payments,
    payouts,
    people,
    policies,
    quarantine,
    restatements,
    runs,
    signals,
    stages_in,
    stages_out,
    suspense,
)
from revshare.console.base import site

__all__ = ["debts", "disputes", "payments", "people", "signals", "site", "stages_in", "stages_out"]

guarded = site.admin_view
site.pages = [
    path("upload/", guarded(intake.upload), name="upload"),
    path("uploads/<int:pk>/", guarded(intake.upload_detail), name="upload-detail"),
    path("uploads/<int:pk>/again/", guarded(intake.upload_again), name="upload-again"),
    path("files/<int:pk>/", guarded(intake.file_detail), name="file"),
    path("files/<int:pk>/rejects.csv", guarded(intake.rejects), name="rejects"),
    path("files/<int:pk>/void/", guarded(restatements.void_file), name="void-file"),
    path("restatements/", guarded(restatements.page), name="restatements"),
    path("restatements/draft/", guarded(restatements.draft), name="restatement-draft"),
    path("restatements/<int:pk>/", guarded(restatements.detail), name="restatement"),
    path("restatements/<int:pk>/lines.csv", guarded(restatements.download), name="restatement-csv"),
    path("restatements/<int:pk>/<slug:action>/", guarded(restatements.move), name="restatement-move"),
    path("quarantine/", guarded(quarantine.page), name="quarantine"),
    path("quarantine/retry/", guarded(quarantine.retry), name="quarantine-retry"),
    path("quarantine/dismiss/", guarded(quarantine.dismiss), name="quarantine-dismiss"),
    path("suspense/", guarded(suspense.page), name="suspense"),
    path("suspense/match/", guarded(suspense.match), name="suspense-match"),
    path("suspense/<int:number>/share/", guarded(suspense.share_it), name="suspense-share"),
    path("suspense/<int:number>/settle/", guarded(suspense.settle_it), name="suspense-settle"),
    path("deficits/", guarded(debts.deficits_page), name="deficits"),
    path("downloads/", guarded(exports.page), name="downloads"),
    path("downloads/credits.<slug:format>", guarded(exports.credits_of), name="export-credits"),
    path("downloads/consents/", guarded(exports.consents), name="export-consents"),
    path("payouts/", guarded(payouts.page), name="payouts"),
    path("payouts/prepare/", guarded(payouts.prepare), name="payout-prepare"),
    path("payouts/results/", guarded(payouts.results), name="payout-results"),
    path("payouts/hold/", guarded(payouts.place_hold), name="payout-hold"),
    path("payouts/holds/<int:pk>/release/", guarded(payouts.release_hold), name="payout-hold-release"),
    path("payouts/<int:pk>/", guarded(payouts.batch), name="payout-batch"),
    path("payouts/<int:pk>/register.csv", guarded(payouts.download), name="payout-register"),
    path("payouts/<int:pk>/<slug:action>/", guarded(payouts.move), name="payout-move"),
    path("policies/register/", guarded(policies.register_policy), name="register-policy"),
    path("cycles/open/", guarded(policies.open_new), name="open-cycle"),
    path("cycle/<str:key>/", guarded(cycles.page), name="cycle"),
    path("cycle/<str:key>/lab/", guarded(lab.page), name="lab"),
    path("cycle/<str:key>/lab.csv", guarded(lab.download), name="lab-csv"),
    path("cycle/<str:key>/<slug:action>/", guarded(cycles.move), name="cycle-move"),
    path("cycle/<str:key>/export/<slug:kind>.<slug:format>", guarded(cycles.export), name="export"),
    path("runs/<int:pk>/progress/", guarded(runs.progress), name="run-progress"),
]
