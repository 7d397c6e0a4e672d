"""URLs of services, in the forms that Django, Celery and people want."""

from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

from config.embedded.process import ServiceError


def django_database(url: str) -> dict[str, Any]:
    """Turn a PostgreSQL URL into an entry of Django's DATABASES.

    libpq's own parser reads the URL, so everything psycopg accepts is accepted: socket folders as `?host=/folder` or
    percent-encoded before the slash, passwords with any character, ports, `sslmode` and other options. A host goes to
    HOST even if it is a folder, so that `manage.py dbshell` and the test database find it too.
    ServiceError for any other URL; the message never shows the URL, which may hold a password.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    if not url.startswith(("postgresql://", "postgres://")):
        raise ServiceError("DATABASE_URL must start with postgresql:// because revshare runs on PostgreSQL only.")
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError:
        raise ServiceError(
            "DATABASE_URL cannot be read: write postgresql://user:password@host:port/name and percent-encode special "
            "characters in the password."
        ) from None
    if not parts.get("dbname"):
        raise ServiceError("DATABASE_URL names no database: write postgresql://user:password@host:port/name.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": parts,
    }


def celery_broker_url(redis_url: str) -> str:
    """Turn a redis-py URL into the one Celery wants, for its broker and its result backend alike.

    Only sockets differ: `unix:///path?db=1` becomes `redis+socket:///path?virtual_host=1`. All other URLs stay.
    """
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    user, password = query.get("username", ""), query.get("password", "")
    login = parts.netloc or (f"{quote(user, safe='')}:{quote(password, safe='')}@" if user or password else "")
    # Put together by hand: urlunsplit drops the empty host of a scheme it does not know.
    return f"redis+socket://{login}{parts.path}?{urlencode({'virtual_host': query.get('db', '0')})}"


def without_password(url: str) -> str:
    """Return the URL as people may see it: a password becomes `***`, and so do all options that may hold one."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    if ":" in login:
        login = f"{login.partition(':')[0]}:***"
    query = "&".join(
        f"{option.partition('=')[0]}=***" if "pass" in option.partition("=")[0].lower() else option
        for option in parts.query.split("&")
    )
    return urlunsplit((parts.scheme, f"{login}{at}{host}", parts.path, query, ""))
