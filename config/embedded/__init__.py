"""The services of an instance: PostgreSQL and a broker that speaks the Redis protocol, found or started.

An instance is a folder (`REVSHARE_HOME`). `ensure(home)` makes its services run and says where they are, `stop(home)`
stops them, `status(home)` tells what runs. `DATABASE_URL` and `REDIS_URL` in the environment each replace one of them
by a server that is somebody else's to run. This package knows nothing of Django, so settings may call it.

Environment:
    DATABASE_URL, REDIS_URL   servers that run already; used as they are (DATABASE_URL: as the application's role)
    REVSHARE_HOME             the `home` that callers pass; read by them, not here
    REVSHARE_POSTGRES_BIN     folder of the PostgreSQL programs to use, before any other place is looked at
    REVSHARE_TEST_FAST=1      PostgreSQL starts without fsync. A power cut may then destroy the data: for tests only
"""

from config.embedded.instance import Instance, ServiceStatus, ensure, status, stop
from config.embedded.process import ServiceError
from config.embedded.urls import celery_broker_url, django_database

__all__ = [
    "Instance",
    "ServiceError",
    "ServiceStatus",
    "celery_broker_url",
    "django_database",
    "ensure",
    "status",
    "stop",
]
