"""What surrounds every request: its number, security headers, the outermost edge, session and person.

The order stands in the settings. Headers lie outside the edge, so that refusals carry them too.
"""

from collections.abc import Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from idp.conf.access import access_config
from idp.domain.errors import SignInNeeded
from idp.services.access_sessions import Person
from idp.services.site_sessions import person_of
from idp.web.refusals import WrongMethod, answer_to, refusal_response
from idp.web.request_id import REFERENCE, new_reference
from idp.web.security_headers import page_headers

Handler = Callable[[HttpRequest], HttpResponseBase]
Parameters = ParamSpec("Parameters")

ADMIN_PATH = "/admin/"
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
DJANGO_REFUSALS = (Http404, PermissionDenied, SuspiciousOperation, BadRequest)


class SignedInRequest(HttpRequest):
    """A request behind `signed_in`: somebody is there."""

    user: Person
    session: Any  # our session engine's class belongs to the tables


class RequestNumber:
    """Every request has a number, which its answer shows; and the site's own scheme, whatever the proxy's was."""

    def __init__(self, get_response: Handler) -> None:
        """Read once what does not change."""
        self.get_response = get_response
        self.scheme = urlsplit(access_config().base_url).scheme

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Whether a request is secure decides how strictly its origin is checked: no proxy decides that."""
        reference = new_reference()
        request.META[REFERENCE] = reference
        request.META["wsgi.url_scheme"] = self.scheme
        response = self.get_response(request)
        response["X-Request-Id"] = reference
        return response


class SecurityHeaders:
    """Every answer carries the baseline; a view that needs another value has set it already."""

    def __init__(self, get_response: Handler) -> None:
        """Put the values together once."""
        self.get_response = get_response
        self.pages = tuple(page_headers().items())
        # Django's admin runs select2 and jQuery, which write HTML as text: trusted types would stop them.
        self.admin = tuple(page_headers(trusted_types=False).items())

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add what the answer does not say itself."""
        response = self.get_response(request)
        headers = response.headers
        for name, value in self.admin if request.path.startswith(ADMIN_PATH) else self.pages:
            if name not in headers:
                headers[name] = value
        return response


class OutermostEdge:
    """What a view raises becomes an answer: a refusal as what it is, anything else as a mistake with a number."""

    def __init__(self, get_response: Handler) -> None:
        """Nothing is prepared."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """An address that is asked in the wrong way gets a page too.

        What was posted is taken in whole, up to Django's limit: a connection with an unread rest would have
        to be closed, and whatever a proxy sends next on it would be lost.
        """
        if request.method not in WITHOUT_BODY:
            _ = request.body
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = response.headers.get("Allow", "")
            response = refusal_response(request, WrongMethod(f"allowed is {allowed}"))
            response["Allow"] = allowed
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Django's own refusals (404 and its like) go on to their handlers, which answer alike."""
        if isinstance(exception, DJANGO_REFUSALS):
            return None
        return answer_to(request, exception)


class SiteSession(SessionMiddleware):
    """The browser's session, on our own engine; nothing is read before somebody asks who is there."""


class SignedInPerson(AuthenticationMiddleware):
    """`request.user` is whoever signed in with the session; asked for only when used."""

    def process_request(self, request: HttpRequest) -> None:
        """Public pages and health must not need the database (fault 8)."""
        request.user = SimpleLazyObject(partial(person_of, request.session))  # type: ignore[assignment, arg-type] # a stand-in for the person


def signed_in(
    view: Callable[Concatenate[SignedInRequest, Parameters], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, Parameters], HttpResponseBase]:
    """The view is for people who are signed in; everybody else is asked to sign in first."""

    @wraps(view)
    def guarded(
        request: HttpRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> HttpResponseBase:
        person = person_of(request.session)  # type: ignore[arg-type] # the settings name our engine
        if not person.is_authenticated:
            raise SignInNeeded("nobody is signed in")
        request.user = person
        return view(request, *args, **kwargs)  # type: ignore[arg-type] # from here on somebody is there

    return cast("Callable[Concatenate[HttpRequest, Parameters], HttpResponseBase]", guarded)
