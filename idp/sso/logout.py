"""Single logout, asked by a service or answered by one, and our own page that walks from one to the next."""

from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from idp.services.incoming import RawMessage
from idp.services.logout_sending import Next
from idp.services.parked_requests import Waiting, find_parked
from idp.services.single_logout import (
    Asked,
    go_on,
    park,
    take_answer,
    take_up,
    understand,
)
from idp.sso.answer_page import files
from idp.web.browser_cookies import lasting_secret, remember, remember_arrival, secrets_of
from idp.web.looked_at import looked_at
from idp.web.request_id import origin_of, reference_of
from idp.web.security_headers import allow_posting_to

RESPONSE = "SAMLResponse"


@require_GET
@looked_at
def by_redirect(request: HttpRequest) -> HttpResponse:
    """A service's wish ends this browser's session; a service's answer leads on to the next one."""
    now = datetime.now(UTC)
    raw = RawMessage.of_query(request.META.get("QUERY_STRING", ""))
    if RESPONSE in request.GET:
        return _led_on(take_answer(raw, origin=origin_of(request), now=now))
    asked = understand(raw, received_at=now, origin=origin_of(request), now=now)
    return _taken_up(request, asked, waiting=None, now=now)


@csrf_exempt
@require_POST
def by_post(request: HttpRequest) -> HttpResponse:
    """The same by a form; a wish waits for our own page, because our cookies do not come with another site's form."""
    now = datetime.now(UTC)
    raw = RawMessage.of_form(dict(request.POST.lists()))
    if RESPONSE in request.POST:
        return _led_on(take_answer(raw, origin=origin_of(request), now=now))
    asked = understand(raw, received_at=now, origin=origin_of(request), now=now)
    parked = park(asked, raw, origin=origin_of(request), now=now)
    response = _see(f"{reverse('saml-logout-arrived')}?{urlencode({'request': parked.number})}")
    remember_arrival(response, parked.secret)
    return response


@require_GET
@looked_at
def arrived(request: HttpRequest) -> HttpResponse:
    """The wish that has waited for this page ends this browser's session."""
    now = datetime.now(UTC)
    waiting = find_parked(request.GET.get("request", ""), browser_secrets=secrets_of(request), now=now)
    raw = RawMessage(waiting.binding, waiting.text)
    asked = understand(raw, received_at=waiting.received_at, origin=origin_of(request), now=now)
    return _taken_up(request, asked, waiting=waiting, now=now)


@require_GET
@looked_at
def continue_logout(request: HttpRequest) -> HttpResponse:
    """The next service is told; at the end stands who was told, and what does not end."""
    following = go_on(
        request.GET.get("run", ""),
        browser_secrets=list(secrets_of(request)),
        origin=origin_of(request),
        now=datetime.now(UTC),
    )
    return _next(request, following)


def _taken_up(request: HttpRequest, asked: Asked, *, waiting: Waiting | None, now: datetime) -> HttpResponse:
    taken = take_up(
        asked,
        session=request.session,  # type: ignore[arg-type] # the settings name our engine
        secret=lasting_secret(request),
        waiting=waiting,
        origin=origin_of(request),
        now=now,
    )
    if isinstance(taken, Next):
        return _next(request, taken)
    number, secret = taken
    response = _led_on(number)
    remember(response, secret)
    return response


def _led_on(number: str) -> HttpResponse:
    return _see(f"{reverse('saml-logout-go-on')}?{urlencode({'run': number})}")


def _see(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = HTTPStatus.SEE_OTHER
    return response


def _next(request: HttpRequest, following: Next) -> HttpResponse:
    """On to a service, by a link or a form; without one, the page that tells what became of everybody.

    A page of ours and no redirect: whoever pressed a button came by a form, and Chromium lets a form be led no
    further than the policy of its own page says.
    """
    message = following.message
    context = {"next": following, "files": files(), "reference": reference_of(request)}
    if message is None:
        return HttpResponse(render_to_string("sso/signed_out.html", context))
    if not message.is_form:
        # SAML Bindings 3.4.5: the message travels in the address.
        response = HttpResponse(render_to_string("sso/logout_link.html", context))
        response["Referrer-Policy"] = "no-referrer"
        return response
    response = HttpResponse(render_to_string("sso/logout_form.html", context))
    # The service's answer may come back by a redirect.
    allow_posting_to(response, ("'self'", *following.form_action))
    return response
