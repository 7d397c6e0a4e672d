"""Every stage's records, read-only: nothing here can add, change or delete."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from revshare.console.base import site
from revshare.console.list_files import as_file, links, wanted
from revshare.console.record_words import choice, in_each_language, word_lazy
from revshare.console.seeking import Seek, SeekList, Slice, by_key
from revshare.console.shown import NOTHING, amount, moment
from revshare.wording import whole

ROWS_AT_ONCE = 2_000


def _amount_of(field: str) -> Callable[[Any], SafeString]:
    @admin.display(description=word_lazy(field.removesuffix("_micros").replace("_", " ")), ordering=field)
    def shown(record: Any) -> SafeString:
        return amount(getattr(record, field), _currency_of(record))

    return shown


def _moment_of(field: str) -> Callable[[Any], str]:
    @admin.display(description=word_lazy(field.replace("_", " ")), ordering=field)
    def shown(record: Any) -> str:
        return moment(getattr(record, field))

    return shown


def _day_of(field: str) -> Callable[[Any], str]:
    @admin.display(description=word_lazy(field.replace("_", " ")), ordering=field)
    def shown(record: Any) -> str:
        day = getattr(record, field)
        return day.isoformat() if day else NOTHING

    return shown


def _whole_of(field: str) -> Callable[[Any], str]:
    @admin.display(description=word_lazy(field.replace("_", " ")), ordering=field)
    def shown(record: Any) -> str:
        return whole(getattr(record, field))

    return shown


def _words_of(field: str) -> Callable[[Any], str]:
    @admin.display(description=word_lazy(field.replace("_", " ")), ordering=field)
    def shown(record: Any) -> str:
        return choice(getattr(record, field))

    return shown


def _currency_of(record: Any) -> str:
    return getattr(record, "currency", "") or ""


def _only_looked_at(request: HttpRequest) -> HttpResponse | None:
    return None if request.method in ("GET", "HEAD") else HttpResponseNotAllowed(["GET", "HEAD"])


class RecordAdmin(ModelAdmin):
    """Looks at records. In the place of each column `x_micros` a record's page has `x_amount`, of each time `t` it has
    `t_utc`, of each day `d` `d_iso`, of each of the `coded` columns `c` `c_words`, of the `counts` `n` `n_whole`.
    `hidden` columns are left out there; `extra` ones stand at its end; `unexported` ones are in no file."""

    actions = None
    list_before_template = "console/_export.html"
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True
    list_filter_submit = False
    compressed_fields = True
    coded: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    unexported: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        in_each_language(model)
        self.shown: list[str] = []
        for field in model._meta.concrete_fields:
            name = field.name
            if name.endswith("_micros"):
                name = f"{name.removesuffix('_micros')}_amount"
                setattr(self, name, _amount_of(field.name))
            elif isinstance(field, models.DateTimeField):
                name = f"{name}_utc"
                setattr(self, name, _moment_of(field.name))
            elif isinstance(field, models.DateField):
                name = f"{name}_iso"
                setattr(self, name, _day_of(field.name))
            elif name in self.counts:
                name = f"{name}_whole"
                setattr(self, name, _whole_of(field.name))
            elif name in self.coded:
                name = f"{name}_words"
                setattr(self, name, _words_of(field.name))
            if field.name not in self.hidden:
                self.shown.append(name)
        super().__init__(model, admin_site)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Looked at, never sent to: there is nothing to do with many records at once. `?_export=`: the rows of the
        list as it is filtered and sorted, as they are stored."""
        if refused := _only_looked_at(request):
            return refused
        if format := wanted(request):
            return as_file(
                request, name=str(self.model._meta.model_name), columns=self.columns,
                rows=self.everything(self.get_changelist_instance(request)), format=format,
            )  # fmt: skip
        return super().changelist_view(request, {**(extra_context or {}), "exports": links(request)})

    @property
    def columns(self) -> list[str]:
        """Of the list as a file."""
        left_out = {*self.hidden, *self.unexported}
        return [field.attname for field in self.model._meta.concrete_fields if field.name not in left_out]

    def everything(self, found: Any) -> Iterable[Sequence[Any]]:
        """The rows that a list has found."""
        return found.queryset.values_list(*self.columns).iterator(chunk_size=ROWS_AT_ONCE)

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

    descending = True
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SeekList]:
        return SeekList

    def seek(self, rows: SeekList, seek: Seek) -> Slice:
        """The page that is asked for."""
        return by_key(rows.queryset, seek, descending=self.descending is not rows.turned)

    @property
    def turns(self) -> bool:
        """Whether it can be looked at from its other end."""
        return type(self).seek is BulkAdmin.seek

    def everything(self, found: Any) -> Iterable[Sequence[Any]]:
        if self.turns:
            return super().everything(found)
        return self._page_by_page(found)

    def _page_by_page(self, found: Any) -> Iterator[Sequence[Any]]:
        """Of a list that is found otherwise than by a query set."""
        seek = Seek(ROWS_AT_ONCE)
        while True:
            page = self.seek(found, seek)
            for row in page.rows:
                yield [getattr(row, name) for name in self.columns]
            if page.older is None:
                return
            seek = Seek(ROWS_AT_ONCE, after=page.older)
