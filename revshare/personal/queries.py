"""All that is held about one contributor, table by table."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

from revshare.ledger.places import on_roll_of
from revshare.manifests import places
from revshare.payouts.rules import masked
from revshare.personal.models import DeletionRequest


def own(columns: str, view: str, on_roll_of: Callable[[str, str], str]) -> str:
    """The contributor's own rows of a view of what lies in arrays, in SQL, opened once whatever is joined with them:
    the planner would else open them once for each row of a table that it takes to have one."""
    return (
        f"MATERIALIZED (SELECT {columns} FROM {view} v WHERE v.contributor_id = %(id)s AND {on_roll_of('v', '%(id)s')})"
    )


COLUMNS = "opening_micros, earned_micros, adjusted_micros, withheld_micros, held_micros, paid_micros, closing_micros"
# Name of the file: what stands in it. `%(id)s` is the contributor; only what they may see is among it.
TABLES: dict[str, str] = {
    "contributor": "SELECT id, name, email, country, currency, payee_id, unclaimed, erased_at "
    "FROM contributors_contributor WHERE id = %(id)s",
    "accounts": "SELECT username, email, first_name, last_name, roles, is_active, date_joined, last_login "
    "FROM access_user WHERE contributor_id = %(id)s ORDER BY id",
    "preferences": "SELECT language, unwanted, changed_at FROM mail_preference WHERE contributor_id = %(id)s",
    "letters": "SELECT kind, event, state, queued_at, sent_at FROM mail_message "
    "WHERE contributor_id = %(id)s ORDER BY id",
    "invitations": "SELECT email, made_at, expires_at, used_at, voided_at FROM invitations_invitation "
    "WHERE contributor_id = %(id)s ORDER BY id",
    "statements": f"WITH s AS {own(f'number, currency, cycle_id, {COLUMNS}', 'statements_statement', on_roll_of)} "
    f"SELECT s.number, s.currency, c.starts_on, c.ends_on, {COLUMNS} "
    "FROM s JOIN cycles_cycle c ON c.id = s.cycle_id "
    "WHERE c.state IN ('published', 'settled') ORDER BY c.starts_at, s.currency",
    "earnings": f"WITH e AS {own('pool_id, cycle_id, numerator_ticks, amount_micros', 'ledger_entry', on_roll_of)} "
    'SELECT c.key AS cycle, p.currency, p."table" AS stream, p.model, p.dataset_version, p.part, '
    "p.measure, p.distributable_micros AS pool_micros, e.numerator_ticks, p.denominator_ticks, e.amount_micros "
    "FROM e JOIN pools_pool p ON p.id = e.pool_id JOIN cycles_cycle c ON c.id = e.cycle_id "
    "WHERE p.kind = 'sales' AND c.state IN ('published', 'settled') "
    'ORDER BY c.starts_at, p.currency, p."table", p.model, p.dataset_version, p.part',
    "movements": "SELECT c.key AS cycle, m.currency, m.kind, m.key AS reference, m.amount_micros "
    "FROM ledger_movement m JOIN cycles_cycle c ON c.id = m.cycle_id WHERE m.account = 'payable:' || %(id)s "
    "AND c.state IN ('published', 'settled') ORDER BY m.journal_id",
    "payments": "SELECT payment_key, state, name, payee_id, currency, amount_minor, statement FROM payouts_payment "
    "WHERE contributor_id = %(id)s ORDER BY id",
    "destinations": "SELECT text AS destination, set_at, set_by, usable_from FROM payouts_destination "
    "WHERE contributor_id = %(id)s ORDER BY id",
    "weights": f"WITH w AS {own('manifest_id, assets_ticks, weight_ticks', 'manifests_weight', places.on_roll_of)} "
    "SELECT m.dataset_version, w.assets_ticks, w.weight_ticks FROM w "
    "JOIN manifests_manifest m ON m.id = w.manifest_id ORDER BY m.dataset_version",
    "decisions": "SELECT asset_id, scope, decision, effective_at, source FROM consents_consent "
    "WHERE contributor_id = %(id)s ORDER BY id",
    "claims": "SELECT id, dataset_version, asset_id, proof, filed_at, filed_by, due_at FROM claims_claim "
    "WHERE claimant_id = %(id)s ORDER BY id",
    "steps_of_claims": "SELECT s.claim_id, s.action, s.target AS state, s.text, s.at FROM claims_step s "
    "JOIN claims_claim c ON c.id = s.claim_id WHERE c.claimant_id = %(id)s ORDER BY s.id",
    "splits": "SELECT * FROM splits_split WHERE contributor_id = %(id)s OR payee_id = %(id)s ORDER BY id",
    "measures": "SELECT * FROM measures_measure WHERE contributor_id = %(id)s ORDER BY id",
    "debts": "SELECT * FROM recoupments_debt WHERE contributor_id = %(id)s ORDER BY id",
    "deletion_requests": "SELECT r.id, r.text, r.asked_at, r.asked_by, d.outcome, d.reason, d.decided_at "
    "FROM personal_deletion_request r LEFT JOIN personal_deletion_decision d ON d.request_id = r.id "
    "WHERE r.contributor_id = %(id)s ORDER BY r.id",
    "events": "SELECT seq, at, actor, action, object FROM audit_event WHERE object = 'contributor:' || %(id)s "
    "ORDER BY seq",
}  # fmt: skip
# Never shown whole, not even to its owner: whoever gets hold of a session must not get an account number with it.
MASKED = {"destination"}
BATCH = 5_000


def rows_of(name: str, contributor_id: str) -> Iterator[list[Any]]:
    """A table's header, then its rows."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES[name], {"id": contributor_id})
        header = [column.name for column in cursor.description]
        yield header
        while rows := cursor.fetchmany(BATCH):
            for row in rows:
                yield [masked(value) if name in MASKED else value for name, value in zip(header, row, strict=True)]


def requests_of(contributor_id: str) -> list[DeletionRequest]:
    """Their requests for deletion with what was decided, latest first."""
    return list(
        DeletionRequest.objects.filter(contributor_id=contributor_id).select_related("decision").order_by("-pk")
    )


def open_requests() -> list[DeletionRequest]:
    """Those that nobody has decided, the oldest first."""
    return list(DeletionRequest.objects.filter(decision=None).select_related("contributor").order_by("pk"))
