"""Every route, and which row of the table of INVARIANTS, section 6, it belongs to. A new route is written down here."""

from dataclasses import dataclass

EVERYBODY = frozenset({"contributor", "other", "operator", "approver", "finance", "superuser", "both"})
PEOPLE = ("anonymous", *sorted(EVERYBODY))

# The rows: who gets in. `both` is a contributor and an approver. A superuser looks, and does by the roles held: none.
MEMBERS = EVERYBODY
STAFF = frozenset({"operator", "approver", "finance", "superuser", "both"})
TAKES_OUT = frozenset({"operator", "approver", "finance", "both"})
OPERATOR = frozenset({"operator"})
APPROVER = frozenset({"approver", "both"})
FINANCE = frozenset({"finance"})
OPERATOR_OR_FINANCE = OPERATOR | FINANCE
VERIFIES = OPERATOR | APPROVER
CONTRIBUTOR = frozenset({"contributor", "other", "both"})
HAS_ROLE = EVERYBODY - {"superuser"}
SUPERUSER = frozenset({"superuser"})
NOBODY: frozenset[str] = frozenset()
OPEN = EVERYBODY | {"anonymous"}


@dataclass(frozen=True)
class Route:
    """Who may read and who may send; None: there is no such method. `own`: an object of the contributor `contributor`,
    which staff may read too and which is 404 for other contributors. `private`: one that only its contributor may
    read. `gives`: what a reader gets. `linked`: a download that takes a link of the reader's own (`signin/links.py`)."""

    read: frozenset[str] | None = None
    send: frozenset[str] | None = None
    own: bool = False
    private: bool = False
    gives: tuple[int, ...] = (200,)
    linked: bool = False


def reads(who: frozenset[str], *gives: int) -> Route:
    return Route(read=who, gives=gives or (200,))


def takes(who: frozenset[str], *gives: int) -> Route:
    return Route(read=who, gives=gives or (200,), linked=True)


def sends(who: frozenset[str]) -> Route:
    return Route(send=who)


