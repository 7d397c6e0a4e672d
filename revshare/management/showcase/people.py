"""Who is in the year, and the passwords they got when it was made."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from revshare.access.models import User
from revshare.access.operations import create_user
from revshare.audit_trail.operations import Act

FILE = "people.json"


@dataclass(frozen=True)
class Person:
    name: str
    role: str  # of `access.rules.ROLES`, or `superuser`
    does: str
    contributor_id: str | None = None


PEOPLE = (
    Person("olivia", "operator", "takes in files, runs the cycle"),
    Person("adam", "approver", "looks at the result, approves and publishes"),
    Person("fiona", "finance", "pays, holds, books what the bank says"),
    Person("iris", "superuser", "audits: sees everything, releases nothing"),
    Person("turner", "contributor", "Joseph Mallord William Turner", "TATE-00558"),
    Person("hepworth", "contributor", "Dame Barbara Hepworth", "TATE-01274"),
)


def staff(*, folder: Path, act: Act) -> None:
    """Makes those who do the work; contributors are known only once their files are in."""
    _make([person for person in PEOPLE if person.contributor_id is None], folder, act)


def contributors(*, folder: Path, act: Act) -> None:
    _make([person for person in PEOPLE if person.contributor_id], folder, act)


def passwords(folder: Path) -> dict[str, str]:
    """By name; nothing where no year was made."""
    path = folder / FILE
    return json.loads(path.read_text()) if path.exists() else {}


def lines(folder: Path) -> list[str]:
    """A line for each person, as it is printed at every start."""
    known = passwords(folder)
    return [
        f"  {person.name:<10}{known[person.name]:<14}{person.role:<13}{person.does}"
        for person in PEOPLE
        if person.name in known
    ]


def _make(wanted: list[Person], folder: Path, act: Act) -> None:
    known = passwords(folder)
    for person in wanted:
        known.setdefault(person.name, secrets.token_urlsafe(9))
        if User.objects.filter(username=person.name).exists():
            continue
        _keep(folder / FILE, known)  # before anybody needs it: a password that is nowhere lets nobody in
        if person.role == "superuser":
            User.objects.create_superuser(person.name, password=known[person.name])
        else:
            create_user(
                name=person.name, roles=[person.role], contributor_id=person.contributor_id,
                password=known[person.name], act=act,
            )  # fmt: skip


def _keep(path: Path, known: dict[str, str]) -> None:
    draft = path.with_suffix(".part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(known, file)
    draft.replace(path)
