"""What `manage.py check --deploy` says about the database."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from config.safety import unencrypted
from revshare.privileges import ONE_ROLE, owns_tables


@register(Tags.security, deploy=True)
def one_role(**_: Any) -> list[CheckMessage]:
    """Nothing where the database cannot be asked: that is another fault, and others say so."""
    try:
        alone = owns_tables()
    except DatabaseError:
        return []
    return [Warning(f"In the database {ONE_ROLE}", id="revshare.W001")] if alone else []


@register(Tags.security, deploy=True)
def services_elsewhere(**_: Any) -> list[CheckMessage]:
    """What is spoken to in the clear."""
    said = unencrypted(
        database_url=os.environ.get("DATABASE_URL", ""), broker_url=os.environ.get("REDIS_URL", ""),
        lake_endpoint=settings.REVSHARE_LAKE_ENDPOINT,
    )  # fmt: skip
    return [Warning(sentence, id="revshare.W002") for sentence in said]
