import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from revshare.access.models import User
from revshare.audit_trail.operations import Act
from revshare.clock import now
from revshare.contributors.models import Contributor
from revshare.errors import NotAllowed, NotFound, Refused
from revshare.ingest.decisions import decide
from revshare.mail.operations import prefer
from revshare.mail.queries import preference_of
from revshare.mail.rules import OPTIONAL
from revshare.management import base
from revshare.management.report import money
from revshare.payouts.destinations import set_destination
from revshare.payouts.own import own_standings
from revshare.payouts.rules import masked
from revshare.personal.operations import ask_deletion, take_data
from revshare.wording import LANGUAGES

ACTIONS = ("balances", "letters", "data", "ask-deletion", "destination", "opt-out", "opt-in")


class Command(base.Command):
    help = "Do for a contributor what they can do themselves on their pages; it is on record that it came from here."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("contributor", metavar="CONTRIBUTOR")
        parser.add_argument("action", choices=ACTIONS)
        parser.add_argument("--language", choices=["", *LANGUAGES], help="letters: in which language")
        parser.add_argument("--leave", nargs="*", choices=OPTIONAL, help="letters: all the kinds not to send")
        parser.add_argument("--out", type=Path, help="data: the ZIP file to write")
        parser.add_argument("--text", default="", help="ask-deletion: what to say; destination: the bank account")
        parser.add_argument("--asset", default="", help="opt-out, opt-in: one asset (default: all)")
        parser.add_argument("--scope", default="", metavar="VERSION", help="of a dataset version (default: all)")
        parser.add_argument("--by", metavar="USER", help="the contributor's own account")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if not Contributor.objects.filter(pk=options["contributor"]).exists():
            raise NotFound(f"There is no contributor {options['contributor']!r}.")
        action = options["action"].replace("-", "_")
        if action in ("opt_out", "opt_in"):
            return self._decide(options, action)
        done: dict[str, Any] = getattr(self, f"_{action}")(options, options["contributor"])
        return done

    def _act(self, options: dict[str, Any], action: str) -> Act:
        """Nobody decides about somebody else under their own name."""
        by = options["by"]
        if by and not User.objects.filter(username=by, contributor_id=options["contributor"]).exists():
            raise NotAllowed(f"{by} is not the account of {options['contributor']}.")
        return base.acting(by, action)

    def _balances(self, options: dict[str, Any], contributor: str) -> dict[str, Any]:
        rows = []
        for own in own_standings(contributor_id=contributor, today=now().date()):
            account, reasons = own.standing.account, [why.words for why in own.standing.reasons]
            self.say(f"{money(account.available_micros, account.currency)}: {' '.join(reasons) or 'ready to be paid'}")
            rows.append({
                "currency": account.currency, "balance_micros": str(account.available_micros), "reasons": reasons,
                "statement": own.statement,
            })  # fmt: skip
        return {"balances": rows}

    def _letters(self, options: dict[str, Any], contributor: str) -> dict[str, Any]:
        if options["language"] is not None or options["leave"] is not None:
            act = self._act(options, "own_data")
            prefer(contributor_id=contributor, language=options["language"], unwanted=options["leave"], at=act.at)
        wish = preference_of(contributor)
        kept = {"language": wish.language if wish else "", "unwanted": wish.unwanted if wish else []}
        self.say(f"language: {kept['language'] or 'as the browser asks'}; not sent: {json.dumps(kept['unwanted'])}")
        return kept

    def _data(self, options: dict[str, Any], contributor: str) -> dict[str, Any]:
        if options["out"] is None:
            raise Refused("Say with --out where the ZIP file goes.")
        content = take_data(contributor_id=contributor, act=self._act(options, "own_data"))
        options["out"].write_bytes(content)
        self.say(f"{len(content):,} bytes in {options['out']}")
        return {"out": str(options["out"]), "bytes": len(content)}

    def _ask_deletion(self, options: dict[str, Any], contributor: str) -> dict[str, Any]:
        made = ask_deletion(contributor_id=contributor, text=options["text"], act=self._act(options, "own_data"))
        self.say(f"Request {made.pk} waits for a decision.")
        return {"request": made.pk}

    def _destination(self, options: dict[str, Any], contributor: str) -> dict[str, Any]:
        act = self._act(options, "set_destination")
        made = set_destination(contributor_id=contributor, text=options["text"], act=act)
        self.say(f"{masked(made.text)} is used from {made.usable_from:%Y-%m-%d %H:%M} UTC on.")
        return {"destination": masked(made.text), "usable_from": made.usable_from.isoformat()}

    def _decide(self, options: dict[str, Any], decision: str) -> dict[str, Any]:
        made = decide(
            contributor_id=options["contributor"], decision=decision, asset_id=options["asset"],
            scope=options["scope"], through="command", act=self._act(options, "consent"),
        )  # fmt: skip
        self.say(f"Decision {made.pk}: {decision} of {made.asset_id or 'all assets'}, {made.scope or 'everywhere'}.")
        return {"decision": made.pk, "effective_at": made.effective_at.isoformat()}
