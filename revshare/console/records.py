"""Every stage's records, read-only: nothing here can add, change or delete."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from revshare.cells import safe_cell
from revshare.console.base import site
from revshare.console.doors import allowed
from revshare.console.seeking import Seek, SeekList, Slice, by_key
from revshare.console.shown import amount, moment
from revshare.signin.links import PARAMETER, check_link, link_of

EXPORT = "_export"
ROWS_AT_ONCE = 2_000


def _amount_of(field: str) -> Callable[[Any], SafeString]:
    @admin.display(description=field.removesuffix("_micros").replace("_", " "), ordering=field)
    def shown(record: Any) -> SafeString:
        return amount(getattr(record, field), _currency_of(record))

    return shown


def _moment_of(field: str) -> Callable[[Any], str]:
    @admin.display(description=field.replace("_", " "), ordering=field)
    def shown(record: Any) -> str:
        return moment(getattr(record, field))

    return shown


def _line(values: Iterable[Any]) -> str:
    """A line of CSV: text as no spreadsheet takes it for a formula, times in UTC, JSON as such."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_cell(value) for value in values])
    return text.getvalue()


def _cell(value: Any) -> Any:
    match value:
        case str():
            return safe_cell(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case dict() | list():
            return safe_cell(json.dumps(value, ensure_ascii=False))
    return "" if value is None else value


def _currency_of(record: Any) -> str:
    return getattr(record, "currency", "") or ""


def _only_looked_at(request: HttpRequest) -> HttpResponse | None:
    return None if request.method in ("GET", "HEAD") else HttpResponseNotAllowed(["GET", "HEAD"])


class RecordAdmin(ModelAdmin):
    """Looks at records. For each column `x_micros` there is `x_amount`, and for each time `t` there is `t_utc`; they
    stand in its place on a record's page. `hidden` columns are left out there; `extra` ones stand at its end."""

    actions = None
    list_before_template = "console/_export.html"
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    list_filter_submit = False
    compressed_fields = True
    hidden: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        self.shown: list[str] = []
        for field in model._meta.concrete_fields:
            name = field.name
            if name.endswith("_micros"):
                name = f"{name.removesuffix('_micros')}_amount"
                setattr(self, name, _amount_of(field.name))
            elif isinstance(field, models.DateTimeField):
                name = f"{name}_utc"
                setattr(self, name, _moment_of(field.name))
            if field.name not in self.hidden:
                self.shown.append(name)
        super().__init__(model, admin_site)

    @property
    def exportable(self) -> bool:
        """Whether a query set gives its rows, so that a file can be made of them."""
        return True

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Looked at, never sent to: there is nothing to do with many records at once. `?_export=csv`: the rows of the
        list as it is filtered and sorted, as they are stored."""
        if refused := _only_looked_at(request):
            return refused
        if not (self.exportable and allowed(request, "export")):
            return super().changelist_view(request, extra_context)
        given = request.GET.copy()
        wanted = given.pop(EXPORT, [])
        if wanted == ["csv"]:
            request.GET = given  # type: ignore[assignment]
            check_link(request)
            return self._as_csv(self.get_changelist_instance(request).queryset)
        given[EXPORT], given[PARAMETER] = "csv", link_of(request, request.path)
        return super().changelist_view(request, {**(extra_context or {}), "export_url": f"?{given.urlencode()}"})

    def _as_csv(self, rows: Any) -> StreamingHttpResponse:
        fields = [field.attname for field in self.model._meta.concrete_fields if field.name not in self.hidden]

        def lines() -> Iterator[str]:
            yield _line(fields)
            for row in rows.values_list(*fields).iterator(chunk_size=ROWS_AT_ONCE):
                yield _line(row)

        name = f"{self.model._meta.model_name}.csv"
        return StreamingHttpResponse(
            lines(), content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )  # fmt: skip

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return _only_looked_at(request) or super().history_view(request, object_id, extra_context)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.shown, *self.extra]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_fields(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BulkAdmin(RecordAdmin):
    """For tables of millions of rows: in the order of the key, page by page, counting nothing (`console.seeking`)."""

    @property
    def exportable(self) -> bool:
        """Not of lists that are found otherwise than by a query set: their cycle has an export of its own."""
        return type(self).seek is BulkAdmin.seek

    descending = True
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SeekList]:
        return SeekList

    def seek(self, rows: SeekList, seek: Seek) -> Slice:
        """The page that is asked for."""
        return by_key(rows.queryset, seek, descending=self.descending)
