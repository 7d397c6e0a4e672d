"""Records of claims on assets and of their steps."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from revshare.claims.models import Claim, ClaimStep
from revshare.claims.queries import with_state
from revshare.console.base import site
from revshare.console.filters import StandingOfClaim
from revshare.console.records import RecordAdmin
from revshare.console.shown import badge


@admin.register(Claim, site=site)
class ClaimAdmin(RecordAdmin):
    list_display = ("id", "claimant", "dataset_version", "asset_id", "standing", "filed_at_utc", "due_at_utc")
    list_filter = (StandingOfClaim,)
    list_select_related = ("claimant",)
    search_fields = ("asset_id__exact", "claimant__id__exact")
    search_help_text = gettext_lazy("An asset or the claimant's id, whole")
    extra = ("standing",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_state()

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def standing(self, claim: Any) -> str:
        return badge(claim.state)


@admin.register(ClaimStep, site=site)
class ClaimStepAdmin(RecordAdmin):
    coded = ("source", "target")
    list_display = ("id", "claim", "action", "target_words", "text", "at_utc", "by")
    list_filter = ("action",)
    list_select_related = ("claim",)
