"""After sign-in, only to places on a list of route names; whatever else was asked leads to the roles."""

import re
from urllib.parse import unquote, urlencode

from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, resolve, reverse

ROUTES = frozenset({"roles", "go", "sessions", "saml-go-on", "saml-start"})
# Where a form's address leads when it is opened again after sign-in.
FORMS_OF = {"console": "go", "credentials": "go", "end-other-sessions": "sessions"}
ADMIN = "admin"
ADMIN_DOORS = frozenset({"login", "logout", "password_change", "password_change_done"})
LONGEST = 4_096
# Printable ASCII without the backslash, which browsers take for a slash (RQ-08).
plain_text = re.compile(r"[!-\[\]-~]+", re.ASCII)
dot_segment = re.compile(r"(?:^|/)\.{1,2}(?:/|$)", re.ASCII)


def safe_next(asked: str, *, default: str = "roles") -> str:
    """The address that was asked, if a route on the list serves it; the default's address otherwise."""
    return asked if is_ours(asked) else reverse(default)


def is_ours(asked: str) -> bool:
    """Whether this text, as a browser reads it, is a page of ours that one may be led to."""
    if len(asked) > LONGEST or not plain_text.fullmatch(asked):
        return False
    path = unquote(asked.partition("#")[0].partition("?")[0])
    if not path.startswith("/") or path.startswith("//") or "\\" in path or dot_segment.search(path):
        return False
    if not path.isprintable():
        return False
    try:
        match = resolve(path)
    except Resolver404:
        return False
    return is_listed(match)


def is_listed(match: ResolverMatch) -> bool:
    """Whether this route may be gone to after sign-in: pages only, and none that signs in or out."""
    if match.app_name == ADMIN:
        return match.url_name not in ADMIN_DOORS
    return not match.app_names and match.url_name in ROUTES


def sign_in_address(request: HttpRequest) -> str:
    """The sign-in page, which leads back to what was asked for where that is a page."""
    path = reverse("sign-in")
    asked = page_of(request)
    return f"{path}?{urlencode({'next': asked})}" if asked != reverse("roles") else path


def page_of(request: HttpRequest) -> str:
    """The page to come back to: the one asked for, or the one that holds the form that was posted."""
    if request.method in {"GET", "HEAD"}:
        return safe_next(request.get_full_path())
    match = request.resolver_match
    name = FORMS_OF.get(match.url_name or "") if match else None
    if match is None or name is None:
        return reverse("roles")
    return reverse(name, kwargs=match.kwargs if name == "go" else None)
