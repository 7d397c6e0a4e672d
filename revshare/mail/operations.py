"""Letters put into the queue, each once, and sent.

What is to be written about is found in the rows of the deeds themselves (published cycles, steps of claims, the audit
trail), so that nobody has to remember to write, and a process that died leaves nothing unsaid."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

from django.core.mail import get_connection
from django.db import connection, transaction
from django.utils.translation import override

from revshare.errors import Refused
from revshare.mail.addresses import addresses
from revshare.mail.letters import composed
from revshare.mail.models import Message, Preference, Queued
from revshare.mail.rules import FRESH_DAYS, MOST_ATTEMPTS, OPTIONAL, SECURITY, again_after
from revshare.statements.queries import PUBLISHED
from revshare.wording import LANGUAGES

log = logging.getLogger(__name__)
BATCH = 100
LEASE = timedelta(hours=1)
FRESH_CYCLES = """
    SELECT c.id, c.key FROM cycles_cycle c
    WHERE c.state = ANY(%(published)s) AND c.published_at > %(since)s
        AND NOT EXISTS (SELECT FROM mail_queued q WHERE q.event = 'cycle:' || c.key)
    ORDER BY c.calculation
"""
# Of everybody with a statement in the cycle whose address is known, and who wants to hear of it.
STATEMENTS = """
    INSERT INTO mail_message (kind, event, contributor_id, queued_at, due_at)
    SELECT 'statement_published', %(event)s, c.id, %(now)s, %(now)s
    FROM contributors_contributor c
    JOIN (SELECT DISTINCT contributor_id FROM ledger_account WHERE cycle_id = %(cycle)s) e
        ON e.contributor_id = c.id
    LEFT JOIN mail_preference p ON p.contributor_id = c.id
    WHERE c.erased_at IS NULL AND NOT 'statement_published' = ANY(coalesce(p.unwanted, '{}'))
        AND (c.email <> '' OR EXISTS (SELECT FROM access_user u WHERE u.contributor_id = c.id AND u.is_active
                                      AND u.email <> ''))
    ORDER BY c.id ON CONFLICT DO NOTHING
"""
# Everything else is little: (kind, event, contributor) of what happened since.
EVENTS = """
    INSERT INTO mail_message (kind, event, contributor_id, queued_at, due_at)
    SELECT found.kind, found.event, found.contributor_id, %(now)s, %(now)s FROM (
        SELECT 'claim_decided' AS kind, 'step:' || s.id AS event, c.claimant_id AS contributor_id
        FROM claims_step s JOIN claims_claim c ON c.id = s.claim_id
        WHERE s.at > %(since)s AND s.target IN ('upheld', 'rejected', 'lapsed')
        UNION ALL
        SELECT 'action_needed', 'claim:' || c.id, c.claimant_id FROM claims_claim c
        WHERE c.due_at > %(now)s AND c.due_at < %(soon)s
            AND NOT EXISTS (SELECT FROM claims_step s WHERE s.claim_id = c.id)
        UNION ALL
        SELECT 'invitation', 'invitation:' || i.id, i.contributor_id FROM invitations_invitation i
        WHERE i.used_at IS NULL AND i.voided_at IS NULL AND i.expires_at > %(now)s AND i.made_at > %(since)s
        UNION ALL
        SELECT 'security', 'event:' || e.seq, substr(e.object, 13) FROM audit_event e
        WHERE starts_with(e.object, 'contributor:') AND e.at > %(since)s AND e.action = ANY(%(security)s)
        UNION ALL
        SELECT 'destination', 'destination:' || d.id, d.contributor_id
        FROM payouts_destination d JOIN payouts_destination_notice n ON n.destination_id = d.id
        WHERE d.set_at > %(since)s AND n.address <> ''
        UNION ALL
        SELECT 'overpaid', 'debt:' || d.id, d.contributor_id
        FROM recoupments_debt d JOIN recoupments_step s ON s.debt_id = d.id AND s.target = 'booked'
        WHERE d.kind = 'overpayment' AND s.at > %(since)s
    ) found JOIN contributors_contributor c ON c.id = found.contributor_id
    ON CONFLICT DO NOTHING
"""
# Those that a process left behind may have been sent: they are not sent again, and shown to people.
LEFT_BEHIND = """
    UPDATE mail_message SET state = 'unsure', error = 'the process that sent it died'
    WHERE state = 'sending' AND due_at < %(now)s
