"""Processes of an instance: who runs them, how they are started, recognised and ended.

A PostgreSQL server refuses to run as root, so as root an `Account` with fewer rights is looked for. Processes are
recognised by their working folder or their command line, never by a bare process id: after a crash the id in a pid
file may belong to somebody else.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LOG_LIMIT_BYTES = 10_000_000
LOG_TAIL_LINES = 12
_HAS_PROC = Path("/proc/self/cmdline").exists()  # Linux; elsewhere `ps` tells


class ServiceError(RuntimeError):
    """A service cannot be had; the message is one plain sentence on what is wrong and what to do."""


@dataclass(frozen=True)
class Account:
    """Who runs a service.

    `uid` and `gid` own its files. With `switch` the process changes to them before it starts; `prefix` are words put
    before its command.
    """

    name: str
    uid: int
    gid: int
    switch: bool = False
    prefix: tuple[str, ...] = ()

    def popen(
        self, command: list[str], log: IO[bytes] | int, folder: Path | str = "/", keep: tuple[int, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Start `command` in a session of its own, so that Ctrl-C or the end of the caller leaves it running.

        It inherits the descriptors in `keep` and no others.
        """
        return subprocess.Popen(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=clean_environment(),
            pass_fds=keep,
            start_new_session=True,
            umask=0o077,
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
        )

    def run(self, command: list[str], timeout: float = 120) -> tuple[bool, str]:
        """Run `command` to its end (at most `timeout` seconds); return whether it went well and what it printed."""
        try:
            child = self.popen(command, subprocess.PIPE)
        except OSError as error:
            return False, str(error)
        with child:
            try:
                output, _ = child.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                output, _ = child.communicate()
        return child.returncode == 0, output.decode(errors="replace")

    def can_run(self, program: Path, folder: Path) -> bool:
        """Tell whether this account can enter `folder` and run `program`; tried out, because modes tell only half."""
        return self.run(["/bin/sh", "-c", 'cd "$1" && exec "$2" --version', "sh", str(folder), str(program)], 20)[0]


def account_for(folder: Path, program: Path) -> Account:
    """Choose who runs `program` on data under `folder` (the home).

    An ordinary user runs it as himself. Root looks, in this order, at the owner of the home if that is somebody else,
    at `nobody`, and at root without rights in a user namespace, which works where no other user may enter the folder.
    ServiceError if none of them can.
    """
    if os.geteuid() != 0:
        return Account("caller", os.geteuid(), os.getegid())
    for account in accounts_below_root(folder):
        if account.can_run(program, folder):
            return account
    raise ServiceError(
        f"{program.name} must not run as root and no other account can enter {folder}: put REVSHARE_HOME where every "
        "user may enter, run the command as an ordinary user, or set DATABASE_URL and REDIS_URL to running servers."
    )


def accounts_below_root(folder: Path) -> Iterator[Account]:
    """Yield the accounts that root may give a service for data under `folder`, best first, untried."""
    owner = folder.stat()
    if owner.st_uid != 0:
        # initdb looks its user's name up and fails without one
        with contextlib.suppress(KeyError):
            yield Account(pwd.getpwuid(owner.st_uid).pw_name, owner.st_uid, owner.st_gid, switch=True)
    with contextlib.suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        if nobody.pw_uid > 0 and nobody.pw_gid > 0:
            yield Account("nobody", nobody.pw_uid, nobody.pw_gid, switch=True)
    unshare = shutil.which("unshare", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
    if unshare:
        # Without a mapping the process sees itself as user 65534, yet its files are root's. It has lost root's rights.
        yield Account("root in a user namespace", 0, 0, prefix=(unshare, "--user", "--"))


def wheel(package: str) -> list[Path]:
    """Return the folder of an installed package in a list, an empty list if there is none. Nothing of it is run."""
    spec = importlib.util.find_spec(package)
    return [Path(spec.origin).parent] if spec and spec.origin else []


def clean_environment() -> dict[str, str]:
    """Return the environment of a service: the caller's PG* settings, language and secrets do not reach it."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "ICU_DATA")
    return {key: os.environ[key] for key in kept if key in os.environ} | {"LC_ALL": "C", "TZ": "UTC"}


def alive(pid: int) -> bool:
    """Tell whether process `pid` runs; one that has ended but was not collected by its parent does not."""
    with contextlib.suppress(ChildProcessError):
        # It may be a child of ours that was left running on purpose.
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def command_lines() -> dict[int, str]:
    """Return the command line of every process that can be seen, by process id."""
    if not _HAS_PROC:
        listed = subprocess.run(["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=False).stdout
        pairs = (line.strip().partition(" ") for line in listed.splitlines())
        return {int(pid): command for pid, _, command in pairs if pid.isdigit()}
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (command := command_line(int(entry))):
            found[int(entry)] = command
    return found


def command_line(pid: int) -> str:
    """Return the command line of `pid`, "" if it has none or has gone."""
    if not _HAS_PROC:
        return command_lines().get(pid, "")
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ").strip()
    except OSError:
        return ""


def program_name(pid: int) -> str:
    """Return the name of the program that `pid` runs, without its folder; "" if it has gone."""
    if pid <= 0:
        return ""
    if _HAS_PROC:
        try:
            return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
        except OSError:
            return ""
    listed = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip().rpartition("/")[2]


def serves(pid: int, programs: tuple[str, ...], folder: Path, *marks: str) -> bool:
    """Tell whether `pid` is one of `programs` and works on `folder`.

    Its working folder decides, for that stays true when the folder is renamed or copied. Where the system hides it
    (another account's process inside a container), the command line must name `folder` or one of `marks`.
    """
    if pid <= 0 or not alive(pid) or program_name(pid) not in programs:
        return False
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:
        command = command_line(pid)
        return any(mark in command for mark in (str(folder), *marks))


def end(pid: int, *steps: tuple[signal.Signals, float]) -> None:
    """Send the signals one after the other, each with its seconds to wait, until `pid` has gone.

    ServiceError if it is not ours to end or outlives all steps.
    """
    for number, seconds in steps:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            raise ServiceError(f"Process {pid} belongs to another user: stop it as that user.") from None
        if wait_until(lambda: not alive(pid), seconds):
            return
    raise ServiceError(f"Process {pid} does not end: look at what it waits for, then run the command again.")


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Call `done` until it is true or `seconds` are over; return whether it became true."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return True


def read_pid(path: Path) -> int:
    """Return the process id in the first line of `path`, 0 if there is none."""
    try:
        return int(path.read_text(errors="replace").split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def open_log(path: Path) -> IO[bytes]:
    """Open a log for appending; one that has grown past LOG_LIMIT_BYTES is set aside as `.1` first."""
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")


def log_tail(path: Path, start: int) -> str:
    """Return the last lines of a log from byte `start` on, for an error message."""
    try:
        with path.open("rb") as log:
            log.seek(start)
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"


def own(path: Path, account: Account) -> None:
    """Give `path` and all below it to `account`. Only root can and needs to.

    The top goes last, so that a change which was cut short is done again. Links are changed, not followed: files of an
    unprivileged account must not lead root's hand elsewhere.
    """
    if os.geteuid() != 0:
        return
    top = path.lstat()
    if (top.st_uid, top.st_gid) == (account.uid, account.gid):
        return
    for _, folders, files, descriptor in os.fwalk(path):
        for name in [*folders, *files]:
            with contextlib.suppress(FileNotFoundError):
                os.chown(name, account.uid, account.gid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(path, account.uid, account.gid, follow_symlinks=False)
