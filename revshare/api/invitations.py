"""Contributors invited to accounts of their own."""

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from revshare.api.access import act_of
from revshare.api.base import Keyset, View, described
from revshare.api.fields import Input, Text
from revshare.invitations.models import Invitation
from revshare.invitations.operations import MOST_DAYS, USUAL_DAYS, invite, link_of


class InvitationIn(Input):
    contributor_id = Text()
    email = Text(required=False, default="", allow_blank=True, help_text="The address that came with them if left out.")
    days = serializers.IntegerField(
        required=False, default=USUAL_DAYS, min_value=1, max_value=MOST_DAYS, help_text="How long the link is good."
    )


class InvitationOut(serializers.Serializer):
    """An invitation; its link is told only now."""

    contributor_id = serializers.CharField()
    expires_at = serializers.DateTimeField()
    link = serializers.CharField()


class InvitationListed(serializers.Serializer):
    """An invitation, without its link: that is told once."""

    id = serializers.IntegerField()
    contributor_id = serializers.CharField()
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField()
    expires_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField(allow_null=True)
    voided_at = serializers.DateTimeField(allow_null=True)


class Invitations(View):
    needs = {"GET": ("invite",), "POST": ("invite",)}
    pagination_class = Keyset

    @described("invitations_list", "List invitations, latest first", answers={200: InvitationListed(many=True)})
    def get(self, request: Request) -> Response:
        return self.get_paginated_response(InvitationListed(self.page(Invitation.objects.all()), many=True).data)

    @described(
        "invitations_make", "Invite a contributor to an account of their own",
        description="The link works once. An earlier invitation that is still open is void from now on.",
        request=InvitationIn, answers={201: InvitationOut}, refuses=(404, 409, 413, 415, 422),
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        made = invite(**self.given(InvitationIn), act=act_of(request))
        link = settings.REVSHARE_SITE_URL + link_of(made)
        shown = {"contributor_id": made.contributor_id, "expires_at": made.expires_at, "link": link}
        return Response(InvitationOut(shown).data, status=201)
