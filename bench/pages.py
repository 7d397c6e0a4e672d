"""How long the server takes for each page of a contributor, on the instance of REVSHARE_HOME; changes nothing.

    REVSHARE_HOME=… python bench/pages.py [CONTRIBUTOR]      the one with most assets if none is named

Each page is asked for RUNS times in this process, without a network. The machine may be busy with other things: besides
the least time, the processor's time of this process and of its database backend are told. A Markdown table comes out.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
RUNS = 10
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    from config.instance import prepare

    prepare()
    import django

    django.setup()
    from django.db import transaction
    from django.test import Client
    from django.test.utils import setup_test_environment

    from revshare.access.models import User
    from revshare.access.rules import may
    from revshare.contributors.models import Contributor
    from revshare.manifests.models import Weight
    from revshare.statements.pages import published_page

    assert may(roles=["contributor"], action="own_data"), "pages are theirs"
    setup_test_environment()
    named = sys.argv[1] if len(sys.argv) > 1 else ""
    contributor = named or Weight.objects.order_by("-assets_ticks").values_list("contributor_id", flat=True)[0]
    numbers = [row.number for row in published_page(contributor_id=contributor, size=1).rows]
    print(f"{Contributor.objects.count():,} contributors; the pages of {contributor}\n")
    print("| page | least ms | CPU ms | of it the database | queries | kB |\n|---|---:|---:|---:|---:|---:|")
    with transaction.atomic():
        client = Client()
        user = User.objects.create(username="bench-pages", roles=["contributor"], contributor_id=contributor)
        client.force_login(user)
        for place in places(numbers):
            print(
                "| `{}` | {:.0f} | {:.0f} | {:.0f} | {} | {:.0f} |".format(place, *measured(client, place)), flush=True
            )
        transaction.set_rollback(True)


def places(numbers: list[str]) -> list[str]:
    of_statement = [f"/statements/{number}/{end}" for number in numbers for end in ("", "verify/")]
    return [
        "/", "/statements/", *of_statement, "/works/", "/works/?search=zzz", "/decisions/",
        "/decisions/new/?decision=opt_out", "/claims/", "/claims/new/", "/account/", "/account/delete/",
        "/destination/", "/account/two-factor/", "/account/sessions/", "/account/tokens/", "/published/", "/verify/",
    ]  # fmt: skip


def measured(client: Any, place: str) -> tuple[float, float, float, int, float]:
    """Least milliseconds, CPU milliseconds in all and of the database backend, queries, kilobytes of the page."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        answer = client.get(place)
        queries = len(asked)
    assert answer.status_code == 200, (place, answer.status_code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    walls, cpu, database = [], time.process_time(), cpu_seconds(backend)
    for _ in range(RUNS):
        wall = time.perf_counter()
        client.get(place)
        walls.append(time.perf_counter() - wall)
    cpu, database = (time.process_time() - cpu) / RUNS, (cpu_seconds(backend) - database) / RUNS
    return 1000 * min(walls), 1000 * (cpu + database), 1000 * database, queries, len(answer.content) / 1000


def cpu_seconds(stat: Path) -> float:
    """Of a process on this machine, in user and system."""
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
