"""What goes wrong because of the world, not of the program: said to a person, with a code for machines."""


class Refused(Exception):
    """Something a person asked for cannot be done. `str(error)` says what is wrong, where, and what to do."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code = code


class NotAllowed(Refused):
    """The person may not do this."""

    code = "not_allowed"


class NotFound(Refused):
    """There is no such thing, or none that this person may know of."""

    code = "not_found"


class Conflict(Refused):
    """Somebody else was first, or the thing is in another state than this needs."""

    code = "conflict"
