"""Users: seen by staff, their roles given by superusers only, every change on record."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revshare.access.models import User
from revshare.access.rules import ROLES, STAFF
from revshare.audit_trail.operations import record
from revshare.console.base import site
from revshare.console.doors import acting
from revshare.console.filters import RoleFilter
from revshare.console.records import RecordAdmin
from revshare.console.shown import role as role_words
from revshare.console.state_words import ROLES as ROLE_WORDS
from revshare.signin.step_up import check_step_up

FOR_READERS = {"roles": "role_names"}
EDITABLE = ("roles", "is_active")


class RolesForm(forms.ModelForm):
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"), choices=[(role, ROLE_WORDS[role]) for role in ROLES], required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What this person may do. An approver never approves what the same person prepared."),
    )  # fmt: skip

    class Meta:
        model = User
        fields = EDITABLE

    def clean_roles(self) -> list[str]:
        roles = sorted(set(self.cleaned_data["roles"]))
        if "contributor" in roles and self.instance.contributor_id is None:
            raise forms.ValidationError(_("Only a user tied to a contributor's id can have the role contributor."))
        return roles


@admin.register(User, site=site)
class UserAdmin(RecordAdmin):
    form = RolesForm
    list_display = ("username", "role_names", "contributor", "is_active", "is_superuser", "last_login_utc")
    list_filter = (RoleFilter, "is_active", "is_superuser")
    list_select_related = ("contributor",)
    search_fields = ("username",)
    ordering = ("username",)
    hidden = ("password", "email", "first_name", "last_name", "is_staff")

    @admin.display(description=gettext_lazy("roles"))
    def role_names(self, user: User) -> str:
        return ", ".join(map(role_words, user.roles)) or _("none")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Roles in words for whom only looks at them."""
        fields = super().get_fields(request, obj)
        return fields if self.has_change_permission(request) else [FOR_READERS.get(name, name) for name in fields]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(site.has_permission(request) and request.user.is_superuser)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fields = self.get_fields(request, obj)
        return [name for name in fields if name not in EDITABLE] if self.has_change_permission(request) else fields

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = User.objects.get(pk=obj.pk)
        changes = {
            name: {"from": getattr(before, name), "to": getattr(obj, name)}
            for name in EDITABLE
            if getattr(before, name) != getattr(obj, name)
        }
        if not changes:
            return
        check_step_up(request, "grant_roles")
        obj.is_staff = obj.is_superuser or not STAFF.isdisjoint(obj.roles)
        with transaction.atomic():
            obj.save(update_fields=[*EDITABLE, "is_staff"])
            record(act=acting(request), action="user.changed", object=f"user:{obj.username}", detail=changes)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing more: the audit trail has it."""
