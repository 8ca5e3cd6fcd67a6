"""A refusal as status, page or JSON: code, sentence and reference; the cause goes to the log only."""

import logging
import sys
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string

from idp.domain.errors import Malformed, NotFound, Refused, SignInNeeded, Throttled, Unavailable
from idp.web.redirects import sign_in_address
from idp.web.request_id import client_address, reference_of

logger = logging.getLogger("drawbridge.web")

TITLES = {
    HTTPStatus.BAD_REQUEST: "This could not be read",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Nothing here",
    HTTPStatus.METHOD_NOT_ALLOWED: "Not like this",
    HTTPStatus.TOO_MANY_REQUESTS: "Please wait a little",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not at the moment",
}


class NotFromOurPage(Refused):
    """The form did not come from a page of ours (WB-03)."""

    code = "not-from-our-page"
    sentence = "This did not come from a page of ours, or the page was too old. Please go back, reload and try again."


class WrongMethod(Refused):
    """The address exists, and takes another kind of request."""

    code = "wrong-method"
    sentence = "This address cannot be opened directly. Please start from your roles."


class StoreUnavailable(Unavailable):
    """The database does not answer: nothing is given out without a record."""

    code = "store-unavailable"


class WentWrong(Unavailable):
    """A mistake of ours that nobody foresaw."""

    code = "something-went-wrong"
    sentence = (
        "Something went wrong on our side. Please try again; "
        "if it stays so, give the reference below to your administrators."
    )


def refusal_response(
    request: HttpRequest, error: Refused | Unavailable, *, unforeseen: BaseException | None = None
) -> HttpResponse:
    """The answer to what was refused, after its cause has been logged."""
    status = status_of(error)
    log_refusal(request, error, status=status, unforeseen=unforeseen)
    wants_json = prefers_json(request)
    if isinstance(error, SignInNeeded) and not wants_json:
        return HttpResponseRedirect(sign_in_address(request))
    told = {"code": error.code, "sentence": error.told, "reference": reference_of(request)}
    response: HttpResponse
    if wants_json:
        response = JsonResponse(told, status=status)
    else:
        # Without the request: this page must come up when neither session nor database does.
        page = render_to_string("portal/refused.html", {**told, "title": TITLES.get(status, "Refused")})
        response = HttpResponse(page, status=status)
    wait = retry_after(error)
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response


def status_of(error: Refused | Unavailable) -> HTTPStatus:
    """The HTTP status that this kind of refusal has."""
    kinds: tuple[tuple[type[Exception], HTTPStatus], ...] = (
        (WentWrong, HTTPStatus.INTERNAL_SERVER_ERROR),
        (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
        (Malformed, HTTPStatus.BAD_REQUEST),
        (NotFound, HTTPStatus.NOT_FOUND),
        (Throttled, HTTPStatus.TOO_MANY_REQUESTS),
        (SignInNeeded, HTTPStatus.UNAUTHORIZED),
        (WrongMethod, HTTPStatus.METHOD_NOT_ALLOWED),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), HTTPStatus.FORBIDDEN)


def retry_after(error: Refused | Unavailable) -> int | None:
    """In how many seconds it is worth trying again; None where it is not."""
    if isinstance(error, Throttled):
        return error.retry_after
    return error.retry_after if isinstance(error, Unavailable) else None


def log_refusal(
    request: HttpRequest,
    error: Refused | Unavailable,
    *,
    status: HTTPStatus,
    unforeseen: BaseException | None = None,
) -> None:
    """The private cause stands in the log under the reference that the person was shown."""
    level = logging.INFO
    if isinstance(error, Unavailable):
        level = logging.WARNING if unforeseen is None else logging.ERROR
    logger.log(
        level,
        "request.refused",
        extra={
            "facts": {
                "reference": reference_of(request),
                "code": error.code,
                "cause": error.cause,
                "status": int(status),
                "method": request.method,
                "path": request.path,
                "address": client_address(request),
            }
        },
        exc_info=unforeseen,
    )


def prefers_json(request: HttpRequest) -> bool:
    """Whether a program asks: it says or sends JSON and does not say HTML."""
    accepted = request.META.get("HTTP_ACCEPT", "")
    said = "application/json" in accepted or request.content_type == "application/json"
    return said and "text/html" not in accepted


def answer_to(request: HttpRequest, error: BaseException | None) -> HttpResponse:
    """The answer to whatever was raised: ours say what they are, the rest is a mistake of ours."""
    if isinstance(error, Refused | Unavailable):
        return refusal_response(request, error)
    if isinstance(error, OperationalError | InterfaceError):
        cause = f"{type(error).__name__}: {error}".strip()
        return refusal_response(request, StoreUnavailable(cause))
    return refusal_response(request, WentWrong(type(error).__name__), unforeseen=error)


def bad_request(request: HttpRequest, exception: BaseException) -> HttpResponse:
    """Django's answer to what it cannot read: a foreign Host, too large a form, a session that has just ended."""
    return refusal_response(request, Malformed(f"{type(exception).__name__}: {exception}"))


def forbidden(request: HttpRequest, exception: BaseException) -> HttpResponse:
    """Django's answer to a missing permission."""
    return refusal_response(request, Refused(f"{type(exception).__name__}: {exception}"))


def page_not_found(request: HttpRequest, exception: BaseException) -> HttpResponse:
    """Django's answer to an address that nobody serves."""
    return refusal_response(request, NotFound(type(exception).__name__))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's answer to an exception from a middleware; those from views end in `OutermostEdge`."""
    return answer_to(request, sys.exception())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's answer to a form without a valid token or from another origin."""
    return refusal_response(request, NotFromOurPage(reason))
