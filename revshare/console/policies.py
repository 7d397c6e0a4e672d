"""Registering a policy, and opening a cycle under one."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from revshare.console.base import site
from revshare.console.doors import Told, acting, only, refusal
from revshare.console.fields import plain
from revshare.console.shown import in_english, words
from revshare.cycles.models import Cycle
from revshare.cycles.operations import KEY_LENGTH, open_cycle
from revshare.errors import Refused
from revshare.periods import ZONES, PeriodError, parse_period
from revshare.policies.models import Policy
from revshare.policies.operations import register

MAX_POLICY_BYTES = 1 << 20
EXAMPLE = """name = "contributor-fund"
version = "2026.1"

[streams.default]
contributor_share = "20%"
pooling = "per_model"
allocation = "asset_count"
"""


class PolicyForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Policy file"), allow_empty_file=True,
        help_text=gettext_lazy(
            "A TOML file. Drop it here, or press to choose. Once registered, a version never changes."
        ),
        widget=forms.FileInput(attrs={"class": "rs-drop", "accept": ".toml"}),
    )  # fmt: skip


class CycleForm(forms.Form):
    key = forms.CharField(
        label=pgettext_lazy("cycle", "Key"), max_length=KEY_LENGTH, strip=False,
        help_text=gettext_lazy("How the cycle is called from now on, such as 2011-11."),
    )  # fmt: skip
    start = forms.CharField(label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    end = forms.CharField(
        label=gettext_lazy("Day after the last"), widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("This day is not part of the cycle any more."),
    )  # fmt: skip
    timezone = forms.CharField(
        label=gettext_lazy("Time zone"), widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
        help_text=gettext_lazy("Days begin and end by the clocks there, such as Europe/London."),
    )  # fmt: skip
    policy = forms.ModelChoiceField(
        label=gettext_lazy("Policy"), queryset=Policy.objects.order_by("-pk"), empty_label=None,
        help_text=gettext_lazy("The rules that its sales are shared by."),
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@only("register_policy")
def register_policy(request: HttpRequest) -> HttpResponse:
    form = plain(PolicyForm(request.POST or None, request.FILES or None))
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            if file.size > MAX_POLICY_BYTES:
                raise Told(_("A policy file is not larger than 1 MiB."))
            policy, new = register(content=file.read(), act=acting(request))
        except Refused as error:
            form.add_error("file", refusal(error))
        else:
            said = _("Policy %(policy)s is registered.") if new else _("Policy %(policy)s is already registered.")
            messages.success(request, said % {"policy": policy})
            return redirect("admin:revshare_policy_change", policy.pk)
    return site.page(
        request, "register_policy.html", title=_("Register a policy"), form=form, example=EXAMPLE,
        status=400 if form.errors else 200,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@only("open_cycle")
def open_new(request: HttpRequest) -> HttpResponse:
    form = plain(CycleForm(request.POST or None, initial=_suggested()))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            period = parse_period(given["start"], given["end"], given["timezone"])
            cycle, new = open_cycle(key=given["key"], period=period, policy=given["policy"], act=acting(request))
        except PeriodError as error:
            form.add_error(None, in_english(f"{error}"[:1].upper() + f"{error}."[1:].replace("..", ".")))
        except Refused as error:
            form.add_error(None, refusal(error))
        else:
            said = _("Cycle %(key)s is %(state)s.") if new else _("Cycle %(key)s is already %(state)s.")
            messages.success(request, said % {"key": cycle.key, "state": words(cycle.state)})
            return redirect("admin:cycle", cycle.key)
    return site.page(
        request, "open_cycle.html", title=_("Open a cycle"), form=form, zones=sorted(ZONES),
        no_policy=not Policy.objects.exists(), status=400 if form.errors else 200,
    )  # fmt: skip


def _suggested() -> dict[str, str]:
    """The next cycle goes on where the last one ends."""
    last = Cycle.objects.order_by("-ends_at").first()
    if last is None:
        return {}
    start = last.ends_on
    following = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    whole_month = start.day == 1
    return {
        "start": start.isoformat(), "timezone": last.timezone,
        **({"key": f"{start:%Y-%m}", "end": following.isoformat()} if whole_month else {}),
        "policy": str(last.policy_id),
    }  # fmt: skip
