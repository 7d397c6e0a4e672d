#!/usr/bin/env python3
"""revshare's command line. `manage.py help` lists the commands; each starts the services it needs."""

import gc
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WITHOUT_SERVICES = {
    "services",
    "help",
    "--help",
    "-h",
    "--version",
    "version",
    "collectstatic",
    "state_diagram",
    "bench",
}


def use_own_environment() -> None:
    """`make setup` put the libraries into .venv: whichever Python was called, run on that one."""
    try:
        import django  # noqa: F401
    except ModuleNotFoundError:
        own = ROOT / ".venv" / "bin" / "python"
        if not own.exists():
            sys.exit("revshare is not set up yet: run `make setup` first.")
        os.execv(own, [str(own), *sys.argv])


def main() -> None:
    gc.disable()  # thousands of modules come in, of which nothing is garbage
    use_own_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Nothing here multiplies matrices. Else numpy begins threads for it, which keep a processor busy until they sleep.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # So long Arrow keeps idle memory, in ms. After 10, as is usual, it is soon wanted again, and has to be cleared.
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "2000")
    command = sys.argv[1:3]
    if command[:1] == ["run_cycle"] and "--queue" not in sys.argv:
        from revshare.files import hashing_ahead

        hashing_ahead.begin(hashing_ahead.files_in(sys.argv))
    from django.core.management import execute_from_command_line

    wants_services = bool(command) and command[0] not in WITHOUT_SERVICES and "--help" not in sys.argv
    wants_services |= command == ["services", "start"]
    if wants_services:
        import django

        from config.embedded import ServiceError
        from config.instance import migrate_embedded, prepare

        try:
            prepare()
        except ServiceError as error:
            sys.exit(str(error))
        django.setup()
        if sys.argv[1] != "migrate":
            migrate_embedded()
    # What came in by now is never freed. DuckDB must not be among it (no app may load it while Django is set up): when
    # Python ends, it prints a list of everything of its own that was not freed.
    gc.freeze()
    gc.enable()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
