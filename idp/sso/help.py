"""The page to which services send people who got in nowhere: our metadata names it as `errorURL`."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from idp.conf.saml import saml_config
from idp.web.request_id import reference_of


@require_safe
def service_help(request: HttpRequest) -> HttpResponse:
    """What to do when a service says that it does not learn enough; shows nothing of what came with the address."""
    context = {"contact": saml_config().description.contact, "reference": reference_of(request)}
    return render(request, "sso/help.html", context)
