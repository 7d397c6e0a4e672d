"""Pages for contributors. A statement's number ends in nine digits, so the endings
of downloads cannot be part of it; it has no slash, because a cycle's key has none."""

from django.conf import settings
from django.urls import path

from revshare.portal import account, claims, components, consents, destination, home, invitations, proofs, staff, views

urlpatterns = [
    path("", home.home, name="home"),
    path("works/", consents.works, name="works"),
    path("destination/", destination.destination, name="destination"),
    path("decisions/", consents.decisions, name="decisions"),
    path("decisions/new/", consents.new_decision, name="new-decision"),
    path("claims/", claims.claims, name="claims"),
    path("claims/new/", claims.new_claim, name="new-claim"),
    path("claims/<int:number>/", claims.claim, name="claim"),
    path("account/", account.account, name="account"),
    path("account/my-data.zip", account.own_data, name="own-data"),
    path("account/delete/", account.delete_data, name="delete-data"),
    path("letters/leave/<str:token>/", account.leave_letters, name="leave-letters"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("staff/invitations/", staff.invitations, name="staff-invitations"),
    path("staff/deletions/", staff.deletions, name="staff-deletions"),
    path("staff/letters/", staff.letters, name="staff-letters"),
    path("staff/letters/<str:kind>.<str:language>.<str:form>", staff.letter, name="staff-letter"),
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
    *([path("components/", components.components, name="components")] if settings.REVSHARE_COMPONENTS else []),
]
