"""A small but complete month, as a program that can be killed anywhere and run again from its first line: files in, a
cycle to its proof, payments to the bank and back, a restatement, exports. Every step finds itself done."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from revshare.audit_trail.operations import Act
from revshare.cycles import operations as cycles
from revshare.cycles.models import Cycle
from revshare.exports.operations import write
from revshare.exports.tables import in_place
from revshare.files import uploads
from revshare.files.models import IngestedFile, Upload
from revshare.lake import sha256_of
from revshare.payouts import operations as payouts
from revshare.payouts.models import PaymentBatch
from revshare.payouts.register import register
from revshare.periods import parse_period
from revshare.policies.operations import find as find_policy
from revshare.policies.operations import register as register_policy
from revshare.restatements import operations as restatements
from revshare.restatements.models import Restatement
from revshare.restatements.rules import Options
from revshare.runs.models import LIVE, Run
from revshare.tasks import perform, request_cycle_step, request_step, wait

AT = datetime(2026, 7, 1, 9, tzinfo=UTC)
SALES = "sale_id,sold_at,stream,model,currency,gross_amount,refund_of\n"
FILES = {
    "contributors": "contributor_id,contributor_name,payee_id\nann,Ann,P-ann\nben,Ben,P-ben\nмира,Mira,P-mira\n",
    "models": "model,dataset_version\nm,ds@1\n",
    "attributions": "dataset_version,asset_id,contributor_id\nds@1,1,ann\nds@1,2,ann\nds@1,3,ben\nds@1,4,мира\n",
    "rates": "date,base,quote,rate,source\n2026-06-10,EUR,USD,1.1,ECB\n2026-06-11,EUR,USD,1.2,ECB\n",
    "sales": SALES + "s1,2026-06-10T00:00:00Z,generation,m,USD,100.01,\ns2,2026-06-11T00:00:00Z,generation,m,EUR,20.00,\n"
    "r1,2026-06-12T00:00:00Z,generation,m,EUR,-5.00,s2\nx1,2026-06-12T00:00:00Z,generation,unknown,USD,7.00,\n",
}  # fmt: skip
LATE = SALES + "s3,2026-06-20T00:00:00Z,generation,m,USD,33.33,\n"
POLICY = """name = "p"
version = "1"
[currency]
pools = "USD"
rate = "day"
[payout]
default_minimum = "1.00"
[streams.default]
contributor_share = "20%"
pooling = "per_model"
allocation = "asset_count"
"""


def by(actor: str) -> Act:
    return Act(actor=actor, at=AT)


def take(kind: str, text: str, actor: str = "olivia") -> None:
    """Hands a file in as a page does, and works on its run as a worker does."""
    path = Path(settings.REVSHARE_HOME) / "in" / f"{hashlib.sha256(text.encode()).hexdigest()[:8]}-{kind}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    digest = sha256_of(path)
    if not IngestedFile.objects.filter(kind=kind, sha256=digest).exists():
        upload = Upload.objects.filter(kind=kind, sha256=digest).first() or uploads.receive(
            kind=kind, name=path.name, chunks=[text.encode()], act=by(actor)
        )
        ended(
            request_step(
                step="ingest", subject=f"upload:{upload.pk}", act=by(actor), request={"upload": upload.pk}, queue=False
            )[0]
        )


def ended(run: Run) -> None:
    """Waits for a run as a command does: takes it over from whoever died with it."""
    over = wait(run.pk, watch=lambda _: None, queue=False)
    assert not over.error, over.error


def files_in() -> None:
    for kind, text in FILES.items():
        take(kind, text)


def cycle_opened() -> None:
    register_policy(content=POLICY.encode(), act=by("olivia"))
    period = parse_period("2026-06-01", "2026-07-01", "Europe/Madrid")
    cycles.open_cycle(key="june", period=period, policy=find_policy("p"), act=by("olivia"))


SOURCES = {"lock": "open", "calculate": "locked", "publish": "approved"}


def stepped(step: str, actor: str, key: str = "june") -> None:
    if Cycle.objects.get(key=key).state == SOURCES[step]:
        ended(request_cycle_step(step=step, key=key, act=by(actor), queue=False)[0])


def reviewed(key: str = "june") -> None:
    cycles.submit(key=key, act=by("olivia"))
    cycles.approve(key=key, act=by("adam"))


def swept(key: str = "june") -> None:
    """What was left to a worker: the proof, and whatever a dead process began."""
    for run in Run.objects.filter(state__in=LIVE):
        ended(run)
    subject = f"proof:{key}"
    if not Run.objects.filter(subject=subject, state="done").exists():
        ended(request_step(step="prove", subject=subject, act=by("adam"), request={"key": key}, queue=False)[0])


def paid() -> None:
    batch = PaymentBatch.objects.order_by("pk").first() or payouts.prepare(currency="USD", act=by("fiona"))
    payouts.approve(batch_id=batch.pk, digest=batch.digest, act=by("adam"))
    batch = payouts.release_to_bank(batch_id=batch.pk, act=by("fiona"))
    in_place(Path(settings.REVSHARE_HOME) / "out" / "register.csv", lambda draft: draft.write_bytes(register(batch)))
    lines = [
        f"{p.payment_key},paid,2026-07-03,bank-{n},\n" for n, p in enumerate(batch.payments.order_by("payment_key"))
    ]
    first = batch.payments.order_by("payment_key")[0].payment_key
    rows = ["payment_key,result,date,reference,reason\n", *lines, f"{first},returned,2026-07-05,bank-back,closed\n"]
    take("payment_results", "".join(rows), "fiona")


def restated() -> None:
    take("sales", LATE)
    made = Restatement.objects.order_by("pk").first() or restatements.draft(
        cycle_key="june", options=Options(late=True), act=by("olivia"), once=True
    )
    restatements.approve(key=made.key, act=by("adam"))
    restatements.post(key=made.key, act=by("fiona"))


def exported() -> None:
    out = Path(settings.REVSHARE_HOME) / "out"
    for kind in ("payouts", "statements", "journal"):
        write(kind=kind, cycle_id=Cycle.objects.get(key="june").pk, format="csv", target=out / f"{kind}.csv")


STEPS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("files", files_in), ("open", cycle_opened), ("lock", lambda: stepped("lock", "olivia")),
    ("calculate", lambda: stepped("calculate", "olivia")), ("review", reviewed),
    ("publish", lambda: stepped("publish", "adam")), ("prove", swept), ("pay", paid), ("restate", restated),
    ("export", exported),
)  # fmt: skip


def play(now_at: Callable[[str], None] = lambda _: None) -> None:
    """The whole month. `now_at` hears where it is."""
    for name, step in STEPS:
        now_at(name)
        step()


def another_policy() -> None:
    """A version of the policy under which contributors would get more."""
    register_policy(content=POLICY.replace('"1"\n[', '"2"\n[').replace("20%", "50%").encode(), act=by("olivia"))


def deliver_again() -> None:
    """As a broker may: every task that there was, once more."""
    for run in Run.objects.order_by("pk"):
        perform(run.pk)


def digests() -> dict[str, Any]:
    """What must be the same whatever happened on the way. The numbers of batches and restatements are not in it: the
    database leaves out a number that a killed transaction had taken."""
    out = Path(settings.REVSHARE_HOME) / "out"
    cycle = Cycle.objects.get(key="june")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account, currency, sum(CASE side WHEN 'C' THEN amount_micros ELSE -amount_micros END)::text "
            "FROM ledger_every_leg GROUP BY 1, 2 ORDER BY 1, 2"
        )
        balances = [list(row) for row in cursor.fetchall()]
        cursor.execute("SELECT action, count(*) FROM audit_event GROUP BY 1 ORDER BY 1")
        events = [list(row) for row in cursor.fetchall()]
        cursor.execute("SELECT kind, count(*) FROM ledger_journal GROUP BY 1 ORDER BY 1")
        journals = [list(row) for row in cursor.fetchall()]
    without_keys = [line.partition(",")[2] for line in (out / "register.csv").read_text().splitlines()]
    return {
        "input": cycle.input_digest, "result": cycle.result_digest, "balances": balances, "journals": journals,
        "events": events, "register": without_keys,
        "runs": list(Run.objects.order_by("step", "state").values_list("step", "state").distinct()),
        **{kind: sha256_of(out / f"{kind}.csv") for kind in ("payouts", "statements", "journal")},
        "scratch": sorted(path.name for path in (settings.REVSHARE_HOME / "spool").glob("*")),
    }  # fmt: skip
