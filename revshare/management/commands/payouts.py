from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from revshare.clock import now
from revshare.errors import Refused
from revshare.files.formats import PAYMENT_RESULTS
from revshare.ingest.operations import ingest
from revshare.management import base
from revshare.management.commands.ingest import describe as describe_file
from revshare.management.commands.ingest import sentence
from revshare.money import format_micros
from revshare.payouts import operations as payouts
from revshare.payouts.models import Hold, PaymentBatch
from revshare.payouts.queries import find_batch, standings
from revshare.payouts.register import register
from revshare.payouts.rules import Standing, major_text

NEEDS = {
    "prepare": ("currency",), "approve": ("batch", "digest"), "export": ("batch", "out"), "cancel": ("batch",),
    "results": ("file",), "hold": ("contributor", "reason"), "release": ("hold", "reason"),
    "pay-in": ("contributor", "reason"),
}  # fmt: skip


class Command(base.Command):
    help = "What is payable and why not yet; batches of payments: prepare, approve, export, book the bank's results."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["why", "list", *NEEDS])
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="results: what the bank says")
        parser.add_argument("--by", metavar="USER", help="who does it (finance; an approver approves)")
        parser.add_argument("--currency", default="", metavar="CODE", help="pay-in: none for that of each balance")
        parser.add_argument("--contributor", default="", metavar="ID")
        parser.add_argument("--batch", type=int, metavar="ID")
        parser.add_argument("--digest", default="", help="approve: the digest that was looked at")
        parser.add_argument("--out", type=Path, metavar="FILE.csv", help="export: where to write the register")
        parser.add_argument("--hold", type=int, metavar="ID")
        parser.add_argument("--reason", default="", help="hold, release: why; pay-in: who asked for it, and how")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        action = options["action"]
        if missing := [name for name in NEEDS.get(action, ()) if not options[name]]:
            wanted = ", ".join(name.upper() if name == "file" else f"--{name}" for name in missing)
            raise CommandError(f"payouts {action} needs {wanted}", returncode=2)
        return getattr(self, f"_{action.replace('-', '_')}")(options)

    def _why(self, options: dict[str, Any]) -> dict[str, Any]:
        base.acting(options["by"], "browse")
        chosen = [options["contributor"]] if options["contributor"] else None
        found = standings(today=now().date(), currency=options["currency"], contributor_ids=chosen)
        for item in found:
            self.say(_line(item))
        if not found:
            self.say("No published balance.")
        return {"accounts": [describe_standing(item) for item in found]}

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        base.acting(options["by"], "browse")
        batches = [describe(batch) for batch in PaymentBatch.objects.select_related("cycle")]
        for batch in batches:
            self.say(_batch_line(batch))
        return {"batches": batches}

    def _prepare(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "prepare_payouts")
        return self._told(payouts.prepare(currency=options["currency"], act=act, progress=self.progress))

    def _approve(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "approve_payouts")
        if options["by"] is not None:
            payouts.check_not_payee(find_batch(options["batch"]), base.person(options["by"]).contributor_id)
        return self._told(payouts.approve(batch_id=options["batch"], digest=options["digest"], act=act))

    def _cancel(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "prepare_payouts", why=options["reason"])
        return self._told(payouts.cancel(batch_id=options["batch"], act=act))

    def _export(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "export_payouts")
        batch = payouts.release_to_bank(batch_id=options["batch"], act=act)
        target: Path = options["out"]
        draft = target.with_name(f"{target.name}.part")
        try:
            draft.write_bytes(register(batch))
            draft.replace(target)
        except OSError as error:
            raise Refused(f"Cannot write {target}: {error.strerror}.") from None
        return self._told(batch) | {"path": str(target)}

    def _results(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "book_payments")
        report = ingest(kind=PAYMENT_RESULTS, path=options["file"], act=act, progress=self.progress)
        result = describe_file(report.file) | {"no_op": report.seen_before, **report.facts}
        self.say("These bytes are in already; nothing was done." if report.seen_before else sentence(result))
        return result

    def _hold(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "hold_payouts", why=options["reason"])
        held = payouts.place_hold(contributor_id=options["contributor"], currency=options["currency"], act=act)
        self.say(f"Hold {held.pk}: nobody pays {held.contributor_id} in {held.currency or 'any currency'}.")
        return describe_hold(held)

    def _release(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "hold_payouts", why=options["reason"])
        held = payouts.release_hold(hold_id=options["hold"], act=act)
        self.say(f"Hold {held.pk} on {held.contributor_id} is released.")
        return describe_hold(held)

    def _pay_in(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "set_payout_currency", why=options["reason"])
        made = payouts.set_currency(contributor_id=options["contributor"], currency=options["currency"], act=act)
        self.say(f"{made.contributor_id} is paid in {made.currency or 'the currency of each balance'} from now on.")
        return {"contributor_id": made.contributor_id, "currency": made.currency}

    def _told(self, batch: PaymentBatch) -> dict[str, Any]:
        result = describe(batch)
        self.say(_batch_line(result))
        return result


def describe(batch: PaymentBatch) -> dict[str, Any]:
    return {
        "batch": batch.pk, "currency": batch.currency, "cycle": batch.cycle.key, "state": batch.state,
        "payments": batch.payments_count, "total": major_text(batch.total_minor, batch.currency),
        "total_minor": batch.total_minor, "digest": batch.digest, "prepared_by": batch.prepared_by,
        "approved_by": batch.approved_by,
    }  # fmt: skip


def describe_hold(held: Hold) -> dict[str, Any]:
    return {"hold": held.pk, "contributor_id": held.contributor_id, "currency": held.currency}


def describe_standing(item: Standing) -> dict[str, Any]:
    account = item.account
    return {
        "contributor_id": account.contributor_id, "currency": account.currency,
        "balance_micros": account.available_micros, "payable_minor": item.payable_minor,
        "pays_in": item.pays_in, "reasons": [vars(why) for why in item.reasons],
        "notes": [vars(note) for note in item.notes], "shortfall_micros": item.shortfall_micros,
        "projected_on": item.projected_on and item.projected_on.isoformat(),
    }  # fmt: skip


def _line(item: Standing) -> str:
    account = item.account
    text = f"{account.contributor_id}: {format_micros(account.available_micros, account.currency)} {account.currency}, "
    notes = "".join(f" {note.words}" for note in item.notes)
    if item.payable_minor:
        other = "" if item.pays_in == account.currency else f" {item.pays_in}"
        return f"{text}payable {major_text(item.payable_minor, item.pays_in)}{other}{'.' * bool(notes)}{notes}"
    date = f" By its last cycles it gets there on {item.projected_on}." if item.projected_on else ""
    return f"{text}not yet: {' '.join(why.words for why in item.reasons)}{date}{notes}"


def _batch_line(batch: dict[str, Any]) -> str:
    return (
        f"Batch {batch['batch']} is {batch['state']}: {batch['payments']:,} payments, {batch['total']} "
        f"{batch['currency']} of cycle {batch['cycle']}; digest {batch['digest']}"
    )
