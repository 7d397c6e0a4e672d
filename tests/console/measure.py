"""What the console's pages cost on an instance: `REVSHARE_HOME=… python -m tests.console.measure [CYCLE [OPEN-CYCLE]]`
prints a table. Each page is asked for once to warm up, then seven times; the least of them counts."""

import gzip
import sys
import time

from config.instance import prepare

PREPARE = "payouts/prepare/?currency={currency}"  # of finance; all others of an operator
PAGES = (
    "", "upload/", "quarantine/", "quarantine/rows/", "suspense/", "work/claims/", "work/consents/", "work/debts/",
    "jobs/", "audit/", "search/?q=Turner", "search/?q=TATE-00558", "restatements/", "deficits/", "policies/register/",
    "cycles/open/", "payouts/", PREPARE, "payouts/1/", "downloads/", "cycle/{cycle}/", "cycle/{open}/", "cycle/{cycle}/lab/",
    "revshare/contributor/", "revshare/sale/", "revshare/statement/", "revshare/leg/", "revshare/weight/",
    "restatements/1/", "files/1/", "revshare/allocation/", "revshare/payment/", "revshare/event/", "revshare/cycle/",
)  # fmt: skip
ROUNDS = 7


def main(arguments: list[str]) -> None:
    prepare()
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from revshare.cycles.models import Cycle
    from revshare.ledger.models import AccountControl
    from revshare.signin.middleware import FACTOR

    settings.ALLOWED_HOSTS = ["testserver"]
    keys = arguments or list(Cycle.objects.order_by("-starts_at").values_list("key", flat=True)[1:2])
    largest = AccountControl.objects.order_by("-accounts").first()
    names = {"cycle": keys[0], "open": keys[-1], "currency": largest.currency if largest else ""}

    def signed_in(role: str) -> Client:
        client = Client()
        client.force_login(get_user_model().objects.filter(roles__contains=[role]).first())
        session = client.session
        session[FACTOR] = True  # nobody is there to show one
        session.save()
        return client

    operator, finance = signed_in("operator"), signed_in("finance")
    print("| page | server, ms | CPU, ms | queries | kB, compressed |\n|---|--:|--:|--:|--:|")
    for page in PAGES:
        path = "/console/" + page.format(**names)
        client = finance if page == PREPARE else operator
        client.get(path)
        walls, cpus = [], []
        for _ in range(ROUNDS):
            with CaptureQueriesContext(connection) as asked:
                wall, cpu = time.perf_counter(), time.process_time()
                answer = client.get(path)
                walls.append(time.perf_counter() - wall)
                cpus.append(time.process_time() - cpu)
        kilobytes = len(gzip.compress(answer.content)) / 1000
        said = "" if answer.status_code == 200 else f" ({answer.status_code})"
        print(
            f"| `/console/{page.format(**names)}`{said} | {min(walls) * 1000:.0f} | {min(cpus) * 1000:.0f} "
            f"| {len(asked)} | {kilobytes:.0f} |"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
