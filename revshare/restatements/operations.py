"""Restatements drafted, approved by another person, and posted: the only way in which a closed cycle is corrected."""

from typing import Any

from django.db import connection, transaction

from revshare.audit_trail.operations import Act, record
from revshare.cycles.models import Cycle, Window
from revshare.cycles.queries import find as find_cycle
from revshare.cycles.queries import is_taken
from revshare.errors import Conflict, NotAllowed, Refused
from revshare.lake import copy_in
from revshare.locks import Lock, hold
from revshare.progress import Progress, no_progress
from revshare.restatements.inputs import Basis, arrived, basis_for, check_options
from revshare.restatements.lines import NAMES, compared
from revshare.restatements.models import Restatement, RestatementLine, RestatementStep
from revshare.restatements.posting import check_rests, correct, post_differences
from revshare.restatements.queries import digest, digest_of, drafted, find, posted, state
from revshare.restatements.rules import APPROVED, DRAFT, POSTED, Options
from revshare.statements.queries import PUBLISHED


def check(*, cycle_key: str, options: Options) -> None:
    """Raises at once what a draft is refused for, as far as it shows without computing anything: NotFound, Refused."""
    cycle = find_cycle(cycle_key)
    if cycle.state not in PUBLISHED:
        raise Refused(f"Cycle {cycle_key} is {cycle.state}: only a published cycle is restated.")
    if options == Options():
        raise Refused(
            "Say what is to be different: --late, --late-file FILE, --late-sale ID, --void FILE, "
            "--manifest OLD=NEW or --policy NAME."
        )
    check_options(options)


def draft(
    *, cycle_key: str, options: Options, act: Act, progress: Progress = no_progress, once: bool = False
) -> Any:  # fmt: skip
    """Computes a published cycle again and keeps what comes out differently, against the cycle and what was posted of
    it so far. Nothing is posted. Files come in meanwhile, and count for nothing. `once`: if this act has drafted it
    already, that one.

    Raises NotFound, LakeDamaged; Refused for cycles that are not published, for options that say nothing or cannot be,
    and where money that somebody got already would have waited.
    """
    progress("inputs", 0, 0)
    with transaction.atomic():
        hold(Lock.INTAKE)
        now = arrived()
    with transaction.atomic():
        cycle = find_cycle(cycle_key)
        hold(Lock.CYCLE, cycle.pk)
        hold(Lock.CALCULATION)
        if once and (done := drafted(cycle, options, act)):
            return find(done.key)
        check(cycle_key=cycle_key, options=options)
        basis = basis_for(cycle, options, now, act)
        progress("lines", 0, 0)
        made = _computed(basis, options, act)
    return find(made.key)


def _computed(basis: Basis, options: Options, act: Act) -> Restatement:
    cycle = basis.cycle
    known = posted(cycle)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('restatements_restatement', 'id'))")
        (pk,) = cursor.fetchone()
    with compared(basis, [item.pk for item in known]) as con:
        copy_in(
            con,
            f"SELECT * REPLACE (nullif(contributor_id, '') AS contributor_id), {pk} FROM line ORDER BY {NAMES}",
            table=RestatementLine._meta.db_table, columns=f"{NAMES}, old_micros, new_micros, restatement_id",
        )  # fmt: skip
        totals: dict[str, dict[str, list[int]]] = {}
        for currency, bucket, old, new in con.execute("SELECT * FROM total ORDER BY ALL").fetchall():
            totals.setdefault(currency, {})[bucket] = [int(old), int(new)]
    check_rests(cycle, pk)
    made = _keep(pk, basis, options, totals, known[-1] if known else None, act)
    record(
        act=act, action="restatement.draft", object=f"restatement:{made.key}",
        detail={"words": made.words, "digest": made.digest, "options": made.options},
    )  # fmt: skip
    return made


def _keep(
    pk: int, basis: Basis, options: Options, totals: dict[str, Any], base: Restatement | None, act: Act
) -> Restatement:
    late = [(r.after_seq, r.upto_seq) for r in basis.late]
    after, upto = late[0] if len(late) == 1 else (None, None)
    asked, pinned = options.as_json(), basis.as_json()
    hashed = digest(
        restatement_id=pk, cycle=basis.cycle.key, base=base.digest if base else "", policy=basis.policy.sha256,
        options=asked, pinned=pinned, late=late, totals=totals,
    )  # fmt: skip
    return Restatement.objects.create(
        pk=pk, cycle=basis.cycle, number=Restatement.objects.filter(cycle=basis.cycle).count() + 1, base=base,
        words=options.words(str(basis.policy)), options=asked, policy=basis.policy, pinned=pinned, after_seq=after,
        upto_seq=upto, ranges=late if len(late) > 1 else [], totals=totals, digest=hashed, drafted_at=act.at,
        drafted_by=act.actor,
    )  # fmt: skip


