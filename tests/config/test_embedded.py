"""The embedded services, with real servers in temporary homes."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import environ
import psycopg
import pytest
import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker

from config import embedded
from config.embedded import ServiceError, celery_broker_url, django_database
from config.embedded import broker as broker_module
from config.embedded import postgres as postgres_module
from config.embedded.broker import Broker
from config.embedded.layout import Layout
from config.embedded.postgres import Postgres
from config.embedded.process import Account, accounts_below_root, alive, wait_until
from config.embedded.urls import without_password

ROOT = Path(embedded.__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root can give files to another user")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)


def set_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "REVSHARE_POSTGRES_BIN", "PGHOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REVSHARE_TEST_FAST", "1")
    monkeypatch.setattr(postgres_module, "SOCKET_SECONDS", 0.3)
    monkeypatch.setenv("PGPORT", "1")  # a caller's own settings must not matter


@pytest.fixture(scope="module")
def seed() -> Iterator[Path]:
    """A home whose data folder tests copy: initdb takes most of a first start."""
    parent = Path(tempfile.mkdtemp(prefix="embedded-"))
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch)
        embedded.ensure(parent / "seed")
        embedded.stop(parent / "seed")
    yield parent / "seed"
    shutil.rmtree(parent)


@pytest.fixture
def new_home(seed: Path) -> Iterator[Callable[..., Path]]:
    """Makes homes, with a data folder if `seeded`; stops their servers and removes them afterwards."""
    made: list[tuple[Path, Path]] = []

    def make(name: str = "home", mode: int = 0o700, seeded: bool = False) -> Path:
        parent = Path(tempfile.mkdtemp(prefix="embedded-"))
        parent.chmod(mode)
        made.append((parent, parent / name))
        if seeded:
            (parent / name).mkdir(parents=True)
            subprocess.run(["cp", "-a", str(seed / "postgres"), str(parent / name)], check=True)
        return parent / name

    yield make
    for parent, home in made:
        embedded.stop(home)
        shutil.rmtree(parent)
        assert not Layout.of(home).sockets.exists()


@pytest.fixture
def home(new_home: Callable[..., Path]) -> Path:
    return new_home(seeded=True)


@pytest.fixture
def no_home(new_home: Callable[..., Path]) -> Path:
    """A home that does not exist yet."""
    return new_home()


def pids(home: Path) -> tuple[int, int]:
    """Process ids of database and broker; 0 for one that does not answer."""
    database, broker = embedded.status(home)
    return database.pid or 0, broker.pid or 0


def remember(instance: embedded.Instance, word: str) -> None:
    with psycopg.connect(instance.owner_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", [word])


def remembered(instance: embedded.Instance) -> list[str]:
    with psycopg.connect(instance.owner_url) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM words")]


def in_python(code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


def ordinary_python() -> tuple[Account, list[str]]:
    """An account that is not user 0, and the words before a piece of Python it can run with our libraries."""
    libraries = f"PYTHONPATH={ROOT}:{Path(psycopg.__file__).parents[1]}"
    env = ["/usr/bin/env", libraries, "REVSHARE_TEST_FAST=1", "PYTHONDONTWRITEBYTECODE=1"]
    for account in accounts_below_root(ROOT):
        for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
            if account.run([*env, python, "-c", "import psycopg, config.embedded"])[0]:
                return account, [*env, python, "-c"]
    pytest.skip("no other account can read this Python and its libraries")


def test_start_use_reuse_stop(new_home: Callable[..., Path]) -> None:
    home = new_home("with spaces & ünicode %41 'quotes'")
    assert [service.state for service in embedded.status(home)] == ["stopped", "stopped"]
    assert embedded.stop(home) == []
    assert not home.exists()

    instance = embedded.ensure(home)
    assert instance.database_embedded
    assert instance.broker_embedded
    remember(instance, "kept")
    with psycopg.connect(instance.database_url) as connection:
        row = connection.execute(
            "SELECT current_user, current_database(), current_setting('server_encoding'), current_setting('TimeZone'), "
            "current_setting('data_checksums'), current_setting('listen_addresses'), 'Z' < 'a' AND 'z' < 'é', "
            "current_setting('is_superuser')"
        ).fetchone()
    assert row == ("revshare", "revshare", "UTF8", "UTC", "on", "", True, "off")
    client = redis.Redis.from_url(instance.redis_url)
    assert client.config_get("port", "save", "appendonly") == {"port": "0", "save": "", "appendonly": "no"}
    client.close()

    running = pids(home)
    assert 0 not in running
    assert embedded.ensure(home) == instance
    assert pids(home) == running
    database, broker = embedded.status(home)
    assert (database.state, database.where) == ("running", instance.database_url)
    assert (database.version or "").startswith("PostgreSQL ")
    assert (broker.version or "").startswith(("Valkey ", "Redis "))

    assert embedded.stop(home) == ["broker", "database"]
    assert not any(map(alive, running))
    assert embedded.stop(home) == []
    assert remembered(embedded.ensure(home)) == ["kept"]


ROLES = """
SELECT d.datdba::regrole::text, array_agg(r.rolname || CASE WHEN r.rolcreatedb THEN ' may make databases' ELSE '' END ORDER BY r.rolname)
FROM pg_database d, pg_roles r WHERE d.datname = 'revshare' AND r.rolcanlogin AND NOT r.rolsuper GROUP BY 1
"""


def test_there_are_an_owner_an_application_and_an_auditor(home: Path) -> None:
    instance = embedded.ensure(home)
    with psycopg.connect(instance.database_url) as connection:
        owner, roles = connection.execute(ROLES).fetchone() or ("", [])
        assert owner == "revshare_owner"
        assert roles == ["revshare", "revshare_auditor", "revshare_owner may make databases"]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE words (word text)")


def test_an_instance_of_one_role_is_handed_over_to_an_owner(home: Path) -> None:
    """As a version before made it: the application owned the database and its tables."""
    instance = embedded.ensure(home)
    remember(instance, "kept")
    with psycopg.connect(instance.owner_url, user="postgres", autocommit=True) as root:
        root.execute(
            "DROP ROLE revshare_auditor; REASSIGN OWNED BY revshare_owner TO revshare; DROP OWNED BY revshare_owner"
        )
        root.execute("DROP ROLE revshare_owner; ALTER ROLE revshare CREATEDB")
        assert root.execute(ROLES).fetchone() == ("revshare", ["revshare may make databases"])
    assert embedded.ensure(home) == instance
    with psycopg.connect(instance.database_url) as connection:
        assert (connection.execute(ROLES).fetchone() or ("",))[0] == "revshare_owner"
        assert connection.execute("SELECT * FROM words").fetchall() == [("kept",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO words VALUES ('more')")
    assert remembered(instance) == ["kept"]


def test_files_are_closed_to_others_and_fsync_is_on(no_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REVSHARE_TEST_FAST")
    instance = embedded.ensure(no_home)
    with psycopg.connect(instance.database_url) as connection:
        assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("on",)
    layout = Layout.of(no_home)
    closed = [
        no_home / "postgres",
        no_home / "broker",
        layout.socket_folder("postgres"),
        layout.socket_folder("broker"),
    ]
    assert [path.stat().st_mode & 0o077 for path in closed] == [0, 0, 0, 0]
    assert layout.sockets.stat().st_mode & 0o066 == 0


def test_processes_at_once_share_servers_that_outlive_them(no_home: Path) -> None:
    code = f"from pathlib import Path; from config.embedded import *; h = Path({str(no_home)!r}); ensure(h); "
    code += "import os, signal; print([s.pid for s in status(h)], flush=True); "
    code += "signal.signal(signal.SIGINT, signal.SIG_IGN); os.killpg(0, signal.SIGINT)"  # as Ctrl-C does
    setsid = "import os; os.setsid(); "
    answers = {output(caller) for caller in [in_python(setsid + code) for _ in range(3)]}
    database, broker = pids(no_home)
    assert answers == {str([database, broker])}
    assert os.getsid(database) == database
    assert os.getsid(broker) == broker


def test_recovers_from_kill_and_reused_process_ids(home: Path) -> None:
    instance = embedded.ensure(home)
    remember(instance, "before the crash")
    busy = psycopg.connect(instance.database_url, autocommit=True)
    busy.pgconn.send_query(b"SELECT pg_sleep(3600)")  # its process does not notice at once that the server has gone
    old = pids(home)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not any(map(alive, old)), 5)
    assert pids(home) == (0, 0)

    stranger = subprocess.Popen(["sleep", "600"])
    try:
        files = [home / "postgres/postmaster.pid", Layout.of(home).sockets / "postgres/.s.PGSQL.5432.lock"]
        for path in [*files, home / "broker/broker.pid"]:
            _, newline, rest = path.read_text().partition("\n")
            path.write_text(f"{stranger.pid}{newline}{rest}")
        assert pids(home) == (0, 0)
        assert embedded.ensure(home) == instance
        assert remembered(instance) == ["before the crash"]
        assert not set(old) & set(pids(home))
        assert redis.Redis.from_url(instance.redis_url).ping()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        busy.close()


def test_only_what_is_missing_is_started(home: Path) -> None:
    embedded.ensure(home)
    database, broker = pids(home)
    os.kill(broker, signal.SIGKILL)
    embedded.ensure(home)
    assert pids(home)[0] == database
    assert pids(home)[1] not in (0, broker)


def test_sockets_swept_away_and_half_made_data(no_home: Path) -> None:
    (no_home / "postgres.new").mkdir(parents=True)
    (no_home / "postgres.new" / "PG_VERSION").write_text("half")
    instance = embedded.ensure(no_home)
    remember(instance, "kept")
    shutil.rmtree(Layout.of(no_home).sockets)
    assert pids(no_home) == (0, 0)
    assert remembered(embedded.ensure(no_home)) == ["kept"]


def test_home_removed_while_its_servers_run(home: Path) -> None:
    remember(embedded.ensure(home), "old")
    old = pids(home)
    shutil.rmtree(home)
    instance = embedded.ensure(home)
    assert not any(map(alive, old))
    with psycopg.connect(instance.database_url) as connection:
        assert connection.execute("SELECT to_regclass('words')").fetchone() == (None,)


def test_home_renamed_while_its_servers_run(home: Path, new_home: Callable[..., Path]) -> None:
    remember(embedded.ensure(home), "kept")
    moved = new_home("moved")
    home.rename(moved)
    assert remembered(embedded.ensure(moved)) == ["kept"]
    remember(embedded.ensure(home), "another instance")
    assert remembered(embedded.ensure(moved)) == ["kept"]
    assert not set(pids(home)) & set(pids(moved))


def test_a_copied_home_is_another_instance(home: Path, new_home: Callable[..., Path]) -> None:
    remember(embedded.ensure(home), "both")
    embedded.stop(home)
    copy = new_home("copy")
    subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
    original = embedded.ensure(home)
    for name in ("postgres/postmaster.pid", "broker/broker.pid"):  # as a copy of running servers has them
        shutil.copy(home / name, copy / name)
    copied = embedded.ensure(copy)
    remember(original, "original only")
    assert remembered(copied) == ["both"]
    embedded.stop(copy)
    assert remembered(original) == ["both", "original only"]


def test_very_long_and_linked_home(new_home: Callable[..., Path]) -> None:
    home = new_home("/".join("long-name-" * 8 for _ in range(7)), seeded=True)
    assert len(str(home)) > 560
    instance = embedded.ensure(home)
    link = home.parents[5] / "link"
    link.symlink_to(home)
    assert embedded.ensure(link) == instance
    assert embedded.ensure(Path(os.path.relpath(home))) == instance


@only_root
def test_root_data_moves_between_accounts(new_home: Callable[..., Path]) -> None:
    home = new_home(mode=0o755, seeded=True)
    owners = []
    for number, mode in enumerate([0o755, 0o700, 0o755]):
        home.parent.chmod(mode)
        instance = embedded.ensure(home)
        remember(instance, str(number))
        assert len(remembered(instance)) == number + 1
        assert redis.Redis.from_url(instance.redis_url).ping()
        owners.append(((home / "postgres").owner(), (home / "broker").owner()))
        database, _ = pids(home)
        # the server never has root's rights, whoever owns its files
        assert "CapEff:\t0000000000000000" in Path(f"/proc/{database}/status").read_text()
        embedded.stop(home)
    assert owners == [("nobody", "nobody"), ("root", "root"), ("nobody", "nobody")]


@only_root
def test_root_serves_another_users_home_as_that_user(new_home: Callable[..., Path]) -> None:
    home = new_home(seeded=True)
    for path in (home, home.parent):
        shutil.chown(path, "nobody")
    remember(embedded.ensure(home), "kept")
    assert {path.owner() for path in home.iterdir() if path.is_dir()} == {"nobody"}
    assert Layout.of(home).sockets.owner() == "nobody"


@only_root
def test_root_in_a_container_that_hides_other_users_processes(new_home: Callable[..., Path]) -> None:
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv to drop a capability with")
    home = new_home(mode=0o755, seeded=True)
    code = f"""
