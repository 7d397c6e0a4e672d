"""To whom letters go: address and language, asked for only while they are sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from revshare.access.models import User
from revshare.contributors.models import Contributor
from revshare.invitations.models import Invitation
from revshare.mail.models import Message, Preference
from revshare.payouts.models import DestinationNotice
from revshare.wording import LANGUAGES


@dataclass(frozen=True)
class Recipient:
    address: str
    name: str
    language: str
    unwanted: tuple[str, ...]


def addresses(messages: Sequence[Message]) -> dict[int, Recipient]:
    """The recipient of each message, by its number; none where no address is known. An invitation goes to the address
    that it was made for, the notice of a new destination to the one known before it; everything else to the account's,
    else to the one that came with the contributor."""
    ids = {message.contributor_id for message in messages}
    people = Contributor.objects.in_bulk(ids)
    wishes = Preference.objects.in_bulk(ids)
    users = User.objects.filter(contributor_id__in=ids, is_active=True).exclude(email="")
    by_account = dict(users.order_by("-pk").values_list("contributor_id", "email"))
    invited = {
        f"invitation:{pk}": email
        for pk, email in Invitation.objects.filter(
            pk__in=[int(m.event.partition(":")[2]) for m in messages if m.kind == "invitation"]
        ).values_list("pk", "email")
    }
    noticed = {
        f"destination:{pk}": address
        for pk, address in DestinationNotice.objects.filter(
            destination_id__in=[int(m.event.partition(":")[2]) for m in messages if m.kind == "destination"]
        ).values_list("destination_id", "address")
    }
    found = {}
    for message in messages:
        person = people[message.contributor_id]
        address = by_account.get(person.pk) or person.email
        if message.kind == "invitation":
            address = invited.get(message.event, "")
        elif message.kind == "destination":
            address = noticed.get(message.event, "")
        wish = wishes.get(person.pk)
        language = wish.language if wish and wish.language in LANGUAGES else "en"
        if address:
            unwanted = tuple(wish.unwanted) if wish else ()
            found[message.pk] = Recipient(address, person.name, language, unwanted)
    return found
