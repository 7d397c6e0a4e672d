"""What the figures were measured on: they mean little without it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("duckdb", "numpy", "pandas", "pyarrow", "psycopg", "django")


def facts() -> dict[str, str | int]:
    """Processor, memory, Python and libraries."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(), "cores": os.cpu_count() or 0, "memory_gib": round(memory / (1 << 30)),
        "system": platform.system(), "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
