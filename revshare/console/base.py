"""The console's site: who gets in, how it says no, how a page is rendered."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_htmx.http import HttpResponseClientRefresh
from unfold.sites import UnfoldAdminSite

from revshare.access.rules import may
from revshare.console.home import dashboard
from revshare.console.shown import NOTHING

View = Callable[..., HttpResponseBase]
# Alpine, which the frame is built with, compiles the words in its attributes; the frame's colours are a style element.
NEEDED = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}

KEYS = ("ingest", "open_cycle", "register_policy")


class ConsoleSite(UnfoldAdminSite):
    """Django's admin, entered by role. Anonymous people get the sign-in page, others without a right a 403."""

    index_template = "console/home.html"
    index_title = gettext_lazy("Home")

    def __init__(self) -> None:
        super().__init__(name="admin")
        self.pages: list[URLPattern] = []

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff roles and superusers. `is_staff` alone, without a role, opens nothing."""
        user: Any = request.user
        return bool(user.is_active) and user.is_authenticated and user.may("browse")

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except PermissionDenied as error:
                return self.forbidden(request, *map(str, error.args))

        inner = super().admin_view(update_wrapper(answered, view), cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request) and request.path != reverse("admin:logout"):
                if request.user.is_authenticated:
                    return self.forbidden(request, _("The console is for staff."))
                if getattr(request, "htmx", False):
                    return HttpResponseClientRefresh()  # signed out meanwhile: the whole page goes to sign in
            return inner(request, *args, **kwargs)

        return csp_update(NEEDED)(update_wrapper(guarded, inner))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in page, with all its steps."""
        onward = request.GET.get("next") or reverse("admin:index")
        return redirect(f"{reverse('sign-in')}?{urlencode({'next': onward})}")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("account_change_password")

    def forbidden(self, request: HttpRequest, why: str = "", who: str = "") -> HttpResponse:
        """`who` may, if anybody does by role."""
        layout = "admin/base_site.html" if self.has_permission(request) else "console/outside.html"
        context = {**self.each_context(request), "title": _("Not allowed"), "why": why, "who": who, "layout": layout}
        return TemplateResponse(request, "console/forbidden.html", context, status=403)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """`keys`: which of the shortcuts that not everybody has lead this person anywhere."""
        roles = getattr(request.user, "roles", [])
        return {**super().each_context(request), "keys": {name: may(roles=roles, action=name) for name in KEYS}}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Of all models, for the page that lists them. Every other page has the sidebar instead: to sort forty names in
        the reader's language each time would take as long as many a page."""
        return super().get_app_list(request, app_label) if app_label else []

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [*self.pages, *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return super().index(request, {**dashboard(request), **(extra_context or {})})

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return super().app_index(request, app_label, extra_context)

    def page(
        self, request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """One of the console's own pages, within its frame."""
        request.current_app = self.name
        full = {**self.each_context(request), "title": title, **context}
        return TemplateResponse(request, f"console/{template}", full, status=status)


site = ConsoleSite()
site.empty_value_display = NOTHING