"""
CLAIM = """
    UPDATE mail_message SET state = 'sending', attempts = attempts + 1, due_at = %(until)s
    WHERE id IN (SELECT id FROM mail_message WHERE state = 'queued' AND due_at <= %(now)s
                 ORDER BY due_at LIMIT %(size)s FOR UPDATE SKIP LOCKED)
    RETURNING id
"""
REMIND_BEFORE = timedelta(days=7)


@transaction.atomic
def queue_new(*, at: datetime) -> int:
    """Queues what has happened and nobody was written about yet. Returns how many letters that makes."""
    since = at - timedelta(days=FRESH_DAYS)
    made = 0
    with connection.cursor() as cursor:
        cursor.execute(FRESH_CYCLES, {"published": list(PUBLISHED), "since": since})
        for cycle_id, key in cursor.fetchall():
            _, new = Queued.objects.get_or_create(event=f"cycle:{key}", defaults={"at": at})
            if new:
                cursor.execute(STATEMENTS, {"event": f"cycle:{key}", "cycle": cycle_id, "now": at})
                made += cursor.rowcount
        cursor.execute(
            EVENTS, {"now": at, "since": since, "soon": at + REMIND_BEFORE, "security": list(SECURITY)}
        )  # fmt: skip
        return made + cursor.rowcount


def send_due(*, at: datetime, clock: Callable[[], datetime], until: datetime) -> int:
    """Sends what is due, batch by batch, as long as there is time. Returns how many went."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_BEHIND, {"now": at})
    sent = 0
    while clock() < until:
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, {"now": at, "until": at + LEASE, "size": BATCH})
            ids = [pk for (pk,) in cursor.fetchall()]
        if not ids:
            break
        sent += _send(list(Message.objects.filter(pk__in=ids).order_by("pk")), clock)
    return sent


def _send(messages: list[Message], clock: Callable[[], datetime]) -> int:
    """Over one connection; one that cannot be opened puts all of them off."""
    to = addresses(messages)
    server = get_connection()
    try:
        server.open()
    except OSError as error:
        log.warning("the mail server is not to be reached: %s", error)
        for message in messages:
            _put_off(message, error, clock())
        return 0
    try:
        return sum(_send_one(message, to.get(message.pk), server, clock) for message in messages)
    finally:
        server.close()


def _send_one(message: Message, to: Any, server: Any, clock: Callable[[], datetime]) -> bool:
    if to is None or message.kind in to.unwanted:
        reason = "no address is known" if to is None else "the contributor does not want it"
        _end(message, "skipped", error=reason)
        return False
    try:
        with override(to.language):
            letter = composed(message, to)
            if letter is None:
                _end(message, "skipped", error="what it was about is over")
                return False
            server.send_messages([letter])
    except SMTPRecipientsRefused:
        _end(message, "failed", error="the mail server refuses the address")
        return False
    except OSError as error:
        _put_off(message, error, clock())
        return False
    _end(message, "sent", sent_at=clock())
    return True


def _put_off(message: Message, error: Exception, now: datetime) -> None:
    # The text of an error may name the address; its kind does not.
    said = type(error).__name__
    if message.attempts >= MOST_ATTEMPTS:
        _end(message, "failed", error=said)
    else:
        _end(message, "queued", error=said, due_at=now + again_after(message.attempts))


def _end(message: Message, state: str, **fields: Any) -> None:
    Message.objects.filter(pk=message.pk, state="sending").update(state=state, **fields)


@transaction.atomic
def prefer(
    *, contributor_id: str, language: str | None = None, unwanted: list[str] | None = None, at: datetime
) -> None:
    """Keeps the language, and which letters are not wanted; what is None stays as it is. Raises Refused."""
    if language not in (None, "", *LANGUAGES):
        raise Refused(f"There is no language {language!r}; there are {', '.join(LANGUAGES)}.")
    if unwanted is not None and not set(unwanted) <= set(OPTIONAL):
        raise Refused(f"Letters that one may leave are {' and '.join(OPTIONAL)}.")
    changed: dict[str, Any] = {"changed_at": at}
    if language is not None:
        changed["language"] = language
    if unwanted is not None:
        changed["unwanted"] = sorted(set(unwanted))
    Preference.objects.update_or_create(pk=contributor_id, defaults=changed)


@transaction.atomic
def unsubscribe(*, contributor_id: str, kind: str, at: datetime) -> None:
    """One click: this kind no more."""
    made, _ = Preference.objects.select_for_update().get_or_create(pk=contributor_id, defaults={"changed_at": at})
    made.unwanted = sorted({*made.unwanted, kind})
    made.changed_at = at
    made.save()
