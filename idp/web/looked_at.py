"""A link leads on only where somebody looks at what it opens: nothing comes of guesses and pictures (RQ-09)."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from idp.domain.errors import NotFound

Parameters = ParamSpec("Parameters")

# What a browser opens for somebody to see. A picture is not that, nor a frame: ours are shown in none (WB-05).
SEEN = "document"
# By which browsers have said, in the order of their years, that nobody has asked yet.
PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")
AHEAD = ("prefetch", "prerender", "preview")


class NobodyLooks(NotFound):
    """The address was opened by a browser on its own, for nobody who would see the page."""

    code = "nobody-looks"
    sentence = "This page opens only where somebody looks at it. Please follow the link again."


def looked_at(
    view: Callable[Concatenate[HttpRequest, Parameters], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, Parameters], HttpResponseBase]:
    """The view is for people who look; whatever a browser fetches without them is refused before anything is read.

    Programs and old browsers say nothing of that, and are taken at that.
    """

    @wraps(view)
    def guarded(
        request: HttpRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> HttpResponseBase:
        if is_fetched_ahead(request):
            raise NobodyLooks("fetched ahead, or for a part of another page")
        return view(request, *args, **kwargs)

    return guarded


def is_fetched_ahead(request: HttpRequest) -> bool:
    """Whether a browser only guesses that somebody will want this, or wants it for a part of another page."""
    said = " ".join(request.META.get(name, "") for name in PURPOSES).lower()
    return any(word in said for word in AHEAD) or request.META.get("HTTP_SEC_FETCH_DEST", SEEN) != SEEN
