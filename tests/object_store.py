"""A real S3-compatible store for tests: SeaweedFS, started on this machine, in a folder of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests-secret", "AWS_DEFAULT_REGION": "us-east-1"}
IDENTITIES = (
    '{"identities": [{"name": "tests", "actions": ["Admin"], '
    '"credentials": [{"accessKey": "tests", "secretKey": "tests-secret"}]}]}'
)
PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")


@dataclass
class ObjectStore:
    """The store, up or down."""

    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3.port']}"

    @property
    def files(self) -> fsspec.AbstractFileSystem:
        """Its objects, not through our code."""
        keys = {"key": KEYS["AWS_ACCESS_KEY_ID"], "secret": KEYS["AWS_SECRET_ACCESS_KEY"]}
        return fsspec.filesystem("s3", endpoint_url=self.endpoint, use_listings_cache=False, **keys)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self.process = subprocess.Popen(
            [
                _program(), "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
                f"-s3.config={self.folder / 'identities.json'}", "-s3.iam=false", "-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
                f"-s3.localSocket={self.folder}/s3.sock", f"-filer.localSocket={self.folder}/filer.sock",
                "-master.volumeSizeLimitMB=64", "-volume.max=16",
                *(f"-{name}={port}" for name, port in self.ports.items()),
            ],
            stdout=(self.folder / "log").open("ab"), stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + 60
        while not self._answers():
            up = self.process.poll() is None and time.monotonic() < until
            assert up, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.endpoint}/healthz", timeout=1)
            # Only with a volume to write to is it of use.
            url = f"http://127.0.0.1:{self.ports['master.port']}/dir/assign"
            return b'"fid"' in urllib.request.urlopen(url, timeout=5).read()
        except (urllib.error.URLError, OSError):
            return False


def _program() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found and not os.environ.get("CI"):
        pytest.skip("SeaweedFS (weed) is not installed on this machine")
    assert found, "SeaweedFS (weed) is not installed"
    return found


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Runs a store for as long as the block."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "identities.json").write_text(IDENTITIES)
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(len(PORTS) + 2)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        names = (*PORTS, "s3.port", "s3.port.grpc")
        ports = {name: one.getsockname()[1] for name, one in zip(names, taken, strict=True)}
    store = ObjectStore(folder, ports)
    try:
        store.start()
        yield store
    finally:
        store.stop()
