"""Commands as processes of their own, from one that has the libraries in already: a suite starts hundreds, and half of what a small one takes
is Python reading Django, NumPy and Arrow. Nothing of revshare is loaded before the fork, no setting read."""

import array
import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 1 << 20


class Forks:
    """The process that forks. It ends when the tests' own does, since it then reads the end of their socket."""

    def __init__(self) -> None:
        self._own, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        self._asking = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_process", str(theirs.fileno())],
            cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        atexit.register(self._own.close)

    def run(self, argv: list[str], *, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Runs a Python script of the checkout to its end."""
        told, tells = os.pipe()
        with open(told, "rb") as status, TemporaryFile() as out, TemporaryFile() as err:
            try:
                with self._asking:
                    words = json.dumps({"argv": argv, "env": dict(env)}).encode()
                    fds = array.array("i", [out.fileno(), err.fileno(), tells])
                    self._own.sendmsg([words], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            finally:
                os.close(tells)
            code = int(status.read())
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(argv, code, out.read().decode(), err.read().decode())


@cache
def forks() -> Forks:
    """Of this process."""
    return Forks()
