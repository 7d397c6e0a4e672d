"""Where an instance keeps what: data and logs in its home, sockets in a short folder under /tmp."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded.process import Account, ServiceError, own

SOCKET_LIMIT_BYTES = 103  # Linux takes 107, macOS 103


@dataclass(frozen=True)
class Layout:
    """The folders of one instance. `home` is absolute and free of links; `key` is short and stable for it."""

    home: Path

    @classmethod
    def of(cls, home: Path) -> "Layout":
        """Return the layout of `home`, which need not exist yet."""
        return cls(Path(os.path.realpath(home)))

    @property
    def owner(self) -> tuple[int, int]:
        """User and group of the instance: the owner of its home, or who would create it."""
        try:
            found = self.home.stat()
        except OSError:
            return os.geteuid(), os.getegid()
        return found.st_uid, found.st_gid

    @property
    def key(self) -> str:
        """A word for the instance that is the same for every process on this machine."""
        return hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]

    @property
    def sockets(self) -> Path:
        """The folder of the sockets. Fixed, not TMPDIR: all processes of an instance must agree on it."""
        base = Path("/tmp")  # noqa: S108 - ownership is checked in make_socket_folder
        if not (base.is_dir() and os.access(base, os.W_OK | os.X_OK)):
            base = Path(tempfile.gettempdir())
        return base / f"revshare-{self.owner[0]}-{self.key}"

    def socket_folder(self, service: str) -> Path:
        """The folder of one service's socket."""
        return self.sockets / service

    def log(self, name: str) -> Path:
        """The log file of a service."""
        return self.home / "log" / f"{name}.log"

    def make_home(self) -> None:
        """Create the home and its log folder. ServiceError if that cannot be or the home is another user's."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self.check_owner()
            self.make_folder(self.home / "log", 0o755)
        except OSError as error:
            raise ServiceError(
                f"The folder {self.home} cannot be used ({error.strerror}): make it writable or set REVSHARE_HOME to "
                "another one."
            ) from error

    def check_owner(self) -> None:
        """ServiceError if the home is another user's: its services are his."""
        if os.geteuid() not in (0, self.owner[0]):
            raise ServiceError(
                f"{self.home} belongs to another user: run the command as its owner or set REVSHARE_HOME to a folder "
                "of your own."
            )

    def make_folder(self, path: Path, mode: int) -> None:
        """Create a folder of the home's owner, unless it exists."""
        try:
            path.mkdir(mode=mode)
        except FileExistsError:  # perhaps by another process, a moment ago
            return
        own(path, Account("owner", *self.owner))

    def sockets_are_ours(self) -> bool:
        """Tell whether the folder of the sockets is closed to everybody else's writing."""
        try:
            found = self.sockets.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == self.owner[0] and not found.st_mode & 0o022

    def make_socket_folder(self, service: str, account: Account) -> Path:
        """Create the folder for the socket of `service`, which only `account` (and root) may enter.

        That is the access control of both services: who can reach the socket is let in without a password. The folder
        around it belongs to the home's owner and is refused if somebody else made it first, so no one can put a
        server of his own in its place.
        """
        top = self.sockets
        top.mkdir(mode=0o711, exist_ok=True)
        if top.lstat().st_uid == os.geteuid() == 0:
            os.chown(top, *self.owner, follow_symlinks=False)
        if not self.sockets_are_ours():
            raise ServiceError(f"{top} was made by somebody else: look at it, remove it and run the command again.")
        top.chmod(0o711)  # the umask of the caller may have taken the x that `nobody` needs
        folder = self.socket_folder(service)
        folder.mkdir(mode=0o700, exist_ok=True)
        own(folder, account)
        if len(os.fsencode(folder)) + len("/.s.PGSQL.5432.lock") > SOCKET_LIMIT_BYTES:
            raise ServiceError(f"The path {folder} is too long for a socket: set TMPDIR to a short folder.")
        return folder

    def remove_sockets(self) -> None:
        """Remove the folder of the sockets, once no service runs."""
        if self.sockets_are_ours():
            shutil.rmtree(self.sockets, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the instance: services are started and stopped by one process at a time.

        The kernel frees it when its holder dies; servers do not inherit it. Opened for reading, which is enough for
        the lock and works on a file that root made.
        """
        descriptor = os.open(self.home / "services.lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
