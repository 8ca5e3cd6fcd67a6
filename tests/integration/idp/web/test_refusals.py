"""Whatever is refused becomes a page or JSON with code, sentence and reference, and its cause stays in the log."""

import json
import logging
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import RequestFactory

from idp.domain.errors import (
    DirectoryUnavailable,
    Malformed,
    NotFound,
    Refused,
    RoleNotGranted,
    SignInNeeded,
    SignInRefused,
    Throttled,
    Unavailable,
)
from idp.web.middleware import OutermostEdge, SecurityHeaders
from idp.web.refusals import answer_to, refusal_response

SECRET_CAUSE = "cn=secret-cause,dc=example,dc=test"
STATUSES = [
    (Malformed(SECRET_CAUSE), 400),
    (RoleNotGranted(SECRET_CAUSE), 403),
    (SignInRefused(SECRET_CAUSE), 403),
    (Refused(SECRET_CAUSE), 403),
    (NotFound(SECRET_CAUSE), 404),
    (Throttled(SECRET_CAUSE, retry_after=17), 429),
    (Unavailable(SECRET_CAUSE), 503),
    (DirectoryUnavailable(SECRET_CAUSE), 503),
    (OperationalError(SECRET_CAUSE), 503),
    (InterfaceError(SECRET_CAUSE), 503),
    (ZeroDivisionError(SECRET_CAUSE), 500),
]


def a_request(**headers: str) -> HttpRequest:
    """A request by nobody."""
    request = RequestFactory().get("/roles", **headers)  # type: ignore[arg-type] # headers by their WSGI names
    request.user = AnonymousUser()
    return request


@pytest.mark.parametrize(("error", "status"), STATUSES, ids=lambda value: type(value).__name__)
def test_every_refusal_has_its_status_and_tells_no_cause(
    error: Exception, status: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page and JSON carry code, sentence and reference and no cause; the log carries the cause and the reference."""
    monkeypatch.setattr(logging.getLogger("drawbridge"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("drawbridge"), "handlers", [])
    page = answer_to(a_request(), error)
    told = answer_to(a_request(HTTP_ACCEPT="application/json"), error)
    assert (page.status_code, told.status_code) == (status, status)
    assert SECRET_CAUSE not in page.content.decode() + told.content.decode()
    answer = json.loads(told.content)
    assert set(answer) == {"code", "sentence", "reference"}
    assert f'id="code">{answer["code"]}<' in page.content.decode()
    [first, second] = [record for record in caplog.records if record.name == "drawbridge.web"]
    assert second.__dict__["facts"]["reference"] == answer["reference"]
    assert SECRET_CAUSE in f"{first.__dict__['facts']['cause']} {first.exc_info}"


@pytest.mark.parametrize(
    ("error", "wait"),
    [(Throttled(retry_after=17), "17"), (Unavailable(), "5"), (OperationalError(), "5"), (Refused(), None)],
    ids=lambda value: type(value).__name__,
)
def test_what_may_work_later_says_when(error: Exception, wait: str | None) -> None:
    """Retry-After stands where trying again helps, and only there."""
    assert answer_to(a_request(), error).headers.get("Retry-After") == wait


def test_who_is_not_signed_in_is_led_there_and_a_program_is_told() -> None:
    """A person is sent to the sign-in page, a program gets 401 as JSON."""
    assert refusal_response(a_request(), SignInNeeded()).status_code == 302
    assert refusal_response(a_request(HTTP_ACCEPT="application/json"), SignInNeeded()).status_code == 401


def test_a_wrong_method_gets_a_page_too() -> None:
    """405 keeps its Allow header and explains itself."""
    response = edge(lambda _: HttpResponse(status=405, headers={"Allow": "POST"}))(a_request())
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert b"wrong-method" in response.content  # type: ignore[attr-defined] # a page


def test_a_right_method_passes_the_edge_untouched() -> None:
    """The twin: an answer that is not a refusal is handed on as it is."""
    answer = HttpResponse("well")
    assert edge(lambda _: answer)(a_request()) is answer


def test_the_edge_leaves_what_django_answers_itself_to_its_handlers() -> None:
    """A 404 raised by a view goes on to the 404 handler."""
    assert edge(lambda _: HttpResponse()).process_exception(a_request(), Http404()) is None


def test_a_view_keeps_the_headers_that_it_set_itself() -> None:
    """The baseline is added, never put in the place of what a view needs."""

    def view(_: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Referrer-Policy": "no-referrer"})

    response = SecurityHeaders(view)(a_request())
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Content-Type-Options"] == "nosniff"


def edge(view: Callable[[HttpRequest], HttpResponse]) -> OutermostEdge:
    """The outermost edge around this view."""
    return OutermostEdge(view)
