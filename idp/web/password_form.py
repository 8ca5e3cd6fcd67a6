"""The form that takes a password, the same for every door: one use-case, one throttle, one look (BF-05)."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from idp.conf import access_config
from idp.domain.errors import Malformed, PasswordChangeNeeded, Refused, Unavailable
from idp.services.admission import Door, SignedIn
from idp.services.change_password import change_password
from idp.services.parked_requests import note_signed_in_for
from idp.services.sign_in import sign_in
from idp.web.known_browser import keep_mark, mark_of
from idp.web.redirects import safe_next
from idp.web.refusals import log_refusal, retry_after, status_of
from idp.web.request_id import origin_of, reference_of

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
    error: Refused | Unavailable | None = None,
    notice: str = "",
) -> HttpResponse:
    """The sign-in page; with an error it says what was wrong, in the same words for everybody."""
    changes = "yes" if access_config().password_change else ""
    return _page(
        request, "portal/sign_in.html", error, door=door.value, next=asked, notice=notice, changes=changes
    )


def show_new_password_form(
    request: HttpRequest, *, asked: str, error: Refused | Unavailable | None = None, username: str = ""
) -> HttpResponse:
    """The page on which a password is changed; what was typed as a password is never put into it again."""
    return _page(request, "portal/change_password.html", error, username, next=asked)


def _page(
    request: HttpRequest,
    template: str,
    error: Refused | Unavailable | None,
    username: str = "",
    **context: str,
) -> HttpResponse:
    told = {
        "error": error,
        "reference": reference_of(request),
        "username": (request.POST.get("username") or username)[:255],
    }
    response = render(request, template, context | told, status=status_of(error) if error else 200)
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
    except PasswordChangeNeeded as error:
        log_refusal(request, error, status=status_of(error))
        if not access_config().password_change:
            return show_form(request, door=door, asked=asked, error=error)
        return show_new_password_form(request, asked=asked, error=error)
    except (Refused, Unavailable) as error:
        log_refusal(request, error, status=status_of(error))
        return show_form(request, door=door, asked=asked, error=error)
    return led_on(request, signed_in, asked)


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


def led_on(request: HttpRequest, signed_in: SignedIn, asked: str) -> HttpResponse:
    """Somebody has just signed in: their browser is known from now on, and they are told what they must know."""
    # What a page of before the sign-in holds is worth nothing after it (WB-01).
    rotate_token(request)
    going_on = urlsplit(asked)
    wanted = parse_qs(going_on.query)
    if FRESH in wanted and going_on.path == reverse("saml-go-on"):
        note_signed_in_for(wanted.get("request", [""])[0], request.session)  # type: ignore[arg-type] # the settings name our engine
    if signed_in.notice:
        messages.warning(request, signed_in.notice, extra_tags=PASSWORD)
    response = HttpResponseRedirect(asked)
    keep_mark(response, signed_in.mark)
    return response