import os, signal
from pathlib import Path
from config.embedded import ensure, status, stop
home = Path({str(home)!r})
ensure(home)
old = [service.pid for service in status(home)]
ensure(home)
assert [service.pid for service in status(home)] == old, "not recognised"
try:
    os.stat(f"/proc/{{old[0]}}/cwd")
except PermissionError:
    print("hidden")
for pid in old:
    os.kill(pid, signal.SIGKILL)
ensure(home)
assert None not in [service.pid for service in status(home)]
assert stop(home) == ["broker", "database"]
"""
    without = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", sys.executable, "-c", code]
    done = subprocess.run(
        without, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "hidden"), done.stderr


@only_root
def test_as_an_ordinary_user(new_home: Callable[..., Path]) -> None:
    """Runs as `nobody`, or as root without its rights where nobody cannot read the code: both are not user 0."""
    parent = new_home(mode=0o777).parent
    account, command = ordinary_python()
    shutil.chown(parent, account.uid, account.gid)
    code = f"""
import json, os
from pathlib import Path
from config.embedded import ensure, status, stop
home = Path({str(parent / "own")!r})
first = ensure(home)
pids = [service.pid for service in status(home)]
assert ensure(home) == first
assert [service.pid for service in status(home)] == pids
import psycopg
connection = psycopg.connect(first.database_url)
connection.close()
print(json.dumps([os.geteuid(), pids, stop(home)]))
"""
    done, said = account.run([*command, code])
    assert done, said
    user, started, stopped = json.loads(said)
    assert user != 0
    assert all(started)
    assert stopped == ["broker", "database"]


@only_root
def test_home_of_another_user_is_refused(new_home: Callable[..., Path]) -> None:
    home = new_home(mode=0o755)
    home.mkdir(mode=0o755)
    shutil.chown(home, "daemon")
    account, command = ordinary_python()
    if account.prefix:
        pytest.skip("in a user namespace without a mapping all users look alike")
    for name in ("ensure", "stop"):
        code = f"from pathlib import Path; from config.embedded import {name}; {name}(Path({str(home)!r}))"
        done, said = account.run([*command, code])
        assert not done
        assert "belongs to another user" in said


def test_programs_of_the_wheel(no_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder,) = postgres_module.wheel_folder()
    monkeypatch.setenv("REVSHARE_POSTGRES_BIN", str(folder))
    instance = embedded.ensure(no_home)
    remember(instance, "kept")
    assert Postgres(Layout.of(no_home)).version() == postgres_module.major_version(folder)
    # Without the override the data folder's version chooses the programs
    embedded.stop(no_home)
    monkeypatch.delenv("REVSHARE_POSTGRES_BIN")
    assert remembered(embedded.ensure(no_home)) == ["kept"]


def test_the_broker_of_the_machine_comes_first(no_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(tempfile.mkdtemp(prefix="embedded-bin-"))
    folder.chmod(0o755)
    try:
        shutil.copy(broker_module.wheel_program()[0], folder / "redis-server")
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
        monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
        embedded.ensure(no_home)
        assert os.path.realpath(f"/proc/{pids(no_home)[1]}/exe") == str(folder / "redis-server")
    finally:
        shutil.rmtree(folder)


def test_external_services_are_used_as_they_are(no_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:secret@db.example/books")
    monkeypatch.setenv("REDIS_URL", "redis://:secret@redis.example/1")
    instance = embedded.ensure(no_home)
    assert (instance.database_url, instance.redis_url) == (os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    assert not instance.database_embedded
    assert not instance.broker_embedded
    assert not no_home.exists()
    assert [service.state for service in embedded.status(no_home)] == ["external", "external"]
    assert "secret" not in str(embedded.status(no_home))

    monkeypatch.delenv("REDIS_URL")
    assert embedded.ensure(no_home).broker_embedded
    assert not (no_home / "postgres").exists()
    # A child that was handed our own URL still has an embedded broker
    monkeypatch.setenv("REDIS_URL", embedded.ensure(no_home).redis_url)
    assert embedded.ensure(no_home).broker_embedded


def test_nothing_found(no_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_module, "SYSTEM_FOLDERS", str(tmp_path))
    monkeypatch.setattr(postgres_module, "wheel", lambda package: [])
    monkeypatch.setattr(broker_module, "wheel", lambda package: [])
    (tmp_path / "postgres").touch(0o755)  # one program alone is no PostgreSQL
    with pytest.raises(ServiceError, match=r"^No PostgreSQL found: install it .* or set DATABASE_URL to a running"):
        embedded.ensure(no_home)
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    with pytest.raises(ServiceError, match=r"^No Redis or Valkey found: .* or set REDIS_URL to a running server"):
        embedded.ensure(no_home)
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("REVSHARE_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(ServiceError, match="does not hold postgres, initdb, pg_ctl"):
        embedded.ensure(no_home)


def test_sentences_of_failed_starts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://somewhere/0")
    embedded.ensure(home)
    embedded.stop(home)
    settings = home / "postgres" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "\nnonsense = 1\n")
    with pytest.raises(ServiceError, match=r'(?s)PostgreSQL did not start: .*parameter "nonsense"'):
        embedded.ensure(home)
    settings.write_text(good)

    with (home / "postgres.lock").open() as lock:
        monkeypatch.setattr(postgres_module, "GUARD_SECONDS", 0.3)
        fcntl.flock(lock, fcntl.LOCK_EX)  # as a server in another container holds it
        with pytest.raises(ServiceError, match="cannot be seen from here"):
            embedded.ensure(home)

    version = home / "postgres" / "PG_VERSION"
    real = version.read_text()
    version.write_text("99\n")
    with pytest.raises(ServiceError, match=r"was made by PostgreSQL 99, and this machine has version .*REVSHARE_POST"):
        embedded.ensure(home)
    version.write_text(real)
    assert embedded.ensure(home).database_embedded


def test_a_home_that_cannot_be_used(no_home: Path) -> None:
    no_home.write_text("a file")
    with pytest.raises(ServiceError, match=r"cannot be used \(File exists\): make it writable or set REVSHARE_HOME"):
        embedded.ensure(no_home)
    no_home.unlink()


@only_root
def test_sockets_folder_made_by_somebody_else_is_refused(no_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    no_home.mkdir()
    sockets = Layout.of(no_home).sockets
    sockets.mkdir()
    try:
        shutil.chown(sockets, "nobody")
        with pytest.raises(ServiceError, match="was made by somebody else"):
            embedded.ensure(no_home)
    finally:
        shutil.rmtree(sockets)


def test_django_and_environ_read_the_url(home: Path) -> None:
    instance = embedded.ensure(home)
    folder = str(Layout.of(home).socket_folder("postgres"))
    entry = django_database(instance.database_url)
    assert (entry["NAME"], entry["USER"], entry["HOST"], entry["PORT"]) == ("revshare", "revshare", folder, "5432")
    assert environ.Env.db_url_config(instance.database_url)["OPTIONS"] == {"host": folder, "port": 5432}
    code = """
