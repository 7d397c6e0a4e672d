"""Pages for contributors. A statement's number ends in nine digits, so the endings
of downloads cannot be part of it; it has no slash, because a cycle's key has none."""

from django.urls import path

from revshare.portal import consents, destination, proofs, views

urlpatterns = [
    path("", views.home, name="home"),
    path("works/", consents.works, name="works"),
    path("destination/", destination.destination, name="destination"),
    path("decisions/", consents.decisions, name="decisions"),
    path("decisions/new/", consents.new_decision, name="new-decision"),
    path("statements/", views.statements, name="statements"),
    path("statements/<str:number>.proof.json", proofs.statement_proof, name="statement-proof"),
    path("statements/<str:number>/verify/", proofs.verify_statement, name="verify-statement"),
    path("verify/", proofs.verify, name="verify"),
    path("published/", proofs.published, name="published"),
    path("published/<str:key>/", proofs.published_cycle, name="published-cycle"),
    path("published/<str:key>/commitment.txt", proofs.commitment_file, name="commitment"),
    path("published/<str:key>/signature.json", proofs.signature_file, name="commitment-signature"),
    path("statements/<str:number>/", views.statement_page, name="statement"),
    *(
        path(f"statements/<str:number>.{form}", views.statement_file, {"form": form}, name=f"statement-{form}")
        for form in views.FORMS
    ),
]
