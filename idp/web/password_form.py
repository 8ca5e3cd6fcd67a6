"""The form that takes a password, the same for every door: one use-case, one throttle, one look (BF-05)."""

from datetime import UTC, datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.views.decorators.debug import sensitive_variables

from idp.domain.errors import Malformed, Refused, Unavailable
from idp.services.admission import Door, SignedIn
from idp.services.sign_in import sign_in
from idp.web.known_browser import keep_mark, mark_of
from idp.web.redirects import safe_next
from idp.web.refusals import log_refusal, retry_after, status_of
from idp.web.request_id import origin_of, reference_of


class NoNameOrPassword(Malformed):
    """The form lacks one of its fields."""

    code = "no-name-or-password"
    sentence = "Please enter your name and your password."


def show_form(
    request: HttpRequest,
    *,
    door: Door,
    asked: str,
    error: Refused | Unavailable | None = None,
    notice: str = "",
) -> HttpResponse:
    """The sign-in page; with an error it says what was wrong, in the same words for everybody."""
    context = {
        "door": door.value,
        "next": asked,
        "notice": notice,
        "error": error,
        "reference": reference_of(request),
        "username": request.POST.get("username", "")[:255],
    }
    response = render(request, "portal/sign_in.html", context, status=status_of(error) if error else 200)
    wait = retry_after(error) if error else None
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response


@sensitive_variables("password")
def take_password(request: HttpRequest, *, door: Door, default: str) -> HttpResponse:
    """Whoever has this name and password is signed in and led on; everybody else sees the form again."""
    asked = safe_next(request.POST.get("next", ""), default=default)
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
    except (Refused, Unavailable) as error:
        log_refusal(request, error, status=status_of(error))
        return show_form(request, door=door, asked=asked, error=error)
    return led_on(request, signed_in, asked)


def led_on(request: HttpRequest, signed_in: SignedIn, asked: str) -> HttpResponse:
    """Somebody has just signed in: their browser is known from now on, and they are told what they must know."""
    # What a page of before the sign-in holds is worth nothing after it (WB-01).
    rotate_token(request)
    if signed_in.notice:
        messages.warning(request, signed_in.notice)
    response = HttpResponseRedirect(asked)
    keep_mark(response, signed_in.mark)
    return response
