"""What of a cycle's dataset versions had been opted out before it was frozen, and is in it all the same."""

from collections import defaultdict
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

from revshare.cycles.models import Cycle
from revshare.cycles.queries import pinned_of
from revshare.manifests.models import Manifest
from revshare.policies.eligibility import EXCLUDE, HOLD, PAY, RecordClass
from revshare.policies.rules import parse

WORDS = {EXCLUDE: _("not counted"), HOLD: _("their money is held"), PAY: _("paid for")}


@dataclass(frozen=True)
class OptedOut:
    """Records of one dataset version that the policy treats alike."""

    dataset_version: str
    records: int
    ticks: int
    treatment: str

    @property
    def words(self) -> str:
        return WORDS.get(self.treatment, self.treatment)


def opted_out_of(cycle: Cycle) -> list[OptedOut]:
    """Of the manifests that the lock fixed, in code-point order; nothing before the lock."""
    eligibility = parse(cycle.policy.text).eligibility
    manifests = Manifest.objects.filter(dataset_version__in=pinned_of(cycle).manifests).exclude(classes=[])
    found = []
    for manifest in manifests.order_by("dataset_version"):
        sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for one, total in zip(manifest.classes, manifest.class_totals, strict=True):
            if one["opted_out"]:
                treatment = eligibility.treatment(RecordClass(**one))
                records, ticks = sums[treatment]
                sums[treatment] = records + total["records"], ticks + total["assets_ticks"]
        found += [
            OptedOut(manifest.dataset_version, records, ticks, treatment)
            for treatment, (records, ticks) in sorted(sums.items())
        ]
    return found
