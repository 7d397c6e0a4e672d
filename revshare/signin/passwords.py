"""What a password may not be made of: the marketplace's own words, which are the first that somebody tries."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from revshare.access.models import User

MIN_WORD_LETTERS = 4


class NotOurWords:
    """Refuses a password of which too little is left without these words."""

    def __init__(self, words: Iterable[str], min_rest: int) -> None:
        self.words = sorted({word.casefold() for word in words if len(word) >= MIN_WORD_LETTERS}, key=len, reverse=True)
        self.min_rest = min_rest

    def validate(self, password: str, user: User | None = None) -> None:
        rest = password.casefold()
        for word in self.words:
            rest = rest.replace(word, "")
        if len(rest) < self.min_rest and len(rest) < len(password):
            raise ValidationError(self.get_help_text(), code="password_our_words")

    def get_help_text(self) -> str:
        return _("The password is made of words that everybody here would try: choose others.")
