"""Sign in, sign out."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from idp.services.admission import Door
from idp.services.single_logout import leave
from idp.web.browser_cookies import lasting_secret, remember
from idp.web.password_form import show_form, take_password
from idp.web.redirects import safe_next
from idp.web.request_id import origin_of

SIGNED_OUT = (
    "You are signed out here. Consoles and credentials that you have opened stay valid until they end."
)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """The form, or what came of it; who is signed in already is led on."""
    if request.method == "POST":
        return take_password(request, door=Door.PORTAL, default="roles")
    asked = safe_next(request.GET.get("next", ""))
    if request.user.is_authenticated:
        return HttpResponseRedirect(asked)
    notice = SIGNED_OUT if "signed-out" in request.GET else ""
    return show_form(request, door=Door.PORTAL, asked=asked, notice=notice)


@require_POST
def sign_out_page(request: HttpRequest) -> HttpResponse:
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
