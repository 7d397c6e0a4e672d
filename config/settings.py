"""Settings, read from the environment (.env.example lists every variable).

Nothing here starts a service: `config.instance.prepare()` does, at each entry point, and sets DATABASE_URL and
REDIS_URL before these lines are read.
"""

import os
from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.embedded import celery_broker_url, django_database
from config.instance import home, secret_key
from config.safety import LOOPBACK, refused
from revshare import wording

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
REVSHARE_HOME = home()

DEBUG = env.bool("REVSHARE_DEBUG", default=False)
REVSHARE_COMPONENTS = env.bool("REVSHARE_COMPONENTS", default=DEBUG)  # /components/, the parts of the pages
HTTPS = env.bool("REVSHARE_HTTPS", default=False)
SECRET_KEY = env.str("REVSHARE_SECRET_KEY", default="") or secret_key(REVSHARE_HOME)
ALLOWED_HOSTS = env.list("REVSHARE_ALLOWED_HOSTS", default=list(LOOPBACK))
# Staff need a second factor, and what releases money needs that they showed themselves a moment ago. Off for
# demonstrations and tests, on one's own machine alone.
REVSHARE_STRICT_SIGN_IN = env.bool("REVSHARE_STRICT_SIGN_IN", default=True)
if refusal := refused(
    debug=DEBUG, https=HTTPS, hosts=ALLOWED_HOSTS, secret_key=SECRET_KEY, strict_sign_in=REVSHARE_STRICT_SIGN_IN
):
    raise ImproperlyConfigured(refusal)
CSRF_TRUSTED_ORIGINS = env.list("REVSHARE_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin.apps.SimpleAdminConfig",  # our own site registers what it shows (revshare.console)
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "revshare",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "revshare.signin.middleware.headers",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "revshare.signin.middleware.methods",
    "revshare.signin.middleware.cookies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "revshare.portal.language.Language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "revshare.signin.middleware.Sessions",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "revshare" / skin / "templates" for skin in ("console", "portal", "signin")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"wording": "revshare.portal.tags", "console": "revshare.console.tags"},
            "builtins": ["revshare.signin.tags"],
        },
    }
]

# The placeholder only lets tools that never connect (type checker, linters) import these settings.
DATABASES = {"default": django_database(os.environ.get("DATABASE_URL", "postgresql:///not-prepared"))}
AUTH_USER_MODEL = "revshare.User"
AUTHENTICATION_BACKENDS = ["revshare.signin.backend.CarefulBackend"]
# Long, not on the list of common ones, not the name; nothing about which characters (NIST 800-63B, ASVS 6.2).
MIN_PASSWORD_CHARACTERS = 12
# Words that a password is not made of: the product's, the hosts' and those of the marketplace.
OUR_WORDS = [
    "revshare", "password", "payout", "payouts", "revenue", "share", "statement", "contributor", "operator", "approver",
    "finance", *(word for host in ALLOWED_HOSTS for word in host.split(".")),
    *env.list("REVSHARE_PASSWORD_WORDS", default=[]),
]  # fmt: skip
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": MIN_PASSWORD_CHARACTERS},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "revshare.signin.passwords.NotOurWords",
        "OPTIONS": {"words": OUR_WORDS, "min_rest": MIN_PASSWORD_CHARACTERS},
    },
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
ACCOUNT_ADAPTER = "revshare.signin.adapters.AccountAdapter"
ACCOUNT_FORMS = {"login": "revshare.signin.forms.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]  # nobody signs themselves up: the adapter closes it
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False  # `access.attempts` counts, in the database, for all processes
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
MFA_ADAPTER = "revshare.signin.adapters.FactorAdapter"
MFA_FORMS = {
    "authenticate": "revshare.signin.forms.CodeForm", "reauthenticate": "revshare.signin.forms.CodeAgainForm",
    "add_webauthn": "revshare.signin.forms.PasskeyForm", "edit_webauthn": "revshare.signin.forms.PasskeyNameForm",
}  # fmt: skip
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "revshare"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers themselves allow passkeys without TLS on this machine only
REVSHARE_SESSION_AGE = timedelta(hours=12)
REVSHARE_SESSION_IDLE = timedelta(minutes=env.int("REVSHARE_SESSION_IDLE_MINUTES", default=60))
SESSION_COOKIE_AGE = int(REVSHARE_SESSION_AGE.total_seconds())

LANGUAGE_CODE = "en"
LANGUAGES = list(wording.LANGUAGES.items())
LOCALE_PATHS = [BASE_DIR / "revshare" / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [
    folder for skin in ("console", "portal") if (folder := BASE_DIR / "revshare" / skin / "static").is_dir()
]
STATIC_ROOT = REVSHARE_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # serves the pages of a fresh checkout without a collectstatic step

# The console's frame; what stands in its sidebar is made for each request.
UNFOLD = {
    "SITE_TITLE": "revshare",
    "SITE_HEADER": "revshare",
    "SITE_SYMBOL": "account_balance",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "revshare.console.sidebar.favicon"}],
    "STYLES": ["revshare.console.sidebar.stylesheet"],
    "SIDEBAR": {"navigation": "revshare.console.sidebar.navigation"},
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)", "100": "oklch(93.2% .032 255.585)", "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)", "400": "oklch(70.7% .165 254.624)", "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)", "700": "oklch(48.8% .243 264.376)", "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)", "950": "oklch(28.2% .091 267.935)",
        },
    },
}  # fmt: skip

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"  # of this host alone, over TLS alone
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
# Nothing from elsewhere, no script but files of ours; what a page needs beyond it, its view adds.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE], "script-src": [SELF], "style-src": [SELF], "img-src": [SELF, "data:"],
        "font-src": [SELF], "connect-src": [SELF], "form-action": [SELF], "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}  # fmt: skip

