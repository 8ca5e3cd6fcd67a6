"""The cookie by which a browser is known for whoever has signed in with it; it opens nothing."""

from django.http import HttpRequest, HttpResponseBase

from idp.conf.access import access_config
from idp.services.known_browsers import KNOWN_FOR

NAME = "drawbridge-known-browser"


def cookie_name() -> str:
    """The cookie's name, bound to this host wherever cookies are secure."""
    return NAME if access_config().insecure_cookies else f"__Host-{NAME}"


def mark_of(request: HttpRequest) -> str:
    """What this browser holds from earlier sign-ins; unchecked."""
    return request.COOKIES.get(cookie_name(), "")


def keep_mark(response: HttpResponseBase, mark: str) -> None:
    """The browser holds this mark for as long as it is good."""
    response.set_cookie(
        cookie_name(),
        mark,
        max_age=KNOWN_FOR,
        secure=not access_config().insecure_cookies,
        httponly=True,
        samesite="Lax",
    )
