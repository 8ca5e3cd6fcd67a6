"""The form that takes a password, the same for every door: one use-case, one throttle, one look (BF-05)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token, rotate_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from idp.conf.access import access_config
from idp.domain.errors import Malformed, PasswordChangeNeeded, Refused, Unavailable
from idp.services.admission import Admitted, Door
from idp.services.change_password import change_password
from idp.services.parked_requests import note_signed_in_for
from idp.services.sign_in import sign_in
from idp.web.known_browser import keep_mark, mark_of
from idp.web.redirects import safe_next
from idp.web.refusals import answer_to, log_refusal, retry_after, status_of
from idp.web.request_id import origin_of, reference_of

# Where the form of a door is posted to.
FORMS = {Door.PORTAL: "sign-in", Door.ADMIN: "admin:login"}
# The tag of messages that a link to the change of the password belongs to.
PASSWORD = "password"  # noqa: S105 - a tag
# What an address that waits for a sign-in says where only one made for it will do.
FRESH = "fresh"
CHANGED = "Your password has been changed. Please sign in with the new one."


class NoNameOrPassword(Malformed):
    """The form lacks one of its fields."""

    code = "no-name-or-password"
    sentence = "Please enter your name and your password."


def show_form(
    request: HttpRequest,
    *,
    door: Door,
    asked: str,
    action: str = "",
    error: Refused | Unavailable | None = None,
    notice: str = "",
) -> HttpResponse:
    """The sign-in page; with an error it says what was wrong, in the same words for everybody.

    `action` is where it is posted to, if not to the door's own page.
    """
    context = {
        "door": door.value,
        "next": asked,
        "action": action or reverse(FORMS[door]),
        "notice": notice,
        "changes": access_config().password_change,
        # Nothing on this page is about who asks, so that no context processor needs to run.
        "csrf_token": get_token(request),
    }
    page = render_to_string("portal/sign_in.html", context | _told(request, error))
    return _answered(HttpResponse(page), error)


def show_new_password_form(
    request: HttpRequest, *, asked: str, error: Refused | Unavailable | None = None, username: str = ""
) -> HttpResponse:
    """The page on which a password is changed; what was typed as a password is never put into it again."""
    told = _told(request, error)
    context = {"next": asked, **told, "username": told["username"] or username[:255]}
    return _answered(render(request, "portal/change_password.html", context), error)


def _told(request: HttpRequest, error: Refused | Unavailable | None) -> dict[str, Any]:
    return {
        "error": error,
        "reference": reference_of(request),
        "username": request.POST.get("username", "")[:255],
    }


def _answered(response: HttpResponse, error: Refused | Unavailable | None) -> HttpResponse:
    """The page with the status of what it tells, and when to come again."""
    if error is None:
        return response
    response.status_code = status_of(error)
    wait = retry_after(error)
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response


@sensitive_variables("password")
def take_password(
    request: HttpRequest,
    *,
    door: Door,
    asked: str,
    action: str = "",
    then: Callable[[], HttpResponse] | None = None,
) -> HttpResponse:
    """Whoever has this name and password is signed in and led on; everybody else sees the form again.

    With `then` nobody is led anywhere: what it gives is the answer.
    """
    try:
        username, password = request.POST.get("username"), request.POST.get("password")
        if username is None or password is None:
            raise NoNameOrPassword("a field is missing")
        signed_in = sign_in(
            session=request.session,  # type: ignore[arg-type] # the settings name our engine
            username=username,
            password=password,
            door=door,
            browser=request.META.get("HTTP_USER_AGENT", ""),
            mark=mark_of(request),
            origin=origin_of(request),
            now=datetime.now(UTC),
        )
    except PasswordChangeNeeded as error:
        log_refusal(request, error, status=status_of(error))
        if not access_config().password_change:
            return show_form(request, door=door, asked=asked, action=action, error=error)
        return show_new_password_form(request, asked=asked, error=error)
    except (Refused, Unavailable) as error:
        log_refusal(request, error, status=status_of(error))
        return show_form(request, door=door, asked=asked, action=action, error=error)
    return led_on(request, signed_in, asked, then)


@sensitive_variables("password", "new_password", "repeated")
def take_new_password(request: HttpRequest) -> HttpResponse:
    """Whoever has this name and password has the new one and is signed in; everybody else sees the form again."""
    asked = safe_next(request.POST.get("next", ""))
    try:
        username, password = request.POST.get("username"), request.POST.get("password")
        new_password, repeated = request.POST.get("new_password"), request.POST.get("new_password_again")
        if username is None or password is None or new_password is None or repeated is None:
            raise NoNameOrPassword("a field is missing")
        signed_in = change_password(
            session=request.session,  # type: ignore[arg-type] # the settings name our engine
            username=username,
            password=password,
            new_password=new_password,
            repeated=repeated,
            browser=request.META.get("HTTP_USER_AGENT", ""),
            mark=mark_of(request),
            origin=origin_of(request),
            now=datetime.now(UTC),
        )
    except (Refused, Unavailable) as error:
        log_refusal(request, error, status=status_of(error))
        return show_new_password_form(request, asked=asked, error=error)
    if signed_in is None:
        return show_form(request, door=Door.PORTAL, asked=asked, notice=CHANGED)
    return led_on(request, signed_in, asked)


def led_on(
    request: HttpRequest, signed_in: Admitted, asked: str, then: Callable[[], HttpResponse] | None = None
) -> HttpResponse:
    """Somebody has just signed in: their browser is known from now on, and they are told what they must know."""
    # What a page of before the sign-in holds is worth nothing after it (WB-01).
    rotate_token(request)
    going_on = urlsplit(asked)
    wanted = parse_qs(going_on.query)
    if FRESH in wanted and going_on.path == reverse("saml-go-on"):
        note_signed_in_for(wanted.get("request", [""])[0], request.session)  # type: ignore[arg-type] # the settings name our engine
    if signed_in.notice:
        messages.warning(request, signed_in.notice, extra_tags=PASSWORD)
    response = HttpResponseRedirect(asked) if then is None else _what_follows(request, asked, then)
    keep_mark(response, signed_in.mark)
    return response


def _what_follows(request: HttpRequest, asked: str, then: Callable[[], HttpResponse]) -> HttpResponse:
    """The page of whoever is signed in now; a refusal is one too, and takes the sign-in from nobody.

    What is not possible now is told at the address itself: with that page no session would be kept, and it may be
    opened again.
    """
    try:
        return then()
    except Refused as refusal:
        return answer_to(request, refusal)
    except Unavailable:
        return HttpResponseRedirect(asked)
