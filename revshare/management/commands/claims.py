from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from revshare.allocation.releasing import Released, decide, lapse_overdue, release_held
from revshare.claims.operations import USUAL_DAYS, check_not_claimant, file_claim, prove
from revshare.claims.queries import find, with_state
from revshare.management import base
from revshare.money import format_micros

NEEDS = {
    "file": ("claimant", "dataset", "asset"), "prove": ("number",), "uphold": ("number",), "reject": ("number",),
    "release-held": ("contributor",),
}  # fmt: skip


class Command(base.Command):
    help = "Claims on assets: file, prove, uphold or reject one, or list them; release money held for an opt-out."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "file", "prove", "uphold", "reject", "lapse", "release-held"])
        parser.add_argument("number", nargs="?", type=int, metavar="CLAIM", help="a claim's number")
        parser.add_argument("--claimant", metavar="CONTRIBUTOR", help="whose the asset is said to be")
        parser.add_argument("--dataset", metavar="VERSION")
        parser.add_argument("--asset", metavar="ASSET")
        parser.add_argument(
            "--days", type=int, default=USUAL_DAYS, help=f"until the full proof is due (default {USUAL_DAYS})"
        )
        parser.add_argument("--contributor", metavar="CONTRIBUTOR", help="whose held money is released")
        parser.add_argument("--reason", default="", help="the proof, or why")
        parser.add_argument("--by", metavar="USER", help="who does it (decisions: an approver; else: an operator)")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        action = options["action"]
        if missing := [name for name in NEEDS.get(action, ()) if not options[name]]:
            raise CommandError(f"`claims {action}` needs {', '.join(missing)}", returncode=2)
        return getattr(self, f"_{action.replace('-', '_')}")(options)

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        claims: Any = with_state().order_by("pk")
        shown = [described(claim) for claim in claims]
        for item in shown:
            self.say(
                f"{item['claim']}: {item['claimant']} claims {item['asset']} of {item['dataset_version']}: "
                f"{item['state']}, proof due {item['due_at']}"
            )
        if not shown:
            self.say("There are no claims.")
        return {"claims": shown}

    def _file(self, options: dict[str, Any]) -> dict[str, Any]:
        claim = file_claim(
            claimant_id=options["claimant"], dataset_version=options["dataset"], asset_id=options["asset"],
            proof=options["reason"], days=options["days"], act=base.acting(options["by"], "file_claim"),
        )  # fmt: skip
        self.say(f"Claim {claim.pk} is filed: from the next lock on the asset's money is held.")
        return described(find(claim.pk))

    def _prove(self, options: dict[str, Any]) -> dict[str, Any]:
        prove(number=options["number"], evidence=options["reason"], act=base.acting(options["by"], "file_claim"))
        self.say(f"Claim {options['number']} is proven: an approver upholds or rejects it.")
        return described(find(options["number"]))

    def _uphold(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "decide_claim")
        if options["by"]:
            check_not_claimant(number=options["number"], contributor_id=base.person(options["by"]).contributor_id)
        released = decide(number=options["number"], action=options["action"], reason=options["reason"], act=act)
        self.say(f"Claim {options['number']} is {find(options['number']).state}.")
        return described(find(options["number"])) | {"released": self._told(released)}

    _reject = _uphold

    def _lapse(self, options: dict[str, Any]) -> dict[str, Any]:
        lapsed = lapse_overdue(act=base.acting(options["by"], "file_claim"))
        self.say(f"{len(lapsed):,} claims lapsed.")
        return {"lapsed": lapsed}

    def _release_held(self, options: dict[str, Any]) -> dict[str, Any]:
        act = base.acting(options["by"], "release_held")
        released = release_held(contributor_id=options["contributor"], reason=options["reason"], act=act)
        return {"contributor": options["contributor"], "released": self._told(released)}

    def _told(self, released: list[Released]) -> list[dict[str, Any]]:
        for item in released:
            for currency, micros in sorted(item.micros.items()):
                self.say(f"{format_micros(micros, currency)} {currency} of {item.cycle}: journal {item.journal}")
        return [{"cycle": item.cycle, "journal": item.journal, "micros": item.micros} for item in released]


def described(claim: Any) -> dict[str, Any]:
    return {
        "claim": claim.pk, "claimant": claim.claimant_id, "dataset_version": claim.dataset_version,
        "asset": claim.asset_id, "state": claim.state, "filed_at": claim.filed_at.isoformat(),
        "due_at": claim.due_at.isoformat(),
    }  # fmt: skip
