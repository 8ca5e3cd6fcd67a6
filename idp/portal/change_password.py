"""Change the password: whoever must is led here by the sign-in, whoever wants to comes by the link."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from idp.conf.access import access_config
from idp.domain.errors import NotFound
from idp.web.password_form import show_new_password_form, take_new_password
from idp.web.redirects import safe_next


@sensitive_post_parameters("password", "new_password", "new_password_again")
@require_http_methods(["GET", "HEAD", "POST"])
def change_password_page(request: HttpRequest) -> HttpResponse:
    """The form, or what came of it; there is none where passwords are changed elsewhere."""
    if not access_config().password_change:
        raise NotFound("DRAWBRIDGE_PASSWORD_CHANGE is off")
    if request.method == "POST":
        return take_new_password(request)
    name = request.user.username if request.user.is_authenticated else ""
    return show_new_password_form(request, asked=safe_next(request.GET.get("next", "")), username=name)
