"""An instance: a folder with a database and a broker, either of which may be a server of somebody else."""

import os
from dataclasses import dataclass
from pathlib import Path

from config.embedded.broker import Broker
from config.embedded.layout import Layout
from config.embedded.postgres import Postgres
from config.embedded.process import ServiceError
from config.embedded.urls import without_password


@dataclass(frozen=True)
class Instance:
    """Where the services of an instance are. Embedded ones are ours to start and stop.

    `owner_url`: the database as the owner of its tables, "" if it is somebody else's to run.
    """

    home: Path
    database_url: str
    owner_url: str
    redis_url: str
    database_embedded: bool
    broker_embedded: bool


@dataclass(frozen=True)
class ServiceStatus:
    """One service as `status` sees it.

    `state` is running, stopped or external; `pid` and `version` are None where they are not known; `where` is the URL
    without its password.
    """

    name: str
    state: str
    pid: int | None
    where: str
    version: str | None


def ensure(home: Path) -> Instance:
    """Make the services of the instance at `home` run and answer, and say where they are.

    Quick if they run already; safe to call from many processes at once. A service named by DATABASE_URL or REDIS_URL
    is taken as it is, without a look at it. ServiceError if a service cannot be had.
    """
    layout = Layout.of(home)
    postgres, broker = Postgres(layout), Broker(layout)
    database_url, redis_url = _external("DATABASE_URL", postgres.url), _external("REDIS_URL", broker.url)
    wanted: list[Postgres | Broker] = [
        service for url, service in ((database_url, postgres), (redis_url, broker)) if url is None
    ]
    if not all(service.ready() for service in wanted):
        layout.make_home()
        try:
            with layout.locked():
                for service in wanted:
                    if not service.ready():  # somebody else may have been first
                        service.start()
        except OSError as error:
            raise ServiceError(f"The services of {layout.home} cannot be started: {error}.") from error
    return Instance(
        layout.home,
        database_url or postgres.url,
        "" if database_url else postgres.owner_url,
        redis_url or broker.url,
        database_url is None,
        redis_url is None,
    )


def stop(home: Path) -> list[str]:
    """Stop the embedded services of the instance at `home`; return the names of those that ran.

    It does not look at DATABASE_URL and REDIS_URL: servers of somebody else are never stopped.
    """
    layout = Layout.of(home)
    if not layout.home.is_dir():
        return []
    layout.check_owner()
    services: dict[str, Postgres | Broker] = {"broker": Broker(layout), "database": Postgres(layout)}
    try:
        with layout.locked():
            stopped = [name for name, service in services.items() if service.stop()]
            layout.remove_sockets()
            return stopped
    except OSError as error:
        raise ServiceError(f"The services of {layout.home} cannot be stopped: {error}.") from error


def status(home: Path) -> list[ServiceStatus]:
    """Tell what runs for the instance at `home`: the database, then the broker."""
    layout = Layout.of(home)
    postgres, broker = Postgres(layout), Broker(layout)
    found: list[ServiceStatus] = []
    pairs: list[tuple[str, str, Postgres | Broker]] = [
        ("database", "DATABASE_URL", postgres),
        ("broker", "REDIS_URL", broker),
    ]
    for name, variable, service in pairs:
        url = _external(variable, service.url)
        if url is not None:
            found.append(ServiceStatus(name, "external", None, without_password(url), None))
            continue
        pid = service.pid() if service.ready() else 0
        version = service.version()
        if version and service is postgres:
            version = f"PostgreSQL {version}"
        found.append(ServiceStatus(name, "running" if pid else "stopped", pid or None, service.url, version or None))
    return found


def _external(variable: str, own_url: str) -> str | None:
    """Return the server the environment names, None if it is to be embedded.

    A process may have handed our own URL to its children: that is still the embedded service.
    """
    url = os.environ.get(variable) or None
    return None if url == own_url else url
