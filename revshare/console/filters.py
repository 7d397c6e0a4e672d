"""Filters that ask small tables for their choices, never the table that is filtered."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revshare.access.rules import ROLES
from revshare.claims.rules import CLOSED, OPEN
from revshare.console.record_words import choice
from revshare.console.shown import role as role_words
from revshare.console.shown import words
from revshare.cycles.models import Cycle
from revshare.cycles.queries import ranges_of
from revshare.files.models import QuarantinedRow
from revshare.files.reasons import QUARANTINE
from revshare.ledger.models import Journal
from revshare.manifests.models import Manifest
from revshare.pools.models import Pool
from revshare.recoupments.rules import ASKED, BOOKED

SHOWN_CYCLES = 36
Choices = list[tuple[str, str]]


class CycleFilter(SimpleListFilter):
    """`?cycle=<id>`, by the column of the cycle."""

    title = gettext_lazy("cycle")
    parameter_name = "cycle"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(pk), key) for pk, key in Cycle.objects.values_list("pk", "key")[:SHOWN_CYCLES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        return self.of(queryset, int(value)) if value.isascii() and value.isdigit() else queryset.none()

    def of(self, queryset: QuerySet[Any], cycle_id: int) -> QuerySet[Any]:
        return queryset.filter(cycle_id=cycle_id)


class CycleOfPools(CycleFilter):
    """Allocations by their pools, which have an index."""

    def of(self, queryset: QuerySet[Any], cycle_id: int) -> QuerySet[Any]:
        return queryset.filter(pool__in=list(Pool.objects.filter(cycle_id=cycle_id).values_list("pk", flat=True)))


class CycleOfLegs(CycleFilter):
    def of(self, queryset: QuerySet[Any], cycle_id: int) -> QuerySet[Any]:
        return queryset.filter(journal__in=list(Journal.objects.filter(cycle_id=cycle_id).values_list("pk", flat=True)))


class CycleOfSales(CycleFilter):
    """The sales that a cycle closed over; of an open cycle, those dated in its period so far."""

    def of(self, queryset: QuerySet[Any], cycle_id: int) -> QuerySet[Any]:
        cycle = Cycle.objects.filter(pk=cycle_id).first()
        if cycle is None:
            return queryset.none()
        if cycle.state == "open":
            return queryset.filter(sold_at__gte=cycle.starts_at, sold_at__lt=cycle.ends_at)
        within = Q(pk__in=[])
        for r in ranges_of(cycle):
            within |= Q(sold_at__gte=r.starts_at, sold_at__lt=r.ends_at, seq__gt=r.after_seq, seq__lte=r.upto_seq)
        return queryset.filter(within)


class KindOfSale(SimpleListFilter):
    title = gettext_lazy("kind")
    parameter_name = "is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("sale", _("Sale")), ("refund", _("Refund")), ("unlinked", _("Refund that names no sale"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "sale":
                return queryset.filter(refund_of="", gross_micros__gte=0)
            case "refund":
                return queryset.exclude(refund_of="")
            case "unlinked":
                return queryset.filter(refund_of="", gross_micros__lt=0)
        return queryset


class CurrencyFilter(SimpleListFilter):
    """Currencies that there are pools in."""

    title = gettext_lazy("currency")
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        codes = Pool.objects.order_by("currency").values_list("currency", flat=True).distinct()
        return [(code, code) for code in codes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(currency=self.value()) if self.value() else queryset


class ManifestFilter(SimpleListFilter):
    """One manifest at a time, whose weights lie together; the latest if none is chosen."""

    title = gettext_lazy("manifest")
    parameter_name = "manifest"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        manifests = Manifest.objects.exclude(weights_sha256="").order_by("-pk")
        return [(str(pk), name) for pk, name in manifests.values_list("pk", "dataset_version")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Without "All"."""
        return islice(super().choices(changelist), 1, None)

    def value(self) -> str | None:
        chosen = super().value()
        known = [key for key, _name in self.lookup_choices]
        return chosen if chosen in known else next(iter(known), None)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(manifest=int(self.value() or 0))


class StateOfRow(SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(value), choice(str(label))) for value, label in QuarantinedRow.State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class Standing(SimpleListFilter):
    """By the state that comes of the last step: `?standing=`. Of what, says `states`."""

    title = gettext_lazy("state")
    parameter_name = "standing"
    states: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(state, str(capfirst(words(state)))) for state in self.states]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class StandingOfClaim(Standing):
    states = (*OPEN, *CLOSED)


class StandingOfDebt(Standing):
    states = (ASKED, BOOKED, "declined", "written_off")


class RoleFilter(SimpleListFilter):
    title = gettext_lazy("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(role, str(capfirst(role_words(role)))) for role in ROLES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(roles__contains=[self.value()]) if self.value() else queryset


class ReasonFilter(SimpleListFilter):
    """By the code, or by code and column as the quarantine page links it."""

    title = gettext_lazy("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(code, _(meaning)) for code, meaning in QUARANTINE.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(reason=value) if "@" in value else queryset.filter(reason__startswith=f"{value}@")


class FileFilter(SimpleListFilter):
    """`?file=<id>`: comes by links only, so it offers the file that is chosen and no others."""

    title = gettext_lazy("file")
    parameter_name = "file"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, _("File %(number)s") % {"number": chosen})] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(file_id=int(value)) if value.isascii() and value.isdigit() else queryset
