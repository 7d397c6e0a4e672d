"""A real cluster of Apache Spark for tests: a master and two workers, each a process of its own on this machine."""

import json
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
from pathlib import Path

import pytest

WORKERS = 2
CONF = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "700m",
    "spark.executor.cores": "1",
}
"""For a driver that uses the cluster: both workers, within their memory."""


def need_spark() -> None:
    """Skips where Spark cannot run, except in CI, where that is a failure."""
    missing = None
    try:
        import ibis  # noqa: F401
        import pyspark  # noqa: F401
    except ImportError as error:
        missing = f"{error.name} is not installed (requirements-spark.txt)"
    if not shutil.which("java"):
        missing = "there is no Java"
    if missing and not os.environ.get("CI"):
        pytest.skip(missing)
    assert not missing, missing


@contextmanager
def spark_cluster(folder: Path) -> Iterator[str]:
    """Runs a cluster for as long as the block; gives the address of its master."""
    import pyspark

    spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
    package = "org.apache.spark.deploy"
    port, web_port = _free_ports(2)
    master = f"spark://127.0.0.1:{port}"
    env = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "SPARK_DAEMON_MEMORY": "512m"}
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str, *args: str) -> None:
        home = folder / name
        home.mkdir(parents=True)
        log = (home / "log").open("wb")
        processes.append(
            subprocess.Popen(
                [spark_class, *args], cwd=home, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        )

    try:
        web = ("--webui-port", str(web_port))
        start("master", f"{package}.master.Master", "--host", "127.0.0.1", "--port", str(port), *web)
        for number in range(WORKERS):
            size = ("--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(folder / f"work-{number}"))
            start(f"worker-{number}", f"{package}.worker.Worker", "--host", "127.0.0.1", *size, master)
        until = time.monotonic() + 90
        while _alive(web_port) < WORKERS:
            assert time.monotonic() < until, (folder / "master" / "log").read_text()[-3000:]
            assert all(process.poll() is None for process in processes)
            time.sleep(0.2)
        yield master
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(30)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]


def _alive(web_port: int) -> int:
    try:
        return json.load(urllib.request.urlopen(f"http://127.0.0.1:{web_port}/json/", timeout=2))["aliveworkers"]
    except (urllib.error.URLError, OSError, ValueError):
        return 0
