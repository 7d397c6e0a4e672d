"""Records of what was made of it: cycles, pools, allocations, the ledger, statements, runs, the audit trail."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.views import ChangeList

from revshare.access.rules import leaves_trace
from revshare.allocation.models import Allocation
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import record
from revshare.console.base import site
from revshare.console.doors import acting, person
from revshare.console.filters import CurrencyFilter, CycleFilter, CycleOfLegs, CycleOfPools
from revshare.console.records import BulkAdmin, RecordAdmin
from revshare.console.seeking import Seek, SeekList, Slice, by_key
from revshare.console.shown import NOTHING, amount, badge, digest, in_english, link, units
from revshare.console.stages_in import pretty
from revshare.cycles.models import Cycle, Window
from revshare.exports.statement_document import movement_words
from revshare.ledger.models import Journal, Leg, NamedLeg
from revshare.ledger.pages import contributor_legs, entry_legs, find_leg, named_legs
from revshare.ledger.places import OnRollOf
from revshare.ledger.queries import PAYABLE
from revshare.pools.models import Pool
from revshare.runs.models import Run
from revshare.statements.models import Statement
from revshare.statements.pages import Page, find_id, find_line, find_number, lines_at, place, statements_at
from revshare.statements.queries import explain
from revshare.wording import whole

STATEMENTS_OF_LINES = 10
NO_CYCLE = 0
NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


def _place(rows: SeekList, seek: Seek, *, size: int) -> Page:
    """The statements of the page that is asked for, of the cycle and currency that the filters name."""
    text = rows.chosen("cycle")
    return place(
        size=size, cycle_id=_cycle_id(text) if text else None, currency=rows.chosen("currency"), after=seek.after,
        before=seek.before,
    )  # fmt: skip


def _named() -> QuerySet[NamedLeg]:
    return NamedLeg.objects.select_related("journal")


def _cycle_id(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else NO_CYCLE


def _slice(page: Page, rows: list[Any]) -> Slice:
    """The rows that belong to the statements of a page; it goes on from these."""
    return Slice(
        rows,
        newer=page.ranges[0].newest_id if page.ranges and page.newer else None,
        older=page.ranges[-1].oldest_id if page.ranges and page.older else None,
    )


class CycleList(ChangeList):
    """Each row leads to the cycle's own page, not to its record."""

    def url_for_result(self, result: Cycle) -> str:
        return reverse("admin:cycle", args=[result.key])


def _row(heads: Sequence[str], cells: Sequence[Any]) -> SafeString:
    """Of a table: each cell has its head, to be read below one another where it is narrow."""
    rest = format_html_join("", '<td data-label="{}"><span>{}</span></td>', zip(heads[1:], cells[1:], strict=True))
    return format_html('<tr><th scope="row">{}</th>{}</tr>', cells[0], rest)


@admin.register(Cycle, site=site)
class CycleAdmin(RecordAdmin):
    list_display = ("named", "starts_on_iso", "ends_on_iso", "timezone", "policy", "state_badge", "prepared_by",
                    "approved_by", "result")  # fmt: skip
    list_filter = ("state",)
    list_select_related = ("policy",)
    search_fields = ("key",)
    hidden = ("pinned",)
    extra = ("pinned_inputs", "page")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CycleList

    @admin.display(description=gettext_lazy("cycle"), ordering="key")
    def named(self, cycle: Cycle) -> str:
        return cycle.key

    @admin.display(description=gettext_lazy("cycle"))
    def page(self, cycle: Cycle) -> SafeString:
        return link(cycle.key, "cycle", cycle.key)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, cycle: Cycle) -> SafeString:
        return badge(cycle.state)

    @admin.display(description=gettext_lazy("prepared by"))
    def prepared_by(self, cycle: Cycle) -> str:
        return cycle.submitted_by or cycle.calculated_by or cycle.locked_by or cycle.opened_by

    @admin.display(description=gettext_lazy("result"))
    def result(self, cycle: Cycle) -> SafeString:
        return digest(cycle.result_digest)

    @admin.display(description=gettext_lazy("pinned inputs"))
    def pinned_inputs(self, cycle: Cycle) -> SafeString:
        return pretty(cycle.pinned)


@admin.register(Window, site=site)
class WindowAdmin(RecordAdmin):
    list_display = ("id", "cycle", "starts_at_utc", "ends_at_utc", "after_seq", "upto_seq", "late")
    hidden = ("sums",)
    list_filter = (CycleFilter, "late")
    list_select_related = ("cycle",)


