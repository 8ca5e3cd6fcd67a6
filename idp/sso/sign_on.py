"""Receive a request by Redirect or POST and answer it with a self-posting page (SAML Profiles 4.1).

A request that cannot be answered at once waits: `go_on` is our own page, and takes the password where one is due.
"""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from idp.domain.authn_request import RequestUnmet, Status
from idp.domain.errors import SignInNeeded
from idp.services.admission import Door
from idp.services.answer_request import answer, check_answerable, refuse
from idp.services.incoming import RawMessage
from idp.services.parked_requests import (
    Waiting,
    bind_to,
    check_signed_in_for,
    find_parked,
    new_secret,
)
from idp.services.provider_statement import SignedIn
from idp.services.replay import Replayed
from idp.services.understand_request import Asked, park, seen_before, take_up, understand
from idp.sso.answer_page import answer_page
from idp.web.browser_cookies import lasting_secret, remember, remember_arrival, secrets_of
from idp.web.identifiers import new_ids
from idp.web.looked_at import looked_at
from idp.web.password_form import FRESH, show_form, take_password
from idp.web.request_id import origin_of

SEE_OTHER = 303


@require_GET
@looked_at
def by_redirect(request: HttpRequest) -> HttpResponse:
    """The answer to whoever is signed in; everybody else signs in first, in the form that is shown here."""
    now, origin, secret = datetime.now(UTC), origin_of(request), lasting_secret(request)
    raw = RawMessage.of_query(request.META.get("QUERY_STRING", ""))
    asked = understand(raw, origin=origin, now=now)
    try:
        try:
            return _answer(request, asked, waiting=None, now=now)
        except SignInNeeded:
            parked = park(asked, secret=secret, origin=origin, now=now)
    except Replayed as refusal:
        parked = seen_before(asked, refusal, secret=secret, origin=origin, now=now)
        return HttpResponseRedirect(going_on(parked.number))
    response = _form(request, asked, parked.number)
    remember(response, parked.secret)
    return response


@csrf_exempt
@require_POST
def by_post(request: HttpRequest) -> HttpResponse:
    """The request waits, and our own page goes on with it: our cookies do not come with another site's form."""
    now, origin = datetime.now(UTC), origin_of(request)
    raw = RawMessage.of_form(dict(request.POST.lists()))
    asked = understand(raw, origin=origin, now=now)
    try:
        parked = park(asked, secret=None, origin=origin, now=now)
    except Replayed as refusal:
        parked = seen_before(asked, refusal, secret=None, origin=origin, now=now)
    response = HttpResponseRedirect(going_on(parked.number))
    response.status_code = SEE_OTHER
    remember_arrival(response, parked.secret)
    return response


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@looked_at
def go_on(request: HttpRequest) -> HttpResponse:
    """The answer to a request that has waited, or the form where a password is due for it.

    The form is posted to here too, so that whoever has signed in has the answer at once.
    """
    now = datetime.now(UTC)
    number = request.GET.get("request", "")
    waiting = find_parked(number, browser_secrets=secrets_of(request), now=now)
    asked = take_up(waiting, origin=origin_of(request), now=now)
    if request.method == "POST":
        place = going_on(number, fresh=asked.request.force_authn)
        return take_password(
            request,
            door=Door.PORTAL,
            asked=place,
            action=place,
            then=lambda: _answer(request, asked, waiting=waiting, now=datetime.now(UTC)),
        )
    try:
        return _answer(request, asked, waiting=waiting, now=now)
    except SignInNeeded:
        response = _form(request, asked, number)
    secret = lasting_secret(request) or new_secret()
    if not waiting.is_bound_to(secret):
        bind_to(waiting, secret)
        remember(response, secret)
    return response


def _form(request: HttpRequest, asked: Asked, number: str) -> HttpResponse:
    """The form that takes a password for this request, and leads on to its answer."""
    place = going_on(number, fresh=asked.request.force_authn)
    notice = f"Sign in to go on to {asked.provider.name}."
    return show_form(request, door=Door.PORTAL, asked=place, action=place, notice=notice)


def _answer(request: HttpRequest, asked: Asked, *, waiting: Waiting | None, now: datetime) -> HttpResponse:
    """The page with the answer; refuses with SignInNeeded where somebody has to sign in for it first."""
    origin, ids = origin_of(request), new_ids()
    try:
        check_answerable(asked)
        signed_in = SignedIn.of(request.session, service=asked.provider.entity_id)  # type: ignore[arg-type] # the settings name our engine
        if asked.request.force_authn:
            check_signed_in_for(waiting, request.session)  # type: ignore[arg-type] # likewise
        given = answer(asked, signed_in, waiting=waiting, origin=origin, now=now, ids=ids)
    except RequestUnmet as unmet:
        given = refuse(asked, unmet, waiting=waiting, person=None, origin=origin, now=now, ids=ids)
    except SignInNeeded:
        if not asked.request.is_passive:
            raise
        passive = RequestUnmet(Status.NO_PASSIVE, "nobody is signed in, and nothing may be shown")
        given = refuse(asked, passive, waiting=waiting, person=None, origin=origin, now=now, ids=ids)
    return answer_page(request, given)


def going_on(number: str, *, fresh: bool = False) -> str:
    """Our page that goes on with a waiting request; with `fresh` the sign-in notes that it was made for that."""
    wanted = {FRESH: "1"} if fresh else {}
    return f"{reverse('saml-go-on')}?{urlencode({'request': number, **wanted})}"
