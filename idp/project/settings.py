"""The one settings file; installations differ by their environment only (deploy/env.example)."""

from pathlib import Path
from urllib.parse import urlsplit

from idp.domain.self_description import mail_grammar, scope_grammar
from idp.project.directories import read_directories
from idp.project.env import Environment

ROOT = Path(__file__).resolve().parents[2]
env = Environment()

# --- the site -------------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = env.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = list(env.words("SECRET_KEY_FALLBACKS"))
DRAWBRIDGE_DEMO = env.switch("DRAWBRIDGE_DEMO", default=False)
DRAWBRIDGE_BASE_URL = env.address("DRAWBRIDGE_BASE_URL")
DRAWBRIDGE_ENTITY_ID = env.text("DRAWBRIDGE_ENTITY_ID", f"{DRAWBRIDGE_BASE_URL}/saml/metadata")
DRAWBRIDGE_DISPLAY_NAME = env.text("DRAWBRIDGE_DISPLAY_NAME", "Drawbridge")
DRAWBRIDGE_TECHNICAL_CONTACT = env.matching(
    "DRAWBRIDGE_TECHNICAL_CONTACT", mail_grammar, default="", such_as="saml@example.com"
)
DRAWBRIDGE_SUBJECT_SCOPE = env.matching(
    "DRAWBRIDGE_SUBJECT_SCOPE",
    scope_grammar,
    default=urlsplit(DRAWBRIDGE_BASE_URL).hostname or "",
    such_as="example.com",
)
DRAWBRIDGE_TRUSTED_PROXIES = env.words("DRAWBRIDGE_TRUSTED_PROXIES")
DRAWBRIDGE_INSECURE_COOKIES = env.switch("DRAWBRIDGE_INSECURE_COOKIES", default=False)
ALLOWED_HOSTS = [urlsplit(DRAWBRIDGE_BASE_URL).hostname or ""]
CSRF_TRUSTED_ORIGINS = [DRAWBRIDGE_BASE_URL]
CSRF_FAILURE_VIEW = "idp.web.refusals.csrf_failure"

