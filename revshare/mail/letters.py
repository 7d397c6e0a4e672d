"""A letter put together: words, links, text and HTML alike. Its subject never names an amount."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from revshare.audit_trail.models import Event
from revshare.claims.models import Claim, ClaimStep
from revshare.cycles.models import Cycle
from revshare.invitations.models import Invitation
from revshare.invitations.operations import link_of
from revshare.mail.addresses import Recipient
from revshare.mail.models import Message
from revshare.mail.rules import OPTIONAL
from revshare.payouts.models import Destination
from revshare.recoupments.models import Debt
from revshare.wording import day, instant, language, period

UNSUBSCRIBE = "mail.unsubscribe"
"""What the signatures of links to unsubscribe are for."""


@dataclass(frozen=True)
class Letter:
    """What a letter says. `path`: where its one button leads on the site."""

    subject: str
    paragraphs: tuple[str, ...]
    button: str
    path: str


def composed(message: Message, to: Recipient) -> EmailMultiAlternatives | None:
    """The letter in the language that is active, ready to go; None if what it is about is over."""
    letter = _letter(message)
    if letter is None:
        return None
    kind = message.kind
    leave = unsubscribe_path(message.contributor_id, kind) if kind in OPTIONAL else ""
    text, html = rendered(letter, name=to.name, leave=leave)
    headers = {"Auto-Submitted": "auto-generated"}
    if leave:
        headers |= {
            "List-Unsubscribe": f"<{settings.REVSHARE_SITE_URL}{leave}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    made = EmailMultiAlternatives(letter.subject, text, to=[to.address], headers=headers)
    made.attach_alternative(html, "text/html")
    return made


def rendered(letter: Letter, *, name: str, leave: str) -> tuple[str, str]:
    """Text and HTML of a letter. `leave`: path to unsubscribe, blank if it cannot be left."""
    shown = {
        "letter": letter, "name": name, "site": settings.REVSHARE_SITE_URL, "leave": leave, "language": language(),
    }  # fmt: skip
    return render_to_string("mail/letter.txt", shown), render_to_string("mail/letter.html", shown)


def unsubscribe_path(contributor_id: str, kind: str) -> str:
    return f"/letters/leave/{signing.dumps([contributor_id, kind], salt=UNSUBSCRIBE)}/"


def read_unsubscribe(token: str) -> tuple[str, str]:
    """Contributor and kind of such a link. Raises signing.BadSignature."""
    contributor_id, kind = signing.loads(token, salt=UNSUBSCRIBE)
    return str(contributor_id), str(kind)


def _letter(message: Message) -> Letter | None:
    number = message.event.partition(":")[2]
    if message.kind == "statement_published":
        cycle = Cycle.objects.get(key=number)
        return statement_published(period(cycle.starts_on, cycle.ends_on))
    if message.kind == "claim_decided":
        step = ClaimStep.objects.select_related("claim").get(pk=int(number))
        return claim_decided(step.claim_id, step.claim.asset_id, step.target)
    if message.kind == "action_needed":
        claim = Claim.objects.get(pk=int(number))
        return None if claim.steps.exists() else action_needed(claim.pk, claim.asset_id, instant(claim.due_at))
    if message.kind == "invitation":
        invitation = Invitation.objects.get(pk=int(number))
        if invitation.used_at or invitation.voided_at:
            return None
        return invited(link_of(invitation), instant(invitation.expires_at))
    if message.kind == "destination":
        destination = Destination.objects.get(pk=int(number))
        return new_destination(instant(destination.set_at), instant(destination.usable_from), destination.set_by)
    if message.kind == "overpaid":
        return overpaid(day(Debt.objects.get(pk=int(number)).starts_on))
    event = Event.objects.get(pk=int(number))
    return security(event.action, instant(event.at), event.actor)


def statement_published(days: str) -> Letter:
    return Letter(
        _("Your statement for %(period)s is published") % {"period": days},
        (
            _("Your statement for %(period)s is there.") % {"period": days},
            _("It says what you earned, how each amount was computed, and how you can verify it yourself."),
        ),
        _("Read the statement"),
        "/statements/",
    )


def claim_decided(number: int, asset: str, outcome: str) -> Letter:
    outcomes = {
        "upheld": _("Your claim was upheld: what was held for the work goes to you, and so does what it earns later."),
        "rejected": _("Your claim was rejected: what was held goes to those for whom it was held."),
        "lapsed": _("Your claim lapsed: the full proof did not come in time. What was held goes back."),
    }  # fmt: skip
    said = {"number": number, "asset": asset}
    return Letter(
        _("Your claim %(number)s was decided") % said,
        (_("This is about your claim %(number)s on the work %(asset)s.") % said, outcomes[outcome]),
        _("See the claim"),
        f"/claims/{number}/",
    )


def action_needed(number: int, asset: str, due: str) -> Letter:
    said = {"number": number, "asset": asset, "due": due}
    return Letter(
        _("Your claim %(number)s still needs its proof") % said,
        (
            _("This is about your claim %(number)s on the work %(asset)s.") % said,
            _("Its full proof is due by %(due)s. Without it the claim lapses then.") % said,
        ),
        _("Give the proof"),
        f"/claims/{number}/",
    )


def invited(path: str, expires: str) -> Letter:
    return Letter(
        _("You are invited to your account"),
        (
            _("Works of yours trained models that are sold, and you have a share in what they earn."),
            _("With the link below you choose a user name and a password. It works once, until %(expires)s.")
            % {"expires": expires},
            _("If you did not expect this, leave it: nothing happens without you."),
        ),
        _("Open your account"),
        path,
    )


def security(action: str, when: str, actor: str) -> Letter:
    happened = {
        "invitation.used": _("An account was made for you, with the user name %(actor)s."),
        "consent.decided": _("An opt-out or opt-in of your works was decided by %(actor)s."),
        "deletion.asked": _("%(actor)s asked that your personal data be deleted."),
        "deletion.refused": _("Your request to delete your personal data was refused; the reason stands on the page."),
        "data.taken": _("%(actor)s downloaded all data that is held about you."),
    }  # fmt: skip
    said = {"actor": actor, "when": when}
    return Letter(
        _("A change to your account"),
        (
            happened[action] % said,
            _("It happened on %(when)s. If it was not you, tell the people who run this marketplace's payouts at once.")
            % said,
        ),
        _("See your account"),
        "/account/",
    )


def new_destination(when: str, used_from: str, actor: str) -> Letter:
    """Goes to the address known before: it says nothing of where the money goes, old or new."""
    said = {"when": when, "from": used_from, "actor": actor}
    return Letter(
        _("Where your money goes will change"),
        (
            _("On %(when)s %(actor)s named another place for your money to go to.") % said,
            _("It is used from %(from)s on; until then money goes where it went.") % said,
            _("If it was not you, tell the people who run this marketplace's payouts before then."),
        ),
        _("See where your money goes"),
        "/destination/",
    )


def overpaid(taken_from: str) -> Letter:
    """The notice before anything is taken back."""
    said = {"from": taken_from}
    return Letter(
        _("More was paid to you than you had earned"),
        (
            _("What you had earned was corrected, and an account of yours was below zero after that."),
            _("Of what you earn from %(from)s on, a part makes up for it; the policy limits how much. You need not pay "
              "anything.") % said,
            _("Your first page says how much it is; each statement says what was taken back."),
        ),
        _("See your balance"),
        "/",
    )  # fmt: skip


SAMPLE_AT = datetime(2026, 6, 12, 9, tzinfo=UTC)
SAMPLES: dict[str, Any] = {
    "statement_published": lambda: statement_published(period(date(2026, 5, 1), date(2026, 6, 1))),
    "action_needed": lambda: action_needed(7, "asset-0042", instant(SAMPLE_AT)),
    "claim_decided": lambda: claim_decided(7, "asset-0042", "upheld"),
    "security": lambda: security("consent.decided", instant(SAMPLE_AT), "ann"),
    "destination": lambda: new_destination(instant(SAMPLE_AT), instant(SAMPLE_AT + timedelta(days=7)), "ann"),
    "overpaid": lambda: overpaid(day(date(2026, 7, 12))),
    "invitation": lambda: invited("/invitations/sample/", instant(SAMPLE_AT)),
}
"""Each kind once, for the preview page."""
