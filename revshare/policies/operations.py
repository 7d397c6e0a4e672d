"""Policies in: registered once, then fixed."""

import hashlib

from django.db import IntegrityError, transaction

from revshare.audit_trail.operations import Act, record
from revshare.errors import Conflict, NotFound, Refused
from revshare.policies.models import Policy
from revshare.policies.rules import parse


def register(*, content: bytes, act: Act) -> tuple[Policy, bool]:
    """Registers a policy file; returns it and whether it is new. The same bytes again do nothing.

    Raises BadPolicy, or Conflict if the name and version exist with other content.
    """
    digest = hashlib.sha256(content).hexdigest()
    if known := Policy.objects.filter(sha256=digest).first():
        return known, False
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"The policy is not UTF-8 (byte {error.start}).", code="file_encoding") from None
    rulebook = parse(text)
    try:
        with transaction.atomic():
            policy = Policy.objects.create(
                name=rulebook.name, version=rulebook.version, sha256=digest, text=text,
                registered_at=act.at, registered_by=act.actor,
            )  # fmt: skip
            record(act=act, action="policy.registered", object=f"policy:{policy}", detail={"sha256": digest})
    except IntegrityError:
        if known := Policy.objects.filter(sha256=digest).first():
            return known, False
        raise Conflict(
            f"Policy {rulebook.name} {rulebook.version} is registered with other content; a registered version never "
            "changes: give this one a new version."
        ) from None
    return policy, True


def find(name: str) -> Policy:
    """The policy `NAME`, in its latest registered version, or `NAME@VERSION`. Raises NotFound."""
    policies = Policy.objects.filter(name=name)
    if not policies and "@" in name:
        base, _, version = name.rpartition("@")
        policies = Policy.objects.filter(name=base, version=version)
    policy = policies.order_by("-pk").first()
    if policy is None:
        known = ", ".join(f"{item.name}@{item.version}" for item in Policy.objects.order_by("name", "pk")[:10])
        raise NotFound(f"There is no policy {name!r}. Registered: {known or 'none'}.")
    return policy
