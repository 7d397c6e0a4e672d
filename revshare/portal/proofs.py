"""Pages that prove: what cycles have committed to, for everybody; a statement's proof, for whoever may read it; and the
page that checks one in the browser."""

import json
from collections import Counter
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from revshare.access.models import User
from revshare.errors import NotFound
from revshare.exports.statement_document import Amount, scope_words
from revshare.exports.statement_words import TICKS_PER_ASSET, counted
from revshare.policies.rules import parse
from revshare.policies.terms import ASSETS
from revshare.pools.models import Pool
from revshare.portal.access import find_readable
from revshare.portal.guard import contained, member_page, page_of, scripted
from revshare.proofs.models import Commitment
from revshare.proofs.queries import came_in, commitment_of, pools_of, proof_of
from revshare.signin.links import check_link
from revshare.wording import period

PAGE_SIZE = 60
POOLS = 100
"""So many pools of each currency are on one page."""


@contained
@require_safe
def published(request: HttpRequest) -> HttpResponse:
    """Every cycle that has committed to its statements, latest first. Open to all."""
    rows = Commitment.objects.select_related("cycle").order_by("-cycle__starts_at")
    if (before := request.GET.get("before", "")).isprintable() and before:
        rows = rows.filter(cycle__starts_at__lt=_commitment(before).cycle.starts_at)
    found = list(rows[: PAGE_SIZE + 1])
    items: list[dict[str, Any]] = [
        {"cycle": row.cycle, "sha256": row.sha256, "period": period(row.cycle.starts_on, row.cycle.ends_on)}
        for row in found[:PAGE_SIZE]
    ]
    older = items[-1]["cycle"].key if len(found) > PAGE_SIZE else ""
    key = found[0].public_key if found and not before else ""
    return render(request, "portal/published.html", {"rows": items, "older": older, "public_key": key})


@contained
@require_safe
def published_cycle(request: HttpRequest, key: str) -> HttpResponse:
    """What a cycle committed to, in words and tables. Open to all."""
    commitment = _commitment(key)
    cycle = commitment.cycle
    facts = [line.split("\t") for line in commitment.text.splitlines()]
    pools = pools_of(cycle)
    most = max(Counter(pool.currency for pool in pools).values(), default=0)
    page, pages = page_of(request.GET.get("pools", ""), most, POOLS)
    trees = [_tree(fact, facts, pools, page) for fact in facts if fact[0] == "tree"]
    days = period(cycle.starts_on, cycle.ends_on)
    shown = {
        "commitment": commitment, "cycle": cycle, "period": days, "trees": trees, "page": page, "pages": pages,
        "policy_words": _policy_words(cycle.policy.text),
    }  # fmt: skip
    return render(request, "portal/published_cycle.html", shown)


def _tree(fact: list[str], facts: list[list[str]], pools: list[Pool], page: int) -> dict[str, Any]:
    """A currency of a commitment, for its page."""
    currency = fact[1]
    pools = [pool for pool in pools if pool.currency == currency]
    return {
        "currency": currency, "statements": f"{int(fact[2]):,}", "earned": Amount(int(fact[3]), currency),
        "owed": Amount(int(fact[4]), currency), "root": fact[5], "came_in": Amount(sum(map(came_in, pools)), currency),
        "aside": [
            {"words": bucket_words(line[2]), "amount": Amount(int(line[3]), currency)}
            for line in facts
            if line[0] == "aside" and line[1] == currency
        ],
        "pools": [
            {
                "scope": scope_words(
                    model=pool.model, dataset_version=pool.dataset_version, part=pool.part, table=pool.table
                ),
                "rule": pool.rule, "came_in": Amount(came_in(pool), currency),
                "share": pool.share, "shared": Amount(pool.distributable_micros, currency),
                "per_asset": _per_asset(pool),
                "units": counted(pool.measure, pool.denominator_ticks, currency),
            }
            for pool in pools[(page - 1) * POOLS : page * POOLS]
        ],
    }  # fmt: skip