import os, environ, django
from django.conf import settings
from config.embedded import django_database
url = os.environ["URL"]
settings.configure(USE_TZ=True, DATABASES={"default": django_database(url), "other": environ.Env.db_url_config(url)})
django.setup()
from django.db import connections
for connection in connections.all():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        print(*cursor.fetchone())
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    connection.creation.destroy_test_db("revshare", verbosity=0)
"""
    assert output(in_python(code, URL=instance.owner_url)).split() == ["revshare_owner", "revshare_owner"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40%2F%3A@h:5433/db", ("db", "u", "p@/:", "h", "5433", {})),
        ("postgres://u@h/db?sslmode=require", ("db", "u", "", "h", "", {"sslmode": "require"})),
        ("postgresql://u@%2Ftmp%2Fx/db", ("db", "u", "", "/tmp/x", "", {})),
        ("postgresql:///db?host=/tmp/x&user=u", ("db", "u", "", "/tmp/x", "", {})),
        ("postgresql://u@[::1]:1/db", ("db", "u", "", "::1", "1", {})),
    ],
)
def test_django_database(url: str, expected: tuple[object, ...]) -> None:
    entry = django_database(url)
    assert tuple(entry[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")) == expected


@pytest.mark.parametrize("url", ["sqlite:///x", "postgresql://u:secret%zz@h/db", "postgresql://h/db?secret=1", "mysql"])
def test_django_database_refuses(url: str) -> None:
    with pytest.raises(ServiceError, match="DATABASE_URL") as caught:
        django_database(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("rediss://:p@h/0?ssl_cert_reqs=required", "rediss://:p@h/0?ssl_cert_reqs=required"),
        ("unix:///tmp/a.sock", "redis+socket:///tmp/a.sock?virtual_host=0"),
        ("unix:///tmp/a.sock?db=3", "redis+socket:///tmp/a.sock?virtual_host=3"),
        ("unix:///tmp/a.sock?password=p%40&db=1", "redis+socket://:p%40@/tmp/a.sock?virtual_host=1"),
        ("unix://u:p@/tmp/a.sock", "redis+socket://u:p@/tmp/a.sock?virtual_host=0"),
    ],
)
def test_celery_broker_url(url: str, expected: str) -> None:
    assert celery_broker_url(url) == expected


def test_without_password() -> None:
    assert without_password("postgresql://u:s@h:1/db?sslmode=x&password=s") == (
        "postgresql://u:***@h:1/db?sslmode=x&password=***"
    )
    assert without_password("postgresql://u@h/db") == "postgresql://u@h/db"


def test_celery_runs_a_task_through_the_socket(no_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    redis_url = embedded.ensure(no_home).redis_url.replace("db=0", "db=2")
    app = Celery("probe", broker=celery_broker_url(redis_url), backend=celery_broker_url(redis_url))

    @app.task
    def double(number: int) -> int:
        return number * 2

    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        assert double.delay(21).get(timeout=20) == 42
    client = redis.Redis.from_url(redis_url)
    assert client.keys("celery-task-meta-*")  # in the database the URL names
    client.close()
    assert Broker(Layout.of(no_home)).ready()
