"""The process that `tests.warm` starts: `python -m tests.warm_process SOCKET`."""

import array
import json
import os
import runpy
import socket
import sys
import time
from importlib import import_module
from typing import Any

LIBRARIES = (
    "babel.numbers", "celery", "cryptography.hazmat.primitives.asymmetric.ed25519", "django.core.management", "django.db.models",
    "django.forms", "django.template.loader", "numpy", "psycopg", "pyarrow.parquet",
)  # fmt: skip
LARGEST = 1 << 20


def next_command(asked: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """What to run and its output, errors and status; None when nobody asks any more."""
    fds = array.array("i")
    words, beside, _, _ = asked.recvmsg(LARGEST, socket.CMSG_SPACE(3 * fds.itemsize))
    for _, _, data in beside:
        fds.frombytes(data)
    return (json.loads(words), list(fds)) if words else None


def become(command: dict[str, Any], out: int, err: int) -> None:
    """What a fresh process would have: its environment, its streams, its arguments."""
    os.environ.clear()
    os.environ.update(command["env"])
    time.tzset()
    for fd, stream in ((out, 1), (err, 2)):
        os.dup2(fd, stream)
        os.close(fd)
    sys.argv = command["argv"]


def serve(asked: socket.socket) -> dict[str, Any] | None:
    """Returns a command in the process that shall run it, None in the first one at the end. Between the two stands one
    that waits and tells the status, by whatever the command may end."""
    while found := next_command(asked):
        command, (out, err, status) = found
        if os.fork():
            for fd in (out, err, status):
                os.close(fd)
            try:  # those that have ended
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
            continue
        asked.close()
        if runs := os.fork():
            code = os.waitstatus_to_exitcode(os.waitpid(runs, 0)[1])
            os.write(status, str(code).encode())
            os._exit(0)
        os.close(status)
        become(command, out, err)
        return command
    return None


def main() -> None:
    for name in LIBRARIES:
        import_module(name)
    if command := serve(socket.socket(fileno=int(sys.argv[1]))):
        runpy.run_path(command["argv"][0], run_name="__main__")


if __name__ == "__main__":
    main()
