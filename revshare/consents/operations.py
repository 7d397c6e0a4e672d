"""Consents in, by COPY."""

from datetime import timedelta
from typing import Any

from revshare.consents.models import DECISIONS
from revshare.contributors.operations import except_unknown
from revshare.files.lookalikes import except_lookalikes
from revshare.files.models import IngestedFile
from revshare.files.row_tables import RowTable, except_bad, except_repeats, except_stored, see_stored, store_rows
from revshare.files.rules import FUTURE_DAYS, id_checks, instant_checks, instant_us, reason, text_checks
from revshare.files.work import Work

CONSENTS = RowTable(
    name="consents_consent",
    columns={
        "contributor_id": "contributor_id", "asset_id": "asset_id", "scope": "scope",
        "effective_at": f"make_timestamptz({instant_us('effective_at')})", "decision": "decision", "source": "source",
    },
    types={"effective_at": "TIMESTAMPTZ"},
    key=("asset_id", "scope", "effective_at", "contributor_id"),
    content=("decision",),
)  # fmt: skip


class ConsentIntake:
    """Takes consents files. Where the same was decided for the same instant, the source that was told first stays."""

    kind = "consents"
    numbered = False
    plain = None

    def check(self, work: Work) -> None:
        decisions = ", ".join(f"'{name}'" for name in DECISIONS)
        latest = int((work.act.at + timedelta(days=FUTURE_DAYS)).timestamp()) * 1_000_000
        branches = (
            id_checks("contributor_id", printable=work.printable)
            + id_checks("asset_id", required=False, printable=work.printable)
            + f"WHEN decision NOT IN ({decisions}) THEN {reason('decision_unknown', 'decision')} "
            + instant_checks("effective_at", latest)
            + id_checks("scope", required=False, printable=work.printable)
            + text_checks("source")
        )
        except_bad(work, CONSENTS, branches)
        except_repeats(work, CONSENTS)

    def settle(self, work: Work) -> None:
        except_lookalikes(work, kind="'dataset'", column="scope", table=("manifests_manifest", "dataset_version"))
        except_unknown(work)
        if see_stored(work, CONSENTS, by=CONSENTS.key):
            except_stored(work, CONSENTS)

    def store(self, work: Work, file: IngestedFile) -> dict[str, Any]:
        store_rows(work, CONSENTS, file)
        return {}
