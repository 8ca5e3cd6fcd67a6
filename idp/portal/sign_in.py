"""Sign in, sign out."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from idp.services.admission import Door
from idp.web.password_form import show_form, take_password
from idp.web.redirects import safe_next
from idp.web.sign_out import signed_out

SIGNED_OUT = (
    "You are signed out here. Consoles and credentials that you have opened stay valid until they end."
)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """The form, or what came of it; who is signed in already is led on."""
    if request.method == "POST":
        return take_password(request, door=Door.PORTAL, asked=safe_next(request.POST.get("next", "")))
    asked = safe_next(request.GET.get("next", ""))
    if request.user.is_authenticated:
        return HttpResponseRedirect(asked)
    notice = SIGNED_OUT if "signed-out" in request.GET else ""
    return show_form(request, door=Door.PORTAL, asked=asked, notice=notice)


@require_POST
def sign_out_page(request: HttpRequest) -> HttpResponse:
    """The session is over, and services that know it are told."""
    return signed_out(request)
