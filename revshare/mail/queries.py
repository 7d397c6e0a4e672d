"""Reads: who reads in which language, and what of letters they do not want."""

from django.db.models import Count

from revshare.mail.models import Message, Preference
from revshare.wording import LANGUAGES


def language_of(contributor_id: str) -> str:
    """The language that a contributor chose; '' if none."""
    chosen = Preference.objects.filter(pk=contributor_id).values_list("language", flat=True).first() or ""
    return chosen if chosen in LANGUAGES else ""


def preference_of(contributor_id: str) -> Preference | None:
    return Preference.objects.filter(pk=contributor_id).first()


def counted_by_state() -> dict[str, int]:
    """How many letters there are in each state."""
    counts = Message.objects.order_by("state").values_list("state").annotate(number=Count("pk"))
    return dict(counts)