# Bulk work: what one DuckDB connection may take before it spills to <home>/spool.
# What large arrays of hashes and positions may take; beyond it a file is gone through several times.
REVSHARE_ARRAY_BYTES = env.int("REVSHARE_ARRAY_BYTES", default=1536 << 20)
REVSHARE_DUCKDB_MEMORY = env.str("REVSHARE_DUCKDB_MEMORY", default="512MB")
REVSHARE_DUCKDB_THREADS = env.int("REVSHARE_DUCKDB_THREADS", default=0)  # 0: as many as the machine has
# The lake: a folder (<home>/lake if empty), or s3://bucket/prefix; key and secret in AWS_*. Copies lie in
# <home>/lake-cache.
REVSHARE_LAKE = env.str("REVSHARE_LAKE", default="")
REVSHARE_LAKE_ENDPOINT = env.str("REVSHARE_LAKE_ENDPOINT", default="")
REVSHARE_LAKE_CACHE_BYTES = env.int("REVSHARE_LAKE_CACHE_BYTES", default=20 * 2**30)
# Where manifests are weighed: `duckdb`, here; or a Spark master (spark://host:7077, local[2]) and settings of Spark.
REVSHARE_WEIGH_ON = env.str("REVSHARE_WEIGH_ON", default="duckdb")
REVSHARE_SPARK_CONF = env.dict("REVSHARE_SPARK_CONF", default={})
REVSHARE_MAX_UNPACKED_BYTES = env.int("REVSHARE_MAX_UNPACKED_BYTES", default=200 * 2**30)
# The file of the key that signs what cycles commit to (<home>/signing_key if empty).
REVSHARE_SIGNING_KEY = env.str("REVSHARE_SIGNING_KEY", default="")
REVSHARE_LEASE_SECONDS = env.int("REVSHARE_LEASE_SECONDS", default=30)
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20

# Letters to contributors. Without a server for mail they are files in <home>/mail, and nothing leaves the machine.
REVSHARE_SITE_URL = env.str("REVSHARE_SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
DEFAULT_FROM_EMAIL = env.str("REVSHARE_MAIL_FROM", default="revshare <payouts@localhost>")
vars().update(env.email_url("REVSHARE_MAIL_URL", default="filemail://"))
EMAIL_FILE_PATH = env.str("REVSHARE_MAIL_FOLDER", default="") or str(REVSHARE_HOME / "mail")
EMAIL_TIMEOUT = 20

REDIS_URL = os.environ.get("REDIS_URL", "redis://not-prepared")
CELERY_BROKER_URL = celery_broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True  # the truth is the run row; nothing is read back from the broker
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    # Several instances may share one broker.
    "global_keyprefix": env.str("REVSHARE_QUEUE_PREFIX", default=""),
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
}
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "revshare.tasks.sweep", "schedule": env.float("REVSHARE_SWEEP_SECONDS", default=20.0)},
    "letters": {"task": "revshare.tasks.letters", "schedule": env.float("REVSHARE_SWEEP_SECONDS", default=20.0)},
}
REVSHARE_VERIFY_HOUR = env.int("REVSHARE_VERIFY_HOUR", default=3)  # UTC; `config.celery` makes a schedule of it
CELERY_BEAT_SCHEDULE_FILENAME = str(REVSHARE_HOME / "spool" / "beat")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "revshare.api.errors.answer",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "revshare",
    "DESCRIPTION": (
        "Contributor revenue-share accounting: uploads, cycles, statements.\n\n"
        "Money is in fields named `*_micros`: millionths of the currency's major unit, as whole numbers in strings, "
        "since JavaScript and others cannot hold such numbers exactly. Every error is "
        '`{"code": …, "detail": …}`: a code for machines, a sentence for people. Long lists come in pages: follow '
        "`next`."
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "CycleState": "revshare.cycles.rules.STATES",
        "MatchKind": "revshare.api.suspense.KINDS",
        "RunState": "revshare.api.runs.STATES",
        "QuarantinedRowState": "revshare.api.quarantine.STATES",
        "StatementState": "revshare.api.statements.STATES",
        "FileKind": "revshare.files.formats.KINDS",
        "UploadKind": "revshare.files.formats.TAKEN_IN",
        "BatchState": "revshare.payouts.rules.BATCH_STATES",
        "PaymentState": "revshare.payouts.rules.PAYMENT_STATES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    # Who signed in, who tried in vain, who was refused: whatever the level of the rest.
    "loggers": {"revshare.security": {"level": "INFO"}},
    "root": {"handlers": ["stderr"], "level": env.str("REVSHARE_LOG_LEVEL", default="WARNING")},
}
