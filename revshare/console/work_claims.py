"""The queue of claims, and of money that is held because its contributors had opted out."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_GET, require_POST

from revshare.allocation.held import held_for_opt_outs
from revshare.allocation.releasing import decide, release_held
from revshare.claims.models import Claim
from revshare.claims.operations import USUAL_DAYS, file_claim, prove
from revshare.claims.queries import with_state
from revshare.claims.rules import CLOSED, OPEN
from revshare.clock import now
from revshare.consents.models import Consent
from revshare.console.base import site
from revshare.console.doors import allowed, only, person, require
from revshare.console.lists import NEWEST_FIRST, Listing, Order, Seen, answer
from revshare.console.queues import Card, Deed, Field, Form, Queue, done, given, shown
from revshare.console.shown import amount, moment, since
from revshare.errors import NotFound
from revshare.money import format_micros

RIGHTS = {"prove": "file_claim", "uphold": "decide_claim", "reject": "decide_claim"}


def _found(text: str) -> Q:
    return Q(asset_id=text) | Q(dataset_version=text) | Q(claimant_id=text)


CLAIM_LIST = Listing(
    name="claims", search="Asset, dataset version or claimant, whole", found=_found, orders=NEWEST_FIRST
    | {"due": Order("Proof due first", ("due_at",))},
    columns={
        "claim": lambda row: row.pk, "state": lambda row: row.state, "claimant_id": lambda row: row.claimant_id,
        "dataset_version": lambda row: row.dataset_version, "asset_id": lambda row: row.asset_id,
        "proof": lambda row: row.proof, "filed_at": lambda row: row.filed_at, "filed_by": lambda row: row.filed_by,
        "due_at": lambda row: row.due_at,
    },
)  # fmt: skip
CLAIMS = Queue(
    view="work-claims", title="Claims", records="claim", listing=CLAIM_LIST,
    empty="Nobody says that an asset counted for somebody else is theirs. While a claim is open, the money of its "
    "asset is held from the next lock on.",
    tabs={"Open": OPEN, "Decided": CLOSED, "All": ()},
    forms=[
        Form("File a claim", "file_claim", "File it", [
            Field("claimant", "Claimant (the contributor’s id, whole)"), Field("dataset_version", "Dataset version"),
            Field("asset", "Asset"), Field("reason", "What speaks for it"),
        ], says=f"The full proof is due within {USUAL_DAYS} days, or the claim lapses."),
    ],
)  # fmt: skip


@require_GET
def claims(request: HttpRequest) -> HttpResponseBase:
    rows: Any = with_state().select_related("claimant").prefetch_related("steps")
    return shown(request, CLAIMS, rows, lambda claim: _card(request, claim))


def _card(request: HttpRequest, claim: Any) -> Card:
    at = now()
    late = claim.state == "filed" and claim.due_at < at
    due = f"{moment(claim.due_at)}{', overdue: it lapses at the next lock' if late else ''}"
    steps = sorted(claim.steps.all(), key=lambda step: step.pk)
    return Card(
        claim.pk, f"{claim.claimant.name or claim.claimant_id} claims {claim.asset_id}", claim.state,
        [("Claimant", claim.claimant_id), ("Dataset version", claim.dataset_version),
         ("What speaks for it", claim.proof),
         ("Filed", f"by {claim.filed_by}, {since(claim.filed_at, at)}"), ("Proof due", due)],
        [f"{step.target} by {step.by}, {moment(step.at)}: “{step.text}”" for step in steps],
        _deeds(request, claim), _note(request, claim),
    )  # fmt: skip


def _deeds(request: HttpRequest, claim: Claim) -> list[Deed]:
    state = claim.state  # type: ignore[attr-defined]
    deeds = []
    if state == "filed" and allowed(request, "file_claim"):
        deeds.append(Deed("prove", "The proof is there", "What the full proof is"))
    if state in OPEN and allowed(request, "decide_claim") and claim.filed_by != person(request).username:
        deeds += [Deed("uphold", "Uphold", "Reason to decide")] * (state == "proven")
        deeds.append(Deed("reject", "Reject", "Reason to decide", danger=True))
    return deeds


def _note(request: HttpRequest, claim: Claim) -> str:
    if claim.filed_by == person(request).username and allowed(request, "decide_claim"):
        return "You filed this claim: another person decides it."
    return ""


@require_POST
@only("file_claim")
def new_claim(request: HttpRequest) -> HttpResponse:
    def deed(act: Any) -> str:
        claim = file_claim(
            claimant_id=given(request, "claimant"), dataset_version=given(request, "dataset_version"),
            asset_id=given(request, "asset"), proof=given(request, "reason"), act=act,
        )  # fmt: skip
        return f"Claim {claim.pk} is filed: the money of its asset is held from the next lock on."

    return done(request, CLAIMS.view, deed)


@require_POST
def move_claim(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    if action not in RIGHTS:
        raise Http404("There is no such step.")
    require(request, RIGHTS[action])

    def deed(act: Any) -> str:
        try:
            if action == "prove":
                prove(number=pk, evidence=act.why, act=act)
                return f"Claim {pk} is proven: an approver decides it."
            released = decide(number=pk, action=action, reason=act.why, act=act)
        except NotFound as error:
            raise Http404(str(error)) from None
        many = f" {len(released)} journal{'s' if len(released) > 1 else ''} released what was held." if released else ""
        return f"Claim {pk} is {'upheld' if action == 'uphold' else 'rejected'}.{many}"

    return done(request, CLAIMS.view, deed)


HELD_LIST = Listing(
    name="held", search="Contributor’s id or name", texts=lambda item: (item.contributor_id, item.name),
    orders={
        "contributor": Order("By contributor", lambda item: item.contributor_id),
        "cycles": Order("Longest held first", lambda item: len(item.cycles), descending=True),
    },
    columns={
        "contributor_id": lambda item: item.contributor_id, "contributor_name": lambda item: item.name,
        "cycles": lambda item: "; ".join(item.cycles),
        "amounts": lambda item: "; ".join(
            f"{format_micros(micros, code)} {code}" for code, micros in item.micros.items()
        ),
    },
)  # fmt: skip


def _span(keys: list[str]) -> str:
    """A few cycles by name, many by the first and the last."""
    return ", ".join(keys) if len(keys) <= 3 else f"{len(keys)} cycles, {keys[0]} to {keys[-1]}"


@require_GET
def consents(request: HttpRequest) -> HttpResponseBase:
    """What is held for contributors who had opted out, and the latest decisions."""
    seen = answer(request, HELD_LIST, held_for_opt_outs())
    if not isinstance(seen, Seen):
        return seen
    held = [
        {"id": item.contributor_id, "name": item.name, "cycles": _span(item.cycles),
         "amounts": [amount(micros, code) for code, micros in item.micros.items()]}
        for item in seen.rows
    ]  # fmt: skip
    at = now()
    latest = [
        {"id": row.contributor_id, "what": row.asset_id or "all works", "scope": row.scope or "everywhere",
         "decision": row.decision.replace("_", " "), "at": moment(row.effective_at), "source": row.source,
         "ahead": row.effective_at > at}
        for row in Consent.objects.order_by("-pk")[:25]
    ]  # fmt: skip
    return site.page(
        request,
        "work_consents.html",
        title="Consents",
        held=held,
        list=seen,
        latest=latest,
        may_release=allowed(request, "release_held"),
        may_export=allowed(request, "export"),
    )


@require_POST
@only("release_held")
def release(request: HttpRequest) -> HttpResponse:
    def deed(act: Any) -> str:
        name = given(request, "contributor")
        released = release_held(contributor_id=name, reason=act.why, act=act)
        cycles = ", ".join(item.cycle for item in released)
        return f"What was held for {name} of {cycles} is theirs; their next statement lists it."

    return done(request, "work-consents", deed)
