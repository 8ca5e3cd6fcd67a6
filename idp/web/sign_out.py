"""Signing out, the same from every page: here first, then at the services that know the session, one by one."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from idp.services.single_logout import leave
from idp.web.browser_cookies import lasting_secret, remember
from idp.web.request_id import origin_of


def signed_out(request: HttpRequest) -> HttpResponse:
    """The session is over, and services that know it are told; access that AWS has given already is not over."""
    under_way = leave(
        session=request.session,  # type: ignore[arg-type] # the settings name our engine
        secret=lasting_secret(request),
        origin=origin_of(request),
        now=datetime.now(UTC),
    )
    if under_way is None:
        return HttpResponseRedirect(f"{reverse('sign-in')}?{urlencode({'signed-out': ''})}")
    number, secret = under_way
    response = HttpResponseRedirect(f"{reverse('saml-logout-go-on')}?{urlencode({'run': number})}")
    remember(response, secret)
    return response
