"""What a closed cycle is computed from again: its sales, its policy, what its lock fixed, and what was asked for."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from revshare.audit_trail.operations import Act
from revshare.claims.queries import contested
from revshare.consents.queries import DecisionsAt
from revshare.cycles.models import Cycle, Window
from revshare.cycles.queries import Span, carried_before, gathered, pinned_of, range_of, released_by, sources_of
from revshare.errors import NotFound, Refused
from revshare.files.models import Void
from revshare.files.queries import last_arrival
from revshare.files.voiding import voided
from revshare.lab.candidates import registered
from revshare.lab.operations import all_there_is, check_streams
from revshare.manifests.models import Manifest
from revshare.manifests.operations import freeze, sort_out
from revshare.manifests.queries import mixes, models_trained
from revshare.policies.models import Policy
from revshare.policies.rules import parse
from revshare.pools.rules import Pinned
from revshare.pools.sources import Sources, models_followed
from revshare.restatements.late import check_chosen, late_spans, other_files
from revshare.restatements.models import Restatement
from revshare.restatements.queries import posted
from revshare.restatements.rules import Options
from revshare.sales.queries import Range, last_seq, sums_by_target


@dataclass(frozen=True)
class Arrived:
    """What had come by a moment: the last sale and file, and which files were void."""

    upto_seq: int
    upto_arrival: int
    voided: tuple[int, ...]


def arrived() -> Arrived:
    """By now. The caller keeps anything from coming in meanwhile."""
    return Arrived(last_seq(), last_arrival(), tuple(voided()))


@dataclass(frozen=True)
class Basis:
    """`late`: of the ranges those that the restatement itself takes."""

    cycle: Cycle
    policy: Policy
    pinned: Pinned
    ranges: tuple[Range, ...]
    late: tuple[Range, ...] = ()

    @property
    def sources(self) -> Sources:
        sources = sources_of(self.cycle, self.pinned, [self._counting(r) for r in self.ranges])
        return replace(sources, rulebook=parse(self.policy.text))

    def _counting(self, r: Range) -> Range:
        return replace(r, voided=tuple(self.pinned.voided))

    def as_json(self) -> dict[str, Any]:
        return asdict(self.pinned)


def basis_before(cycle: Cycle, restatements: Sequence[Restatement]) -> Basis:
    """What the cycle was computed from, as of these posted restatements of it; the last of them counts."""
    own, policy = pinned_of(cycle), cycle.policy
    if restatements:
        own, policy = Pinned(**restatements[-1].pinned), restatements[-1].policy
    windows = Window.objects.filter(cycle=cycle)
    taken = [*windows.filter(restatement__isnull=True), *windows.filter(restatement__in=restatements)]
    return Basis(cycle, policy, own, tuple(range_of(window, own) for window in taken))


def basis_of(restatement: Restatement) -> Basis:
    """What a restatement was computed from."""
    cycle = restatement.cycle
    before = basis_before(cycle, posted(cycle, before=restatement))
    return replace(
        before, policy=restatement.policy, pinned=Pinned(**restatement.pinned),
        **_with_late(before, restatement.late_spans),
    )  # fmt: skip


def check_options(options: Options) -> None:
    """Raises NotFound and Refused for what these options name, as far as it shows without computing anything."""
    _check_void(options.void)
    check_chosen(options)
    for new in options.manifests.values():
        _with_records(new)


def basis_for(cycle: Cycle, options: Options, arrived: Arrived, act: Act) -> Basis:
    """What a cycle is computed from under these options, on top of the restatements posted so far, of what had arrived
    by a moment. Freezes dataset versions that nobody froze yet. Raises NotFound, Refused, LakeDamaged."""
    before = posted(cycle)
    basis = basis_before(cycle, before)
    if options.policy:
        policy = Policy.objects.get(sha256=options.policy)
        more = all_there_is(cycle)
        pinned = replace(
            basis.pinned, models={**more.models, **basis.pinned.models}, mixes={**more.mixes, **basis.pinned.mixes},
            manifests={**more.manifests, **basis.pinned.manifests},
        )  # fmt: skip
        basis = replace(basis, policy=policy, pinned=pinned)
    if options.void:
        _check_void(options.void)
        void = sorted({*basis.pinned.voided, *options.void})
        basis = replace(basis, pinned=replace(basis.pinned, voided=void))
    if options.late or options.files or options.sales:
        basis = _late(basis, options, arrived)
    # What was replaced before stays so, whatever names the old one again.
    for old, new in [pair for item in before for pair in item.options["manifests"].items()]:
        basis = replace(basis, pinned=_renamed(basis.pinned, old, new, _with_records(new).sha256))
    for old, new in options.manifests.items():
        basis = replace(basis, pinned=_replaced(basis.pinned, old, new))
    _check_streams(basis)
    return _frozen(basis, act)


def _check_void(files: Sequence[int]) -> None:
    known = set(Void.objects.filter(pk__in=files).values_list("pk", flat=True))
    if missing := [file for file in files if file not in known]:
        raise Refused(f"File {missing[0]} is not void: `files void {missing[0]} --reason …` says so first.")


def _late(basis: Basis, options: Options, arrived: Arrived) -> Basis:
    """All that has come, and nothing that is void by then: late sales may be the corrected ones. Or what of it was
    chosen."""
    if options.late:
        own = replace(basis.pinned, upto_arrival=arrived.upto_arrival, voided=list(arrived.voided))
    else:
        own = replace(basis.pinned, also=sorted({*basis.pinned.also, *other_files(options, basis.pinned)}))
    spans = late_spans(basis.cycle, options, arrived.upto_seq, counting=basis.sources.ranges)
    more = replace(basis, pinned=own, **_with_late(basis, spans))
    late = [replace(r, voided=tuple(own.voided)) for r in more.late]
    # Models and datasets that nothing named at the lock may have become known since.
    trained, mixed = models_trained(), mixes()
    named = sums_by_target(late)
    wanted = {item.model for item in named} | models_followed(more.sources)
    if not _over_all(basis) and _over_all(more):
        wanted |= trained.keys()
    models = {model: trained[model] for model in wanted & trained.keys()} | dict(own.models)
    versions = {version for meant in models.values() for version in meant} | {s.dataset_version for s in named}
    there = Manifest.objects.filter(dataset_version__in=versions, part_versions__isnull=False).distinct()
    own = replace(
        own, models=models, mixes={m: mix for m, mix in mixed.items() if m in models} | dict(own.mixes),
        manifests={m.dataset_version: m.sha256 for m in there} | dict(own.manifests),
    )  # fmt: skip
    return replace(more, pinned=own)


def _over_all(basis: Basis) -> bool:
    """Whether anything goes to a pool over all models."""
    sources = basis.sources
    tables = [sources.rulebook.terms_for(item.stream) for item in sums_by_target(sources.ranges)]
    tables += [*sources.rulebook.tables.values()] * bool(basis.pinned.matches or basis.pinned.shared)
    return any(terms is not None and terms.pooling == "single" for terms in tables)


def _with_late(basis: Basis, spans: Sequence[Span]) -> dict[str, Any]:
    late = tuple(Range(basis.cycle.starts_at, basis.cycle.ends_at, *span) for span in spans)
    return {"late": late, "ranges": (*basis.ranges, *late)}


def _replaced(own: Pinned, old: str, new: str) -> Pinned:
    """One dataset version in the place of another, wherever models or sales name that. Raises NotFound, Refused."""
    manifest = _with_records(new)
    if old not in own.manifests:
        raise Refused(f"Dataset version {old!r} is not one that the cycle was computed from.")
    if trained := sorted(model for model, versions in own.models.items() if new in versions):
        raise Refused(f"Model {trained[0]!r} was trained on {new!r} itself: it cannot stand for {old!r} as well.")
    return _renamed(own, old, new, manifest.sha256)


def _with_records(version: str) -> Manifest:
    manifest = Manifest.objects.filter(dataset_version=version, part_versions__isnull=False).first()
    if manifest is None:
        raise NotFound(f"There is no dataset version {version!r} with records: take its attributions in first.")
    return manifest


def _renamed(own: Pinned, old: str, new: str, sha256: str) -> Pinned:
    def named(version: str) -> str:
        return new if version == old else version

    versions = {name: named(meant) for name, meant in own.matches.get("dataset_version", {}).items()}
    return replace(
        own,
        manifests={version: sha for version, sha in own.manifests.items() if version != old} | {new: sha256},
        models={model: [named(version) for version in versions] for model, versions in own.models.items()},
        mixes={model: {named(v): units for v, units in mix.items()} for model, mix in own.mixes.items()},
        classes={version: sha for version, sha in own.classes.items() if version != old},
        matches={**own.matches, "dataset_version": versions | {old: new}},
    )  # fmt: skip


def _check_streams(basis: Basis) -> None:
    streams = {item.stream for item in sums_by_target(basis.sources.ranges)}
    check_streams(basis.cycle, registered(basis.policy), streams)


def _frozen(basis: Basis, act: Act) -> Basis:
    """With the hashes of all manifests that its pools divide by, frozen and sorted out as the policy needs."""
    carried = carried_before(basis.cycle)
    items = gathered(basis.sources, basis.pinned, carried, released_by(basis.cycle, basis.sources, basis.pinned))
    versions = sorted({version for item in items for version in item.versions})
    by_class = parse(basis.policy.text).eligibility.tells_classes_apart
    unfrozen = Manifest.objects.filter(dataset_version__in=versions, frozen_at__isnull=True)
    freeze(
        dataset_versions=sorted(unfrozen.values_list("dataset_version", flat=True)), act=act, decisions=DecisionsAt,
        by_class=by_class,
    )  # fmt: skip
    if by_class:
        sort_out(dataset_versions=versions, act=act, decisions=DecisionsAt)
    new = sorted(set(versions) - pinned_of(basis.cycle).manifests.keys())
    frozen = {m.dataset_version: m for m in Manifest.objects.filter(dataset_version__in=basis.pinned.manifests)}
    own = basis.pinned
    claims = [item for item in own.claims if item["dataset_version"] not in new]
    pinned = replace(
        own,
        # Of those that no pool needs and nobody froze, nothing is known.
        manifests={version: frozen[version].sha256 for version in own.manifests if frozen[version].sha256},
        classes={v: frozen[v].classes_sha256 for v in own.manifests if frozen[v].classes_sha256},
        claims=[*claims, *(item.as_json() for item in contested(new))],
    )  # fmt: skip
    return replace(basis, pinned=pinned)
