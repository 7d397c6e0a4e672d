"""Signing in at the root; what concerns one's own account under /account/. The names are those allauth looks for."""

from allauth.account import views as account
from django.urls import include, path

from revshare.signin import views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("sign-out/", views.sign_out, name="account_logout"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/", account.password_change, name="account_change_password"),
    path("account/two-factor/", include("allauth.mfa.urls")),
    path("account/sessions/", include("allauth.usersessions.urls")),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<int:pk>/end/", views.end_token, name="end-token"),
]