ROOT_URLCONF = "idp.project.urls"
WSGI_APPLICATION = "idp.project.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "idp.apps.IdpConfig",
    "idp.apps.DrawbridgeAdminConfig",
    "sts_bridge.apps.StsBridgeConfig",
]
MIDDLEWARE = [
    "idp.web.middleware.RequestNumber",
    "idp.web.middleware.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "idp.web.middleware.OutermostEdge",
    "idp.web.middleware.SiteSession",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "idp.web.middleware.SignedInPerson",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- storage --------------------------------------------------------------------------------------
DATABASES = {"default": {**env.database("DATABASE_URL"), "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# --- sign-in and its session ----------------------------------------------------------------------
AUTH_USER_MODEL = "idp.User"
# Every password form goes through idp.services.sign_in; Django's own authenticate() admits nobody.
AUTHENTICATION_BACKENDS: list[str] = []
LOGIN_URL = "/sign-in/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
SESSION_ENGINE = "idp.models.session"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_SAVE_EVERY_REQUEST = False
HOST_PREFIX = "" if DRAWBRIDGE_INSECURE_COOKIES else "__Host-"
SESSION_COOKIE_NAME = f"{HOST_PREFIX}drawbridge-session"
CSRF_COOKIE_NAME = f"{HOST_PREFIX}drawbridge-csrf"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DRAWBRIDGE_INSECURE_COOKIES
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "idp.web.refusals.csrf_failure"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
DRAWBRIDGE_SESSION_IDLE_SECONDS = env.number(
    "DRAWBRIDGE_SESSION_IDLE_SECONDS", 1_800, at_least=60, at_most=43_200
)
DRAWBRIDGE_SESSION_ABSOLUTE_SECONDS = env.number(
    "DRAWBRIDGE_SESSION_ABSOLUTE_SECONDS", 43_200, at_least=300, at_most=86_400
)
DRAWBRIDGE_FAILURES_PER_PERSON = env.number("DRAWBRIDGE_FAILURES_PER_PERSON", 5, at_least=1, at_most=20)
DRAWBRIDGE_FAILURES_OF_KNOWN_BROWSERS = env.number("DRAWBRIDGE_FAILURES_OF_KNOWN_BROWSERS", 3, at_most=20)
DRAWBRIDGE_FAILURES_PER_ADDRESS = env.number("DRAWBRIDGE_FAILURES_PER_ADDRESS", 50, at_least=5)
DRAWBRIDGE_FAILURES_PER_NETWORK = env.number("DRAWBRIDGE_FAILURES_PER_NETWORK", 200, at_least=5)
DRAWBRIDGE_FAILURES_IN_TOTAL = env.number("DRAWBRIDGE_FAILURES_IN_TOTAL", 1_000, at_least=50)
DRAWBRIDGE_WAITING_PER_ADDRESS = env.number("DRAWBRIDGE_WAITING_PER_ADDRESS", 1_000, at_least=10)
DRAWBRIDGE_WAITING_MEGABYTES_PER_ADDRESS = env.number(
    "DRAWBRIDGE_WAITING_MEGABYTES_PER_ADDRESS", 8, at_least=1
)
DRAWBRIDGE_WAITING_MEGABYTES_IN_TOTAL = env.number("DRAWBRIDGE_WAITING_MEGABYTES_IN_TOTAL", 256, at_least=16)
DRAWBRIDGE_LOCKOUT_THRESHOLD = env.number("DRAWBRIDGE_LOCKOUT_THRESHOLD", 5, at_most=999)
DRAWBRIDGE_LOCKOUT_WINDOW_SECONDS = env.number(
    "DRAWBRIDGE_LOCKOUT_WINDOW_SECONDS", 1_800, at_least=60, at_most=86_400
)
DRAWBRIDGE_ACCESS_ENDS_WITH_SIGN_IN = env.switch("DRAWBRIDGE_ACCESS_ENDS_WITH_SIGN_IN", default=False)
DRAWBRIDGE_RENEWAL_SECONDS = env.number("DRAWBRIDGE_RENEWAL_SECONDS", 43_200, at_most=86_400)
DRAWBRIDGE_PASSWORD_CHANGE = env.switch("DRAWBRIDGE_PASSWORD_CHANGE", default=True)
DRAWBRIDGE_ADMIN_GROUPS = env.words("DRAWBRIDGE_ADMIN_GROUPS", separator=";")

# --- transport ------------------------------------------------------------------------------------
SECURE_HSTS_SECONDS = 31_536_000 if DRAWBRIDGE_BASE_URL.startswith("https://") else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = bool(SECURE_HSTS_SECONDS)

# --- the directory --------------------------------------------------------------------------------
DRAWBRIDGE_DIRECTORIES, of_each_directory = read_directories(env)
globals().update(of_each_directory)
DRAWBRIDGE_DIRECTORY_CALLS_AT_ONCE = env.number(
    "DRAWBRIDGE_DIRECTORY_CALLS_AT_ONCE", 4, at_least=1, at_most=64
)
DRAWBRIDGE_DIRECTORY_REUSE_SECONDS = env.number("DRAWBRIDGE_DIRECTORY_REUSE_SECONDS", 10, at_most=60)
DRAWBRIDGE_RECHECK_DEADLINE_SECONDS = env.number("DRAWBRIDGE_RECHECK_DEADLINE_SECONDS", 900, at_most=3_600)
# Twice this and a little more is the longest that somebody who has left stays signed in: below five minutes.
DRAWBRIDGE_SWEEP_SECONDS = env.number("DRAWBRIDGE_SWEEP_SECONDS", 60, at_least=1, at_most=120)

# --- statements -----------------------------------------------------------------------------------
DRAWBRIDGE_KEY_DIR = env.text("DRAWBRIDGE_KEY_DIR", "/etc/drawbridge/keys")
DRAWBRIDGE_PKCS11_MODULE = env.text("DRAWBRIDGE_PKCS11_MODULE", "")
DRAWBRIDGE_PKCS11_TOKEN = env.text("DRAWBRIDGE_PKCS11_TOKEN", "drawbridge")
DRAWBRIDGE_PKCS11_PIN = env.text("DRAWBRIDGE_PKCS11_PIN", "")
DRAWBRIDGE_SESSION_NAME_ATTRIBUTE = env.text("DRAWBRIDGE_SESSION_NAME_ATTRIBUTE", "mail")
DRAWBRIDGE_SESSION_TAGS = env.pairs("DRAWBRIDGE_SESSION_TAGS")
DRAWBRIDGE_AUDIENCES = env.pairs("DRAWBRIDGE_AUDIENCES")
DRAWBRIDGE_AWS_SIGNIN_URL = (
    env.address("DRAWBRIDGE_AWS_SIGNIN_URL") if env.optional("DRAWBRIDGE_AWS_SIGNIN_URL") else None
)

# --- other service providers ----------------------------------------------------------------------
DRAWBRIDGE_RELEASED_ATTRIBUTES = env.words("DRAWBRIDGE_RELEASED_ATTRIBUTES")
DRAWBRIDGE_METADATA_NETWORKS = env.words("DRAWBRIDGE_METADATA_NETWORKS")
DRAWBRIDGE_METADATA_VALIDITY_DAYS = env.number("DRAWBRIDGE_METADATA_VALIDITY_DAYS", 0, at_most=3_660)
DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS = env.switch("DRAWBRIDGE_UNSAFE_LOOPBACK_PROVIDERS", default=False)

# --- the bridge -----------------------------------------------------------------------------------
DRAWBRIDGE_PARTITIONS = env.words("DRAWBRIDGE_PARTITIONS", "aws,aws-us-gov")
DRAWBRIDGE_PARTITION_FILE = env.optional("DRAWBRIDGE_PARTITION_FILE")
DRAWBRIDGE_SIGNIN_REGIONS = env.words("DRAWBRIDGE_SIGNIN_REGIONS")
DRAWBRIDGE_STS_REGION = env.words("DRAWBRIDGE_STS_REGION", "us-east-1")
DRAWBRIDGE_STS_ENDPOINTS = env.pairs("DRAWBRIDGE_STS_ENDPOINTS")
DRAWBRIDGE_STS_CONNECT_SECONDS = env.number("DRAWBRIDGE_STS_CONNECT_SECONDS", 2, at_least=1, at_most=10)
DRAWBRIDGE_STS_READ_SECONDS = env.number("DRAWBRIDGE_STS_READ_SECONDS", 4, at_least=1, at_most=30)
DRAWBRIDGE_HUBS = env.words("DRAWBRIDGE_HUBS", separator=";")
DRAWBRIDGE_BROKER_IS_ROLE = env.switch("DRAWBRIDGE_BROKER_IS_ROLE", default=False)
DRAWBRIDGE_ENDER_ROLE = env.text("DRAWBRIDGE_ENDER_ROLE", "")
DRAWBRIDGE_READER_ROLE = env.text("DRAWBRIDGE_READER_ROLE", "")
DRAWBRIDGE_BROKER_PROFILE = env.optional("DRAWBRIDGE_BROKER_PROFILE")
DRAWBRIDGE_BROKER_PROFILES = env.pairs("DRAWBRIDGE_BROKER_PROFILES")
DRAWBRIDGE_BROKER_ACCESS_KEY_ID = env.optional("DRAWBRIDGE_BROKER_ACCESS_KEY_ID")
DRAWBRIDGE_BROKER_SECRET_ACCESS_KEY = env.optional("DRAWBRIDGE_BROKER_SECRET_ACCESS_KEY")

# --- tokens of OpenID Connect issuers -------------------------------------------------------------
DRAWBRIDGE_WEB_IDENTITY_ISSUERS = env.optional("DRAWBRIDGE_WEB_IDENTITY_ISSUERS")

# --- work on the timetable ------------------------------------------------------------------------
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")

# --- counters -------------------------------------------------------------------------------------
DRAWBRIDGE_METRICS_TOKEN = env.text("DRAWBRIDGE_METRICS_TOKEN", "")
DRAWBRIDGE_METRICS_NETWORKS = env.words("DRAWBRIDGE_METRICS_NETWORKS")

# --- pages ----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(ROOT / "staticfiles"))
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {"staticfiles": {"BACKEND": "idp.project.static_files.RememberedStaticFiles"}}

# --- logs -----------------------------------------------------------------------------------------
LOG_LEVEL = env.text("DRAWBRIDGE_LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "idp.project.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "drawbridge": {"handlers": ["stderr"], "level": LOG_LEVEL, "propagate": False},
        # Django's own line for a 4xx names the path only; ours names the refusal.
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}

# --- start-up checks ------------------------------------------------------------------------------
SILENCED_SYSTEM_CHECKS = [
    "security.W001",  # our own middleware sets what Django's SecurityMiddleware would; tests hold the headers
    "security.W002",  # frame-ancestors 'none' stands in the content security policy, with X-Frame-Options beside it
    "security.W003",  # our CSRF middleware is Django's own
    "security.W004",  # HSTS is set with https; drawbridge.E003 refuses plain http
    "security.W008",  # a plain-http listener belongs to the proxy; drawbridge.E003 refuses the address
    "security.W009",  # drawbridge.E002 is an error and stricter
    "security.W012",  # drawbridge.E005 refuses insecure cookies outside a demo on loopback
    "security.W016",  # likewise
    "security.W021",  # preload is set with https
]