def _per_asset(pool: Pool) -> Amount | None:
    """What one asset brought of a pool that is divided by assets, cut to a micro."""
    if pool.measure != ASSETS or pool.denominator_ticks == 0:
        return None
    return Amount(pool.distributable_micros * TICKS_PER_ASSET // pool.denominator_ticks, pool.currency)


def _policy_words(text: str) -> list[tuple[str, str]]:
    """The policy in plain language, part by part."""
    return [(name, " ".join(sentences)) for name, sentences in parse(text).sentences.items() if sentences]


def bucket_words(bucket: str) -> str:
    """Where money goes that goes to no contributor."""
    words = {
        "platform": _("kept by the marketplace"),
        "suspense": _("waits: the model or dataset is unknown"),
        "carried": _("a deficit, carried to the next cycle"),
        "commons": _("to the commons fund"),
        "held": _("held while a claim is open or an opt-out stands"),
    }
    return words.get(bucket, bucket)


@contained
@require_safe
def commitment_file(request: HttpRequest, key: str) -> HttpResponse:
    """The text that was signed, byte for byte. Open to all."""
    return _download(_commitment(key).text.encode(), f"{key}.commitment.txt", "text/plain; charset=utf-8")


@contained
@require_safe
def signature_file(request: HttpRequest, key: str) -> HttpResponse:
    """Signature and key of a commitment. Open to all."""
    commitment = _commitment(key)
    facts = {
        "commitment_sha256": commitment.sha256, "algorithm": "Ed25519", "public_key": commitment.public_key,
        "signature": commitment.signature,
    }  # fmt: skip
    return _download(json.dumps(facts, indent=1).encode() + b"\n", f"{key}.signature.json", "application/json")


@scripted
@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """Checks a proof from a file. Open to all."""
    return render(request, "portal/verify.html", {"words": _verify_words()})


@member_page
def statement_proof(request: HttpRequest, number: str) -> HttpResponse:
    """A statement's proof, as a file to keep."""
    reading = find_readable(user=cast(User, request.user), number=number)
    check_link(request)
    try:
        proof = proof_of(reading.statement)
    except NotFound:
        raise Http404 from None
    text = json.dumps(proof, ensure_ascii=False, indent=1) + "\n"
    response = _download(text.encode(), f"{number}.proof.json", "application/json")
    reading.log("proof")
    return response


@scripted
@login_required
@require_safe
def verify_statement(request: HttpRequest, number: str) -> HttpResponse:
    """Checks one's own statement in the browser."""
    reading = find_readable(user=cast(User, request.user), number=number)
    try:
        proof = proof_of(reading.statement)
    except NotFound:
        proof = None
    response = render(request, "portal/verify.html", {"number": number, "proof": proof, "words": _verify_words()})
    reading.log("verify")
    return response


def _verify_words() -> dict[str, str]:
    """What the script of the page says. Why a check fails stays English: it is for whoever looks into it."""
    return {
        "checking": _("Checking …"),
        "adds_up": _("Statement {statement} adds up: {earned} {currency} earned, {owed} owed."),
        "one_of": _("It is one of {count} statements in {currency}, which earned {earned} and are owed {owed} in all."),
        "came_in": _(
            "In {currency} came {all}: what the statements earned, and {aside} that went elsewhere "
            "(platform, suspense, commons, held, carried)."
        ),
        "signed": _("It is signed with the key {key}: compare it with the one that the marketplace publishes."),
        "not_checked": _("The signature was not checked: this browser cannot. The tool verify_statement.py can."),
        "good": _("The statement is what was published, and its amounts are counted in the published totals."),
        "bad": _("Do not rely on this statement: a check did not pass."),
        "wrong": _("Wrong: {why}."),
        "damaged": _("The proof is damaged ({why})."),
    }


def _commitment(key: str) -> Commitment:
    try:
        return commitment_of(key)
    except NotFound:
        raise Http404 from None


def _download(content: bytes, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    return response