STATEMENT = Route(read=STAFF | {"contributor"}, own=True)
STATEMENT_FILE = Route(read=STAFF | {"contributor"}, own=True, linked=True)
ROUTES: dict[str, Route] = {
    # signing in, and one's own account: what is another's there is 404
    "sign-in/": Route(read=OPEN, send=OPEN, gives=(200, 302)),
    "sign-out/": sends(OPEN),
    "account/inactive/": reads(OPEN),
    "account/confirm/": Route(read=MEMBERS, send=MEMBERS),
    "account/password/": Route(read=MEMBERS, send=MEMBERS, gives=(200, 302)),
    "account/two-factor/": reads(MEMBERS),
    "account/two-factor/authenticate/": Route(read=OPEN, send=OPEN, gives=(302,)),  # between password and code only
    "account/two-factor/reauthenticate/": Route(read=MEMBERS, send=MEMBERS, gives=(200, 302)),
    "account/two-factor/totp/activate/": Route(read=MEMBERS, send=MEMBERS, gives=(200, 302)),
    "account/two-factor/totp/deactivate/": Route(read=MEMBERS, send=MEMBERS, gives=(200, 302, 404)),
    "account/two-factor/recovery-codes/": reads(MEMBERS, 200, 302, 404),
    "account/two-factor/recovery-codes/generate/": Route(read=MEMBERS, send=MEMBERS, gives=(200, 302)),
    "account/two-factor/recovery-codes/download/": reads(MEMBERS, 200, 302, 404),
    "account/two-factor/webauthn/": reads(MEMBERS, 200, 302),
    "account/two-factor/webauthn/add/": Route(read=MEMBERS, send=MEMBERS, gives=(200, 302)),
    "account/two-factor/webauthn/reauthenticate/": Route(read=MEMBERS, send=MEMBERS, gives=(200, 302)),
    "account/two-factor/webauthn/keys/<int:pk>/remove/": Route(read=MEMBERS, send=MEMBERS, gives=(302, 404)),
    "account/two-factor/webauthn/keys/<int:pk>/edit/": Route(read=MEMBERS, send=MEMBERS, gives=(302, 404)),
    "account/two-factor/webauthn/login/": Route(read=OPEN, send=OPEN, gives=(200, 302)),
    "account/sessions/": Route(read=MEMBERS, send=MEMBERS),
    "account/tokens/": Route(read=MEMBERS, send=MEMBERS),
    "account/tokens/<int:pk>/end/": sends(MEMBERS),
    # the portal
    "": reads(MEMBERS, 200, 302),  # contributors' own; staff are sent to the console
    "works/": reads(CONTRIBUTOR),
    "claims/": reads(CONTRIBUTOR),
    "claims/new/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "claims/<int:number>/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR, private=True),
    "account/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "account/my-data.zip": takes(CONTRIBUTOR),
    "account/delete/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "letters/leave/<str:token>/": Route(read=OPEN, send=OPEN),  # the link in the letter is the right to it
    "invitations/<str:token>/": Route(read=OPEN, send=OPEN),  # and here the link in the invitation
    "staff/invitations/": Route(read=OPERATOR, send=OPERATOR),
    "staff/deletions/": Route(read=APPROVER, send=APPROVER),
    "staff/letters/": reads(TAKES_OUT),
    "staff/letters/<str:kind>.<str:language>.<str:form>": reads(TAKES_OUT),
    "destination/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "decisions/": reads(CONTRIBUTOR),
    "decisions/new/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "statements/": reads(CONTRIBUTOR),
    "statements/<str:number>/": STATEMENT,
    "statements/<str:number>.pdf": STATEMENT_FILE,
    "statements/<str:number>.csv": STATEMENT_FILE,
    "statements/<str:number>.txt": STATEMENT_FILE,
    "statements/<str:number>.proof.json": STATEMENT_FILE,
    "statements/<str:number>/verify/": STATEMENT,
    "verify/": reads(OPEN),
    "published/": reads(OPEN),
    "published/<str:key>/": reads(OPEN),
    "published/<str:key>/commitment.txt": reads(OPEN),
    "published/<str:key>/signature.json": reads(OPEN),
    # the console
    "console/": reads(STAFF),
    "console/upload/": Route(read=OPERATOR, send=OPERATOR),
    "console/uploads/<int:pk>/": reads(STAFF, 200, 404),
    "console/uploads/<int:pk>/again/": sends(OPERATOR),
    "console/files/<int:pk>/": reads(STAFF),
    "console/files/<int:pk>/rejects.csv": takes(OPERATOR),
    "console/files/<int:pk>/void/": sends(OPERATOR),
    "console/restatements/": reads(STAFF),
    "console/restatements/draft/": sends(OPERATOR),
    "console/restatements/<int:pk>/": reads(STAFF, 200, 404),
    "console/restatements/<int:pk>/lines.csv": takes(TAKES_OUT, 200, 404),
    "console/restatements/<int:pk>/approve/": sends(APPROVER),
    "console/restatements/<int:pk>/post/": sends(OPERATOR_OR_FINANCE),
    "console/quarantine/": reads(STAFF),
    "console/quarantine/retry/": sends(OPERATOR),
    "console/quarantine/dismiss/": sends(OPERATOR),
    "console/quarantine/rows/": reads(STAFF),
    "console/quarantine/rows/decide/": sends(OPERATOR),
    "console/audit/": reads(STAFF),
    "console/work/claims/": reads(STAFF),
    "console/work/claims/new/": sends(OPERATOR),
    "console/work/claims/<int:pk>/prove/": sends(OPERATOR),
    "console/work/claims/<int:pk>/uphold/": sends(APPROVER),
    "console/work/claims/<int:pk>/reject/": sends(APPROVER),
    "console/work/consents/": reads(STAFF),
    "console/work/consents/release/": sends(OPERATOR),
    "console/work/debts/": reads(STAFF),
    "console/work/debts/ask/": sends(FINANCE),
    "console/work/debts/book/": sends(FINANCE),
    "console/work/debts/<int:pk>/approve/": sends(APPROVER),
    "console/work/debts/<int:pk>/decline/": sends(APPROVER),
    "console/work/debts/<int:pk>/write_off/": sends(APPROVER),
    "console/suspense/": reads(STAFF),
    "console/suspense/match/": sends(OPERATOR),
    "console/suspense/<int:number>/share/": sends(OPERATOR),
    "console/suspense/<int:number>/settle/": sends(APPROVER),
    "console/deficits/": reads(STAFF),
    "console/downloads/": reads(TAKES_OUT),
    "console/downloads/credits.<slug:format>": takes(TAKES_OUT, 200, 302),
    "console/downloads/consents/": takes(TAKES_OUT, 200, 302),
    "console/payouts/": reads(STAFF),
    "console/payouts/prepare/": Route(read=FINANCE, send=FINANCE),
    "console/payouts/results/": sends(FINANCE),
    "console/payouts/holds/": reads(STAFF),
    "console/payouts/hold/": sends(FINANCE),
    "console/payouts/holds/<int:pk>/release/": sends(FINANCE),
    "console/payouts/<int:pk>/": reads(STAFF),
    "console/payouts/<int:pk>/register.csv": takes(FINANCE),
    "console/payouts/<int:pk>/approve/": sends(APPROVER),
    "console/payouts/<int:pk>/export/": sends(FINANCE),
    "console/payouts/<int:pk>/cancel/": sends(FINANCE),
    "console/policies/register/": Route(read=OPERATOR, send=OPERATOR),
    "console/cycles/open/": Route(read=OPERATOR, send=OPERATOR),
    "console/cycle/<str:key>/": reads(STAFF),
    "console/cycle/<str:key>/lab/": reads(TAKES_OUT),
    "console/cycle/<str:key>/lab.csv": takes(TAKES_OUT, 200, 302, 400),
    "console/cycle/<str:key>/lock/": sends(OPERATOR),
    "console/cycle/<str:key>/calculate/": sends(OPERATOR),
    "console/cycle/<str:key>/submit/": sends(OPERATOR),
    "console/cycle/<str:key>/approve/": sends(APPROVER),
    "console/cycle/<str:key>/publish/": sends(APPROVER),
    "console/cycle/<str:key>/review/": sends(OPERATOR),
    "console/cycle/<str:key>/difference.csv": takes(TAKES_OUT),
    "console/cycle/<str:key>/findings/<int:number>/": sends(APPROVER),
    "console/cycle/<str:key>/export/<slug:kind>.<slug:format>": takes(TAKES_OUT),
    "console/verification/": reads(STAFF),
    "console/verification/start/": sends(VERIFIES),
    "console/jobs/": reads(STAFF),
    "console/jobs/<int:pk>/stop/": sends(OPERATOR),  # of a calculation: whoever may ask for it
    "console/jobs/<int:pk>/retry/": sends(OPERATOR),
    "console/runs/<int:pk>/progress/": reads(STAFF, 200, 404),
    "console/search/": Route(read=STAFF, send=STAFF),  # the frame's own; it only looks, either way
    "console/login/": Route(read=OPEN, send=OPEN, gives=(200, 302)),
    "console/logout/": Route(read=OPEN, send=OPEN, gives=(302, 405)),
    "console/password_change/": Route(read=STAFF, send=STAFF, gives=(302,)),
    "console/password_change/done/": reads(STAFF, 200, 302),
    "console/autocomplete/": reads(NOBODY),
    "console/jsi18n/": reads(STAFF),
    "console/r/<path:content_type_id>/<path:object_id>/": reads(STAFF, 404),
    "console/^(?P<app_label>revshare)/$": reads(STAFF),
    "console/(?P<url>.*)$": reads(STAFF, 404),
    # the API
    "api/v1/schema/": reads(OPEN),
    "api/v1/docs/": reads(OPEN),
    "api/v1/token/": sends(OPEN),
    "api/v1/tokens/": reads(HAS_ROLE),
    "api/v1/tokens/<row_id:id>/end": sends(HAS_ROLE),
    "api/v1/uploads/": Route(read=STAFF, send=OPERATOR),
    "api/v1/uploads/<row_id:id>/": reads(STAFF, 200, 404),
    "api/v1/files/": reads(STAFF),
    "api/v1/files/<row_id:id>/": reads(STAFF),
    "api/v1/files/<row_id:id>/rejects.csv": reads(OPERATOR),
    "api/v1/files/<row_id:id>/void": sends(OPERATOR),
    "api/v1/files/<row_id:id>/quarantine/retry": sends(OPERATOR),
    "api/v1/files/<row_id:id>/quarantine/dismiss": sends(OPERATOR),
    "api/v1/quarantine/": reads(STAFF),
    "api/v1/quarantine/retry": sends(OPERATOR),
    "api/v1/mappings/": Route(read=STAFF, send=OPERATOR),
    "api/v1/policies/": Route(read=STAFF, send=OPERATOR),
    "api/v1/policies/<row_id:id>/": reads(STAFF),
    "api/v1/claims/": Route(read=STAFF, send=OPERATOR),
    "api/v1/claims/<row_id:id>/": reads(STAFF),
    "api/v1/claims/<row_id:id>/prove": sends(OPERATOR),
    "api/v1/claims/<row_id:id>/uphold": sends(APPROVER),
    "api/v1/claims/<row_id:id>/reject": sends(APPROVER),
    "api/v1/held/release": sends(OPERATOR),
    "api/v1/cycles/": Route(read=STAFF, send=OPERATOR),
    "api/v1/cycles/<natural_key:key>/": reads(STAFF),
    "api/v1/cycles/<natural_key:key>/lock": sends(OPERATOR),
    "api/v1/cycles/<natural_key:key>/calculate": sends(OPERATOR),
    "api/v1/cycles/<natural_key:key>/submit": sends(OPERATOR),
    "api/v1/cycles/<natural_key:key>/approve": sends(APPROVER),
    "api/v1/cycles/<natural_key:key>/publish": sends(APPROVER),
    "api/v1/cycles/<natural_key:key>/audit-bundle.zip": reads(TAKES_OUT),
    "api/v1/cycles/<natural_key:key>/commitment": reads(EVERYBODY),
    "api/v1/cycles/<natural_key:key>/review": Route(read=STAFF, send=OPERATOR),
    "api/v1/cycles/<natural_key:key>/difference.csv": reads(TAKES_OUT),
    "api/v1/cycles/<natural_key:key>/findings/<row_id:id>/override": sends(APPROVER),
    "api/v1/cycles/<natural_key:key>/findings/<row_id:id>/stop": sends(APPROVER),
    "api/v1/cycles/<natural_key:key>/lab": sends(TAKES_OUT),
    "api/v1/cycles/<natural_key:key>/lab.csv": sends(TAKES_OUT),
    "api/v1/cycles/<natural_key:key>/exports/<slug:kind>.<export_format:extension>": reads(TAKES_OUT),
    "api/v1/assets/": reads(EVERYBODY),
    "api/v1/consents/": Route(read=EVERYBODY, send=CONTRIBUTOR),
    "api/v1/consents.<export_format:extension>": reads(TAKES_OUT),
    "api/v1/consents/consequences": reads(EVERYBODY),
    "api/v1/debts/": reads(STAFF),
    "api/v1/debts/advances": sends(FINANCE),
    "api/v1/debts/overpayments": sends(FINANCE),
    "api/v1/debts/<row_id:id>/": reads(STAFF),
    "api/v1/debts/<row_id:id>/approve": sends(APPROVER),
    "api/v1/debts/<row_id:id>/decline": sends(APPROVER),
    "api/v1/debts/<row_id:id>/write_off": sends(APPROVER),
    "api/v1/deficits/": reads(STAFF),
    "api/v1/invitations/": Route(read=OPERATOR, send=OPERATOR),
    "api/v1/letters/lost/": reads(TAKES_OUT),
    "api/v1/deletions/": reads(APPROVER),
    "api/v1/deletions/<row_id:id>/decide": sends(APPROVER),
    "api/v1/own/balances/": reads(CONTRIBUTOR),
    "api/v1/own/earnings/": reads(CONTRIBUTOR, 400),
    "api/v1/own/letters/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "api/v1/own/data.zip": reads(CONTRIBUTOR),
    "api/v1/own/deletions/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "api/v1/own/destinations/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "api/v1/own/claims/": Route(read=CONTRIBUTOR, send=CONTRIBUTOR),
    "api/v1/own/claims/<row_id:id>/": reads(CONTRIBUTOR, 200, 404),
    "api/v1/own/claims/<row_id:id>/prove": sends(CONTRIBUTOR),
    "api/v1/models/<natural_key:model>/credits.<export_format:extension>": reads(TAKES_OUT),
    "api/v1/payouts/": Route(read=STAFF, send=FINANCE),
    "api/v1/payouts/why": reads(STAFF, 200, 400),
    "api/v1/payouts/holds/": Route(read=STAFF, send=FINANCE),
    "api/v1/payouts/holds/<row_id:id>/release": sends(FINANCE),
    "api/v1/payouts/currencies/": Route(read=STAFF, send=FINANCE),
    "api/v1/payouts/destinations/": reads(FINANCE | SUPERUSER),
    "api/v1/payouts/results": sends(FINANCE),
    "api/v1/payouts/<row_id:id>/": reads(STAFF),
    "api/v1/payouts/<row_id:id>/payments/": reads(STAFF),
    "api/v1/payouts/<row_id:id>/approve": sends(APPROVER),
    "api/v1/payouts/<row_id:id>/cancel": sends(FINANCE),
    "api/v1/payouts/<row_id:id>/export": sends(FINANCE),
    "api/v1/payouts/<row_id:id>/register.csv": reads(FINANCE),
    "api/v1/restatements/": Route(read=STAFF, send=OPERATOR),
    "api/v1/restatements/<row_id:id>/": reads(STAFF, 200, 404),
    "api/v1/restatements/<row_id:id>/lines/": reads(STAFF, 200, 404),
    "api/v1/restatements/<row_id:id>/lines.csv": reads(TAKES_OUT, 200, 404),
    "api/v1/restatements/<row_id:id>/approve": sends(APPROVER),
    "api/v1/restatements/<row_id:id>/post": sends(OPERATOR_OR_FINANCE),
    "api/v1/runs/": reads(STAFF),
    "api/v1/runs/<row_id:id>/": reads(STAFF, 200, 404),
    "api/v1/runs/<row_id:id>/retry": sends(OPERATOR),  # of a calculation: whoever may ask for it
    "api/v1/runs/<row_id:id>/stop": sends(OPERATOR),
    "api/v1/verifications/": Route(read=STAFF, send=VERIFIES),
    "api/v1/suspense/": reads(STAFF),
    "api/v1/suspense/match": sends(OPERATOR),
    "api/v1/suspense/<row_id:id>/share": sends(OPERATOR),
    "api/v1/suspense/<row_id:id>/settle": sends(APPROVER),
    "api/v1/statements/": reads(EVERYBODY),
    "api/v1/statements/<natural_key:number>/": STATEMENT,
    "api/v1/statements/<natural_key:number>/proof": STATEMENT,
    "api/v1/": reads(MEMBERS, 404),
    # health
    "healthz": reads(OPEN),
    "readyz": reads(OPEN, 200, 503),
    "health": reads(OPEN, 200, 503),
}
LISTS = (
    "audit/",
    "deficits/",
    "jobs/",
    "payouts/",
    "payouts/holds/",
    "quarantine/",
    "quarantine/rows/",
    "restatements/",
    "suspense/",
    "verification/",
    "work/claims/",
    "work/consents/",
    "work/debts/",
    "revshare/user/",
)
"""Pages whose list is also a file (`?_export=`): whoever may look does not always take out."""
RECORDS: dict[str, Route] = {
    # every stage's records in the console, whatever the stage: to look at. What is posted has no form.
    "": reads(STAFF),
    "add/": Route(read=NOBODY, send=NOBODY),
    "<path:object_id>/history/": reads(STAFF, 200, 302),
    "<path:object_id>/delete/": Route(read=NOBODY, send=NOBODY),
    "<path:object_id>/change/": Route(read=STAFF, send=NOBODY, gives=(200, 302)),
    "<path:object_id>/": Route(read=STAFF, send=STAFF, gives=(302,)),  # an old address, which leads to the last one
}
