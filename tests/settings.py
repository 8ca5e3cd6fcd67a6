"""The site's settings with a fast hasher; never loosens a security setting."""

import os
import tempfile

os.environ.setdefault("SECRET_KEY", "made-up-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF")
os.environ.setdefault("DRAWBRIDGE_BASE_URL", "https://idp.example.test")
os.environ.setdefault("DATABASE_URL", "postgresql://test@127.0.0.1:1/replaced-by-the-fixture")
os.environ.setdefault("DRAWBRIDGE_LDAP_URI", "ldap://127.0.0.1:1")
os.environ.setdefault("DRAWBRIDGE_LDAP_CA_FILE", "/nonexistent/ca.pem")
os.environ.setdefault("DRAWBRIDGE_LDAP_USER_BASE", "ou=people,dc=example,dc=test")
os.environ.setdefault("DRAWBRIDGE_LDAP_GROUP_BASE", "ou=groups,dc=example,dc=test")
os.environ.setdefault("DRAWBRIDGE_HUBS", "999900001111")
os.environ.setdefault("DRAWBRIDGE_SESSION_TAGS", "CostCenter=departmentNumber")

# An empty folder, gone with this process: WhiteNoise warns of one that is missing, and warnings are errors.
no_static_files = tempfile.TemporaryDirectory(prefix="drawbridge-no-static-files-")
os.environ.setdefault("STATIC_ROOT", no_static_files.name)

from idp.project.settings import *  # noqa: E402, F403 - the environment must stand first; all of it is wanted

PASSWORD_HASHERS = ["tests.hasher.FastArgon2Hasher"]
# No collectstatic before tests: names without a hash.
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
