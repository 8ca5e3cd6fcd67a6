"""Two cookies that bind a waiting request to the browser that brought it; neither signs anybody in.

A form that another site posts comes without our cookies, so the answer to it cannot know the lasting one and sets
another, which our own page trades in at once: several windows then wait side by side.
"""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponseBase

from idp.conf.access import access_config

LASTING = "drawbridge-browser"
ARRIVAL = "drawbridge-arrival"
ARRIVAL_SECONDS = 900


def secrets_of(request: HttpRequest) -> Iterator[str]:
    """The secrets that this browser holds, the lasting one first."""
    for name in (LASTING, ARRIVAL):
        value = request.COOKIES.get(_full(name), "")
        if value:
            yield value


def lasting_secret(request: HttpRequest) -> str | None:
    """The lasting secret of this browser, if it has one."""
    return request.COOKIES.get(_full(LASTING)) or None


def remember(response: HttpResponseBase, secret: str) -> None:
    """The browser holds this secret until it is closed, and the arrival's is gone."""
    _set(response, LASTING, secret, seconds=None)
    response.delete_cookie(_full(ARRIVAL), path="/", samesite="Lax")


def remember_arrival(response: HttpResponseBase, secret: str) -> None:
    """The browser holds this secret until our own page has traded it in."""
    _set(response, ARRIVAL, secret, seconds=ARRIVAL_SECONDS)


def _set(response: HttpResponseBase, name: str, secret: str, *, seconds: int | None) -> None:
    response.set_cookie(
        _full(name),
        secret,
        max_age=seconds,
        path="/",
        secure=not access_config().insecure_cookies,
        httponly=True,
        samesite="Lax",
    )


def _full(name: str) -> str:
    return name if access_config().insecure_cookies else f"__Host-{name}"