@admin.register(Pool, site=site)
class PoolAdmin(RecordAdmin):
    list_display = ("id", "cycle", "table", "target", "net_amount", "carried_in_amount", "share",
                    "distributable_amount", "platform_amount", "carried_out_amount", "denominator")  # fmt: skip
    list_filter = (CycleFilter, CurrencyFilter)
    list_select_related = ("cycle",)
    search_fields = ("model", "dataset_version", "table")
    ordering = ("-cycle_id", "table", "model", "dataset_version", "part", "currency")
    counts = ("sales_count", "denominator_ticks")
    hidden = ("versions", "kind")
    extra = ("denominator", "dataset_versions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pool]:
        # What else moved accounts is no pool to those who read: they find it on statements and among the legs.
        return super().get_queryset(request).filter(kind=Pool.Kind.SALES)

    @admin.display(description=gettext_lazy("model or dataset version"))
    def target(self, pool: Pool) -> str:
        return pool.model or pool.dataset_version or _("all")

    @admin.display(description=gettext_lazy("denominator"), ordering="denominator_ticks")
    def denominator(self, pool: Pool) -> SafeString:
        return units(pool.measure, pool.denominator_ticks, pool.currency)

    @admin.display(description=gettext_lazy("shared over"))
    def dataset_versions(self, pool: Pool) -> str:
        return ", ".join(pool.versions) or _("none: the pool is in suspense")


@admin.register(Allocation, site=site)
class AllocationAdmin(BulkAdmin):
    list_display = ("id", "cycle", "pool_name", "bucket", "contributor", "in_assets", "amount_amount")
    list_filter = (CycleOfPools, "bucket", CurrencyFilter)
    list_select_related = ("cycle", "pool", "contributor")
    search_fields = ("contributor__id__exact",)
    search_help_text = gettext_lazy("A contributor's id, whole")
    hidden = ("first_no",)
    extra = ("in_assets",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Allocation], search_term: str
    ) -> tuple[QuerySet[Allocation], bool]:
        if text := search_term.strip():
            queryset = queryset.filter(OnRollOf(text, view=Allocation._meta.db_table), contributor_id=text)
        return queryset, False

    def seek(self, rows: SeekList, seek: Seek) -> Slice:
        """By statements; what one contributor has, and what goes to none, is little and sorted."""
        if rows.searched or rows.chosen("bucket__exact") not in ("", Allocation.Bucket.CONTRIBUTOR):
            return by_key(rows.queryset, seek, descending=True)
        page = _place(rows, seek, size=max(STATEMENTS_OF_LINES, seek.size // 10))
        return _slice(page, lines_at(page))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Allocation | None:
        return find_line(int(object_id)) if NUMBER.fullmatch(object_id) else None

    @admin.display(description=gettext_lazy("pool"))
    def pool_name(self, allocation: Allocation) -> SafeString:
        return link(allocation.pool.name, "revshare_pool_change", allocation.pool_id)

    @admin.display(description=gettext_lazy("numerator"), ordering="numerator_ticks")
    def in_assets(self, allocation: Allocation) -> SafeString:
        return units(allocation.pool.measure, allocation.numerator_ticks, allocation.currency)


@admin.register(Journal, site=site)
class JournalAdmin(RecordAdmin):
    counts = ("legs_count",)
    list_display = ("seq", "kind", "key", "cycle", "posted_at_utc", "created_by", "legs_count_whole", "sealed",
                    "short_hash")  # fmt: skip
    list_filter = ("kind", CycleFilter)
    list_select_related = ("cycle",)
    search_fields = ("key", "hash__startswith")
    extra = ("legs",)

    @admin.display(description=gettext_lazy("hash"))
    def short_hash(self, journal: Journal) -> SafeString:
        return digest(journal.hash)

    @admin.display(description=gettext_lazy("legs"))
    def legs(self, journal: Journal) -> SafeString:
        query = f"?cycle={journal.cycle_id}" if journal.cycle_id else ""
        text = ngettext("%(count)s leg", "%(count)s legs", journal.legs_count) % {"count": whole(journal.legs_count)}
        return link(text, "revshare_leg_changelist", query=query)


@admin.register(Leg, site=site)
class LegAdmin(BulkAdmin):
    list_display = ("id", "journal", "account", "side", "amount_amount")
    list_filter = (CycleOfLegs,)
    list_select_related = ("journal",)
    search_fields = ("account__exact",)
    search_help_text = gettext_lazy("The account, whole: sales, platform, suspense, carried, payable:ID")

    def seek(self, rows: SeekList, seek: Seek) -> Slice:
        """By statements, whose numbers the legs of contributors have; before a cycle's, those of its named accounts."""
        cycle = rows.chosen("cycle")
        if rows.searched.startswith(PAYABLE):
            of_one = contributor_legs(rows.searched)
            return Slice([leg for leg in of_one if cycle in ("", str(leg.journal.cycle_id))])
        if rows.searched:
            named = _named().filter(account=rows.searched)
            if cycle:
                named = named.filter(journal__cycle_id=_cycle_id(cycle))
            found = by_key(named, seek, descending=True)
            return replace(found, rows=named_legs(found.rows))
        page = _place(rows, seek, size=seek.size)
        legs: list[Leg] = []
        for part in page.ranges:
            if part.last == part.highest:
                own = _named().filter(journal__cycle_id=part.cycle_id).exclude(account__startswith=PAYABLE)
                legs += named_legs(own.order_by("pk"))
            legs += entry_legs(cycle_id=part.cycle_id, first=part.first, last=part.last)
        return _slice(page, legs)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Leg | None:
        return find_leg(int(object_id)) if NUMBER.fullmatch(object_id) else None


@admin.register(Statement, site=site)
class StatementAdmin(BulkAdmin):
    list_display = ("number", "cycle", "contributor", "opening_amount", "earned_amount", "closing_amount")
    list_filter = (CycleFilter, CurrencyFilter)
    list_select_related = ("cycle", "contributor")
    search_fields = ("number__exact", "contributor__id__exact")
    search_help_text = gettext_lazy("A statement's number or a contributor's id, whole")
    hidden = ("lines", "first_no")
    unexported = ("content_sha256",)
    extra = ("earned_lines",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Statement]:
        # Its hash is worked out from its lines whenever it is read: not in a list.
        return super().get_queryset(request).defer("content_sha256")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Statement], search_term: str
    ) -> tuple[QuerySet[Statement], bool]:
        """By what has an index: the cycle and place that a number names, or the contributor."""
        if not (text := search_term.strip()):
            return queryset, False
        found = find_number(text)
        if found is None:
            place = OnRollOf(text, view=Statement._meta.db_table)
            return queryset.filter(place, contributor_id=text), False
        return queryset.filter(cycle_id=found.cycle_id, first_no=found.first_no, ordinal=found.ordinal), False

    def seek(self, rows: SeekList, seek: Seek) -> Slice:
        """By number; what one contributor has is little and sorted."""
        if rows.searched:
            return by_key(rows.queryset, seek, descending=True)
        page = _place(rows, seek, size=seek.size)
        return _slice(page, statements_at(page))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Statement | None:
        return find_id(int(object_id)) if NUMBER.fullmatch(object_id) else None

    @admin.display(description=gettext_lazy("earned lines"))
    def earned_lines(self, statement: Statement) -> SafeString:
        """Pool, denominator, share and rule of every line, and what else moved the account, as the contributor is
        told."""
        told = explain(statement)
        rows: list[Sequence[Any]] = [
            (line.model or line.dataset_version or line.table, amount(line.pool_micros, statement.currency),
             format_html("{} ÷ {}", *(units(line.measure, number, statement.currency)
                                      for number in (line.numerator_ticks, line.denominator_ticks))),
             in_english(rule), amount(line.amount_micros, statement.currency))
            for line, rule in zip(told.content.lines, told.rules, strict=True)
        ]  # fmt: skip
        rows += [
            (movement_words(moved), NOTHING, NOTHING, moved.reference, amount(moved.amount_micros, statement.currency))
            for moved in told.content.movements
        ]
        heads = (_("For"), _("Pool"), _("Held of all"), _("Rule"), _("Amount"))
        return format_html(
            '<div class="rs-scroll" tabindex="0" role="region" aria-label="{}"><table class="rs-table rs-stack">'
            "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
            _("Earned lines"),
            format_html_join("", '<th scope="col">{}</th>', ((head,) for head in heads)),
            format_html_join("", "{}", ((_row(heads, row),) for row in rows)),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        user = person(request)
        if response.status_code == 200 and leaves_trace(roles=user.roles, superuser=user.is_superuser):
            # They prepare what people are paid; that they looked at one person's statement is on record.
            record(act=acting(request), action="statement.read", object=f"statement:{object_id}")
        return response


@admin.register(Run, site=site)
class RunAdmin(RecordAdmin):
    list_display = ("id", "step", "subject", "state_badge", "stage", "actor", "requested_at_utc", "finished_at_utc",
                    "attempts", "short_error")  # fmt: skip
    list_filter = ("state", "step", "requested_at")
    search_fields = ("subject", "actor", "error")

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, run: Run) -> SafeString:
        return badge(run.state)

    @admin.display(description=gettext_lazy("error"))
    def short_error(self, run: Run) -> str:
        return in_english(run.error if len(run.error) <= 120 else f"{run.error[:120]}…")


@admin.register(Event, site=site)
class EventAdmin(BulkAdmin):
    list_display = ("seq", "at_utc", "actor", "action", "object", "short_hash")
    list_filter = ("at",)
    search_fields = ("object__startswith", "actor__exact", "action__startswith")
    search_help_text = gettext_lazy("How the object begins (cycle:2011-11), an actor, or how the action begins")
    hidden = ("detail",)
    extra = ("details",)

    @admin.display(description=gettext_lazy("hash"))
    def short_hash(self, event: Event) -> SafeString:
        return digest(event.hash)

    @admin.display(description=gettext_lazy("detail"))
    def details(self, event: Event) -> SafeString:
        return pretty(event.detail)
