"""Second factors: who needs one, who has one, whether a code is right."""

from allauth.mfa.models import Authenticator
from django.conf import settings

from revshare.access.models import User
from revshare.access.rules import is_staff


def needs_factor(user: User) -> bool:
    return bool(settings.REVSHARE_STRICT_SIGN_IN) and is_staff(roles=user.roles, superuser=user.is_superuser)


def has_factor(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


def takes_code(user: User, code: str) -> bool:
    """Whether this is the app's code of now, or a recovery code not used yet (it is used then)."""
    found = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.WEBAUTHN)
    return any(factor.wrap().validate_code(code) for factor in found)
