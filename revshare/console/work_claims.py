"""The queue of claims, and of money that is held because its contributors had opted out."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext
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
from revshare.console.queues import Card, Deed, Field, Form, Queue, done, given, shown, step_told
from revshare.console.shown import amount, moment, since, words
from revshare.errors import NotFound
from revshare.money import format_micros
from revshare.wording import whole

RIGHTS = {"prove": "file_claim", "uphold": "decide_claim", "reject": "decide_claim"}


def _found(text: str) -> Q:
    return Q(asset_id=text) | Q(dataset_version=text) | Q(claimant_id=text)


CLAIM_LIST = Listing(
    name="claims", search=gettext_lazy("Asset, dataset version or claimant, whole"), found=_found, orders=NEWEST_FIRST
    | {"due": Order(gettext_lazy("Proof due first"), ("due_at",))},
    columns={
        "claim": lambda row: row.pk, "state": lambda row: row.state, "claimant_id": lambda row: row.claimant_id,
        "dataset_version": lambda row: row.dataset_version, "asset_id": lambda row: row.asset_id,
        "proof": lambda row: row.proof, "filed_at": lambda row: row.filed_at, "filed_by": lambda row: row.filed_by,
        "due_at": lambda row: row.due_at,
    },
)  # fmt: skip
CLAIMS = Queue(
    view="work-claims", title=gettext_noop("Claims"), records="claim", listing=CLAIM_LIST,
    which=gettext_noop("Which claims"), all_records=gettext_noop("All records of claims, to filter, sort and export"),
    empty=gettext_noop(
        "Nobody says that an asset counted for somebody else is theirs. While a claim is open, the money of its "
        "asset is held from the next lock on."
    ),
    tabs={gettext_noop("Open"): OPEN, gettext_noop("Decided"): CLOSED, gettext_noop("All"): ()},
    forms=[
        Form(gettext_noop("File a claim"), "file_claim", gettext_noop("File it"), [
            Field("claimant", gettext_noop("Claimant (the contributor’s id, whole)")),
            Field("dataset_version", gettext_noop("Dataset version")), Field("asset", gettext_noop("Asset")),
            Field("reason", gettext_noop("What speaks for it")),
        ], says=gettext_noop("The full proof is due within %(days)s days, or the claim lapses."),
            told={"days": USUAL_DAYS}),
    ],
)  # fmt: skip


@require_GET
def claims(request: HttpRequest) -> HttpResponseBase:
    rows: Any = with_state().select_related("claimant").prefetch_related("steps")
    return shown(request, CLAIMS, rows, lambda claim: _card(request, claim))


def _card(request: HttpRequest, claim: Any) -> Card:
    at = now()
    late = claim.state == "filed" and claim.due_at < at
    due = moment(claim.due_at)
    if late:
        due = _("%(at)s, overdue: it lapses at the next lock") % {"at": due}
    filed = {"by": claim.filed_by, "ago": since(claim.filed_at, at)}
    title = {"name": claim.claimant.name or claim.claimant_id, "asset": claim.asset_id}
    steps = sorted(claim.steps.all(), key=lambda step: step.pk)
    return Card(
        claim.pk, _("%(name)s claims %(asset)s") % title, claim.state,
        [(_("Claimant"), claim.claimant_id), (_("Dataset version"), claim.dataset_version),
         (_("What speaks for it"), claim.proof), (_("Filed"), _("by %(by)s, %(ago)s") % filed), (_("Proof due"), due)],
        [step_told(step) for step in steps],
        _deeds(request, claim), _note(request, claim),
    )  # fmt: skip


def _deeds(request: HttpRequest, claim: Claim) -> list[Deed]:
    state = claim.state  # type: ignore[attr-defined]
    deeds = []
    if state == "filed" and allowed(request, "file_claim"):
        deeds.append(Deed("prove", _("The proof is there"), _("What the full proof is")))
    if state in OPEN and allowed(request, "decide_claim") and claim.filed_by != person(request).username:
        deeds += [Deed("uphold", _("Uphold"), _("Reason to decide"))] * (state == "proven")
        deeds.append(Deed("reject", _("Reject"), _("Reason to decide"), danger=True))
    return deeds


def _note(request: HttpRequest, claim: Claim) -> str:
    if claim.filed_by == person(request).username and allowed(request, "decide_claim"):
        return _("You filed this claim: another person decides it.")
    return ""


@require_POST
@only("file_claim")
def new_claim(request: HttpRequest) -> HttpResponse:
    def deed(act: Any) -> str:
        claim = file_claim(
            claimant_id=given(request, "claimant"), dataset_version=given(request, "dataset_version"),
            asset_id=given(request, "asset"), proof=given(request, "reason"), act=act,
        )  # fmt: skip
        return _("Claim %(number)s is filed: the money of its asset is held from the next lock on.") % {
            "number": claim.pk,
        }  # fmt: skip

    return done(request, CLAIMS.view, deed)


@require_POST
def move_claim(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    if action not in RIGHTS:
        raise Http404(_("There is no such step."))
    require(request, RIGHTS[action])

    def deed(act: Any) -> str:
        try:
            if action == "prove":
                prove(number=pk, evidence=act.why, act=act)
                return _("Claim %(number)s is proven: an approver decides it.") % {"number": pk}
            released = decide(number=pk, action=action, reason=act.why, act=act)
        except NotFound as error:
            raise Http404(str(error)) from None
        return _decided(pk, action, len(released))

    return done(request, CLAIMS.view, deed)


def _decided(number: int, action: str, journals: int) -> str:
    """That a claim is decided; and by how many journals what was held was released, if by any."""
    said = _("Claim %(number)s is upheld.") if action == "uphold" else _("Claim %(number)s is rejected.")
    said %= {"number": number}
    if journals:
        released = ngettext(
            "%(count)s journal released what was held.", "%(count)s journals released what was held.", journals
        )
        return f"{said} {released % {'count': whole(journals)}}"
    return said


HELD_LIST = Listing(
    name="held", search=gettext_lazy("Contributor’s id or name"), texts=lambda item: (item.contributor_id, item.name),
    orders={
        "contributor": Order(gettext_lazy("By contributor"), lambda item: item.contributor_id),
        "cycles": Order(gettext_lazy("Longest held first"), lambda item: len(item.cycles), descending=True),
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
    if len(keys) <= 3:
        return ", ".join(keys)
    said = {"count": whole(len(keys)), "first": keys[0], "last": keys[-1]}
    return _("%(count)s cycles, %(first)s to %(last)s") % said


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
        {"id": row.contributor_id, "what": row.asset_id or _("all works"), "scope": row.scope or _("everywhere"),
         "decision": words(row.decision), "at": moment(row.effective_at), "source": row.source,
         "ahead": row.effective_at > at}
        for row in Consent.objects.order_by("-pk")[:25]
    ]  # fmt: skip
    return site.page(
        request,
        "work_consents.html",
        title=_("Consents"),
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
        return _("What was held for %(contributor)s of %(cycles)s is theirs; their next statement lists it.") % {
            "contributor": name, "cycles": cycles,
        }  # fmt: skip

    return done(request, "work-consents", deed)
