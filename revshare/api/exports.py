"""Downloads for finance, for the credits of a model, for registers of consent."""

from collections.abc import Callable
from pathlib import Path

from django.http import FileResponse, HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request

from revshare.api.access import act_of
from revshare.api.base import Filter, View, described
from revshare.api.files import download
from revshare.audit_trail.operations import record
from revshare.cycles.queries import find
from revshare.cycles.rules import reached
from revshare.errors import Conflict, NotFound
from revshare.exports.operations import EXPORTS, csv_blocks, write
from revshare.exports.registers import write_consents, write_credits
from revshare.exports.tables import CONTENT_TYPES
from revshare.lake import spool

EXTENSION = "csv, xlsx or jsonl."
SAFE = "Text that a spreadsheet would take for a formula has an apostrophe before it, but in JSON Lines."
FILES = {
    (200, content_type): OpenApiResponse(OpenApiTypes.BINARY if name == "xlsx" else OpenApiTypes.STR, "The file.")
    for name, content_type in CONTENT_TYPES.items()
}


def written(write: Callable[[Path], int], name: str, extension: str) -> HttpResponseBase:
    """A file that is written whole before the first byte goes out, so that a refusal can still be said."""
    with spool() as folder:
        path = folder / "export"
        write(path)
        file = path.open("rb")  # stays readable although its folder goes
    headers = {"Content-Disposition": content_disposition_header(True, name) or "attachment"}
    return FileResponse(file, content_type=CONTENT_TYPES[extension], headers=headers)


class Exports(View):
    needs = {"GET": ("export",)}

    @described(
        "cycles_export", "Download a cycle's figures for finance",
        description=f"Once it is calculated. The same cycle gives the same bytes. {SAFE}",
        answers=FILES, refuses=[404, 409, 422],
        paths={"key": "The cycle's key.", "kind": f"One of {', '.join(EXPORTS)}.", "extension": EXTENSION},
    )  # fmt: skip
    def get(self, request: Request, key: str, kind: str, extension: str) -> HttpResponseBase:
        if kind not in EXPORTS:
            raise NotFound(f"There is no export called {kind!r}; there are {', '.join(EXPORTS)}.")
        cycle = find(key)
        if not reached(state=cycle.state, goal="calculated"):
            raise Conflict(f"Cycle {key} is {cycle.state}: there is nothing to export before it is calculated.")
        name = f"{kind}-{key}.{extension}"
        file: HttpResponseBase
        if extension == "csv":
            file = download(csv_blocks(kind=kind, cycle_id=cycle.pk), name, CONTENT_TYPES["csv"])
        else:
            file = written(
                lambda path: write(kind=kind, cycle_id=cycle.pk, format=extension, target=path), name, extension
            )
        detail = {"kind": kind, "format": extension}
        record(act=act_of(request), action="cycle.exported", object=f"cycle:{key}", detail=detail)
        return file


class Credits(View):
    needs = {"GET": ("export",)}

    @described(
        "models_credits", "Download who is in the dataset versions of a model, with how many assets",
        description=f"With the licences and media types that their records name. {SAFE}",
        answers=FILES, refuses=[404, 422], paths={"model": "The model.", "extension": EXTENSION},
    )  # fmt: skip
    def get(self, request: Request, model: str, extension: str) -> HttpResponseBase:
        return written(
            lambda path: write_credits(model=model, format=extension, target=path),
            f"credits-{model}.{extension}", extension,
        )  # fmt: skip


class ConsentsExport(View):
    needs = {"GET": ("export",)}
    filters = {"since": Filter("Only decisions registered from this day on (UTC), such as 2026-06-30.")}

    @described(
        "consents_export", "Download what contributors consent to, as the intake of consents takes it",
        description="In order of registration. As CSV it is refused if a spreadsheet would take a text for a formula; "
        "JSON Lines holds any text as it is.",
        answers=FILES, filters=filters, refuses=[422], paths={"extension": EXTENSION},
    )  # fmt: skip
    def get(self, request: Request, extension: str) -> HttpResponseBase:
        since = self.chosen.get("since", "")
        return written(
            lambda path: write_consents(since=since, format=extension, target=path), f"consents.{extension}", extension
        )