@transaction.atomic
def approve(*, key: str, act: Act, digest: str = "") -> Any:
    """A second person releases a draft, bound to its digest (`digest`: the one that was on the screen).

    Raises NotFound; NotAllowed for whoever drafted it (whose money it moves, the skin knows: `check_not_payee`);
    Conflict if it is superseded, or another than it was; Refused if it changes nothing.
    """
    found = _held(key)
    now = state(found)
    if now in (APPROVED, POSTED):
        return found
    _check_current(found, now, DRAFT, "approve")
    if act.actor == found.drafted_by:
        raise NotAllowed(f"{act.actor} drafted restatement {key}: another person has to approve it.")
    _check_digest(found, digest)
    _check_moves(found)
    RestatementStep.objects.create(restatement=found, action="approve", digest=found.digest, at=act.at, by=act.actor)
    record(act=act, action="restatement.approve", object=f"restatement:{key}", detail={"digest": found.digest})
    return find(key)


@transaction.atomic
def post(*, key: str, act: Act) -> RestatementStep:
    """Posts what an approved restatement changes, once: a second call returns the first one's.

    Raises NotFound; Conflict if it is not approved, superseded, another than it was, or its late sales were taken by a
    cycle meanwhile; Refused while a cycle is locked and not calculated.
    """
    found = _held(key)
    cycle = found.cycle
    if done := RestatementStep.objects.filter(restatement=found, action="post").first():
        return done
    _check_current(found, state(found), APPROVED, "post")
    _check_digest(found, "")
    _check_moves(found)
    # A cycle reads what earlier ones carry and hold back from its lock on.
    if begun := Cycle.objects.filter(state="locked").first():
        raise Refused(f"Cycle {begun.key} is locked and not calculated yet: calculate it first.", code="cycle_begun")
    check_rests(cycle, found.pk)
    journal = post_differences(restatement=found, act=act)
    correct(restatement=found, journal=journal)
    if any(is_taken(cycle, span) for span in found.late_spans):
        raise Conflict(f"The late sales of restatement {key} are in another cycle by now: draft it again.")
    Window.objects.bulk_create(
        Window(
            cycle=cycle, starts_at=cycle.starts_at, ends_at=cycle.ends_at, after_seq=after, upto_seq=upto, late=True,
            restatement=found,
        )
        for after, upto in found.late_spans
    )  # fmt: skip
    step = RestatementStep.objects.create(
        restatement=found, action="post", digest=found.digest, journal=journal, at=act.at, by=act.actor
    )
    record(
        act=act, action="restatement.post", object=f"restatement:{key}",
        detail={"digest": found.digest, "journal": journal.seq},
    )  # fmt: skip
    return step


def _held(key: str) -> Any:
    """A restatement, with all locks that keep what it goes by from changing. Raises NotFound."""
    hold(Lock.CYCLE, find(key).cycle_id)
    hold(Lock.CALCULATION)
    hold(Lock.INTAKE)
    return find(key)


def check_not_payee(restatement: Restatement, contributor_id: str | None) -> None:
    """Raises NotAllowed if it moves this contributor's money: nobody approves their own."""
    if contributor_id and restatement.lines.filter(contributor_id=contributor_id).exists():
        raise NotAllowed(
            f"Restatement {restatement.key} moves money of {contributor_id}: another person has to approve it."
        )


def _check_current(restatement: Restatement, now: str, wanted: str, action: str) -> None:
    if now != wanted:
        raise Conflict(
            f"Restatement {restatement.key} is {now}: to {action} it, it must be {wanted}."
            + (" Another one of the cycle was posted since: draft it again." if now == "superseded" else "")
        )


def _check_digest(restatement: Restatement, seen: str) -> None:
    if (seen and seen != restatement.digest) or digest_of(restatement) != restatement.digest:
        raise Conflict(f"Restatement {restatement.key} does not have the digest that was looked at: look at it again.")


def _check_moves(restatement: Restatement) -> None:
    if not restatement.lines.exists():
        raise Refused(
            f"Restatement {restatement.key} changes nothing: the cycle comes out as it is.", code="nothing_changed"
        )
