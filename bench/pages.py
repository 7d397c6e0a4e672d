"""How long the server takes for each page of a contributor, on the instance of REVSHARE_HOME; changes nothing.

    REVSHARE_HOME=… python bench/pages.py [CONTRIBUTOR]      the one with most assets if none is named

Each page is asked for RUNS times in this process, without a network; the least time is the page's own, since everything
above it is other people's work. A Markdown table comes out.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
RUNS = 7


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
    print("| page | least ms | CPU ms of the web process | queries | kB |\n|---|---:|---:|---:|---:|")
    with transaction.atomic():
        client = Client()
        client.force_login(
            User.objects.create(username="bench-pages", roles=["contributor"], contributor_id=contributor)
        )
        for place in places(numbers):
            print("| `{}` | {:.0f} | {:.0f} | {} | {:.0f} |".format(place, *measured(client, place)), flush=True)
        transaction.set_rollback(True)


def places(numbers: list[str]) -> list[str]:
    of_statement = [
        place for number in numbers for place in (f"/statements/{number}/", f"/statements/{number}/verify/")
    ]
    return [
        "/", "/statements/", *of_statement, "/works/", "/works/?search=zzz", "/decisions/",
        "/decisions/new/?decision=opt_out", "/claims/", "/claims/new/", "/account/", "/account/delete/", "/destination/",
        "/account/two-factor/", "/account/sessions/", "/account/tokens/", "/published/", "/verify/",
    ]  # fmt: skip


def measured(client: Any, place: str) -> tuple[float, float, int, float]:
    """Least wall and CPU milliseconds, queries, kilobytes of the page."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        answer = client.get(place)
    assert answer.status_code == 200, (place, answer.status_code)
    times = []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        client.get(place)
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    least, cpu_least = (1000 * min(column) for column in zip(*times, strict=True))
    return least, cpu_least, len(asked), len(answer.content) / 1000


if __name__ == "__main__":
    main()
