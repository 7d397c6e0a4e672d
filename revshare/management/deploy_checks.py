"""What `manage.py check --deploy` says about the database."""

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from revshare.privileges import ONE_ROLE, owns_tables


@register(Tags.security, deploy=True)
def one_role(**_: Any) -> list[CheckMessage]:
    """Nothing where the database cannot be asked: that is another fault, and others say so."""
    try:
        alone = owns_tables()
    except DatabaseError:
        return []
    return [Warning(f"In the database {ONE_ROLE}", id="revshare.W001")] if alone else []
