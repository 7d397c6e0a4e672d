"""Records of what was made of it: cycles, pools, allocations, the ledger, statements, runs, the audit trail."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from revshare.allocation.models import Allocation
from revshare.audit_trail.models import Event
from revshare.audit_trail.operations import record
from revshare.console.base import site
from revshare.console.doors import acting, person
from revshare.console.filters import CurrencyFilter, CycleFilter, CycleOfLegs, CycleOfPools
from revshare.console.records import BulkAdmin, RecordAdmin
from revshare.console.shown import amount, assets, badge, digest, link
from revshare.console.stages_in import pretty
from revshare.cycles.models import Cycle, Window
from revshare.ledger.models import Journal, Leg
from revshare.pools.models import Pool
from revshare.runs.models import Run
from revshare.statements.models import Statement
from revshare.statements.queries import explain


@admin.register(Cycle, site=site)
class CycleAdmin(RecordAdmin):
    list_display = ("page", "starts_on", "ends_on", "timezone", "policy", "state_badge", "prepared_by", "approved_by",
                    "result")  # fmt: skip
    list_display_links = None
    list_filter = ("state",)
    list_select_related = ("policy",)
    search_fields = ("key",)
    hidden = ("pinned",)
    extra = ("pinned_inputs", "page")

    @admin.display(description="cycle", ordering="key")
    def page(self, cycle: Cycle) -> SafeString:
        return link(cycle.key, "cycle", cycle.key)

    @admin.display(description="state", ordering="state")
    def state_badge(self, cycle: Cycle) -> SafeString:
        return badge(cycle.state)

    @admin.display(description="prepared by")
    def prepared_by(self, cycle: Cycle) -> str:
        return cycle.submitted_by or cycle.calculated_by or cycle.locked_by or cycle.opened_by

    @admin.display(description="result")
    def result(self, cycle: Cycle) -> SafeString:
        return digest(cycle.result_digest)

    @admin.display(description="pinned inputs")
    def pinned_inputs(self, cycle: Cycle) -> SafeString:
        return pretty(cycle.pinned)


@admin.register(Window, site=site)
class WindowAdmin(RecordAdmin):
    list_display = ("id", "cycle", "starts_at_utc", "ends_at_utc", "after_seq", "upto_seq", "late")
    list_filter = (CycleFilter, "late")
    list_select_related = ("cycle",)


@admin.register(Pool, site=site)
class PoolAdmin(RecordAdmin):
    list_display = ("id", "cycle", "table", "target", "net_amount", "carried_in_amount", "share",
                    "distributable_amount", "platform_amount", "carried_out_amount", "denominator")  # fmt: skip
    list_filter = (CycleFilter, CurrencyFilter)
    list_select_related = ("cycle",)
    search_fields = ("model", "dataset_version", "table")
    ordering = ("-cycle_id", "table", "model", "dataset_version", "currency")
    hidden = ("versions",)
    extra = ("denominator", "dataset_versions")

    @admin.display(description="model or dataset version")
    def target(self, pool: Pool) -> str:
        return pool.model or pool.dataset_version or "all"

    @admin.display(description="denominator (assets)", ordering="denominator_ticks")
    def denominator(self, pool: Pool) -> SafeString:
        return assets(pool.denominator_ticks)

    @admin.display(description="shared over")
    def dataset_versions(self, pool: Pool) -> str:
        return ", ".join(pool.versions) or "none: the pool is in suspense"


@admin.register(Allocation, site=site)
class AllocationAdmin(BulkAdmin):
    list_display = ("id", "cycle", "pool_name", "bucket", "contributor", "in_assets", "amount_amount")
    list_filter = (CycleOfPools, "bucket", CurrencyFilter)
    list_select_related = ("cycle", "pool", "contributor")
    search_fields = ("contributor__id__exact",)
    search_help_text = "A contributor's id, whole"
    ordering = ("-pk",)
    extra = ("in_assets",)

    @admin.display(description="pool")
    def pool_name(self, allocation: Allocation) -> SafeString:
        return link(allocation.pool.name, "revshare_pool_change", allocation.pool_id)

    @admin.display(description="assets", ordering="numerator_ticks")
    def in_assets(self, allocation: Allocation) -> SafeString:
        return assets(allocation.numerator_ticks)


@admin.register(Journal, site=site)
class JournalAdmin(RecordAdmin):
    list_display = ("seq", "kind", "key", "cycle", "posted_at_utc", "created_by", "legs_count", "sealed", "short_hash")
    list_filter = ("kind", CycleFilter)
    list_select_related = ("cycle",)
    search_fields = ("key", "hash__startswith")
    extra = ("legs",)

    @admin.display(description="hash")
    def short_hash(self, journal: Journal) -> SafeString:
        return digest(journal.hash)

    @admin.display(description="legs")
    def legs(self, journal: Journal) -> SafeString:
        query = f"?cycle={journal.cycle_id}" if journal.cycle_id else ""
        return link(f"{journal.legs_count:,} legs", "revshare_leg_changelist", query=query)


@admin.register(Leg, site=site)
class LegAdmin(BulkAdmin):
    list_display = ("id", "journal", "account", "side", "amount_amount")
    list_filter = (CycleOfLegs,)
    list_select_related = ("journal",)
    search_fields = ("account__startswith",)
    search_help_text = "How the account begins: sales, platform, suspense, carried, payable:ID"
    ordering = ("-pk",)


@admin.register(Statement, site=site)
class StatementAdmin(BulkAdmin):
    list_display = ("number", "cycle", "contributor", "opening_amount", "earned_amount", "closing_amount")
    list_filter = (CycleFilter, CurrencyFilter)
    list_select_related = ("cycle", "contributor")
    search_fields = ("number__exact", "contributor__id__exact")
    search_help_text = "A statement's number or a contributor's id, whole"
    extra = ("lines",)

    @admin.display(description="earned lines")
    def lines(self, statement: Statement) -> SafeString:
        """Pool, denominator, share and rule of every line, as the contributor is told."""
        told = explain(statement)
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{} ÷ {}</td><td>{}</td><td>{}</td></tr>",
            (
                (line.model or line.dataset_version or line.table, amount(line.pool_micros, statement.currency),
                 assets(line.numerator_ticks), assets(line.denominator_ticks), rule,
                 amount(line.amount_micros, statement.currency))
                for line, rule in zip(told.content.lines, told.rules, strict=True)
            ),
        )  # fmt: skip
        return format_html(
            '<div class="rs-scroll" tabindex="0" role="region" aria-label="Earned lines"><table class="rs-table">'
            "<thead><tr><th>For</th><th>Pool</th><th>Assets</th><th>Rule</th><th>Earned</th></tr></thead>"
            "<tbody>{}</tbody></table></div>",
            rows,
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        user = person(request)
        if response.status_code == 200 and (user.is_superuser or "operator" in user.roles):
            # They prepare what people are paid; that they looked at one person's statement is on record.
            record(act=acting(request), action="statement.read", object=f"statement:{object_id}")
        return response


@admin.register(Run, site=site)
class RunAdmin(RecordAdmin):
    list_display = ("id", "step", "subject", "state_badge", "stage", "actor", "requested_at_utc", "finished_at_utc",
                    "attempts", "short_error")  # fmt: skip
    list_filter = ("state", "step", "requested_at")
    search_fields = ("subject", "actor", "error")

    @admin.display(description="state", ordering="state")
    def state_badge(self, run: Run) -> SafeString:
        return badge(run.state)

    @admin.display(description="error")
    def short_error(self, run: Run) -> str:
        return run.error if len(run.error) <= 120 else f"{run.error[:120]}…"


@admin.register(Event, site=site)
class EventAdmin(BulkAdmin):
    list_display = ("seq", "at_utc", "actor", "action", "object", "short_hash")
    list_filter = ("at",)
    search_fields = ("object__startswith", "actor__exact", "action__startswith")
    search_help_text = "How the object begins (cycle:2011-11), an actor, or how the action begins"
    hidden = ("detail",)
    extra = ("details",)

    @admin.display(description="hash")
    def short_hash(self, event: Event) -> SafeString:
        return digest(event.hash)

    @admin.display(description="detail")
    def details(self, event: Event) -> SafeString:
        return pretty(event.detail)
