"""Start at a service without its asking: GET shows what will happen, and only a click makes it happen (RQ-09)."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from idp.domain.errors import Malformed
from idp.domain.provider_kind import ProviderKind
from idp.domain.service_provider import ServiceProvider
from idp.services.incoming import check_relay_state
from idp.services.provider_statement import SignedIn
from idp.services.service_providers import service_provider_of
from idp.services.start_at_service import start
from idp.sso.answer_page import answer_page
from idp.web.identifiers import new_ids
from idp.web.middleware import SignedInRequest, signed_in
from idp.web.request_id import origin_of


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def start_at_service(request: SignedInRequest) -> HttpResponse:
    """A page with one button; the button gives the page that posts the statement."""
    now = datetime.now(UTC)
    provider = service_provider_of(_one(request, "sp") or "", now=now)
    relay_state = check_relay_state(_one(request, "RelayState"))
    if provider.kind is ProviderKind.AWS:
        return HttpResponseRedirect(reverse("roles"))
    if request.method != "POST":
        return _page(request, provider, relay_state)
    given = start(
        provider,
        SignedIn.of(request.session, service=provider.entity_id),
        relay_state=relay_state,
        origin=origin_of(request),
        now=now,
        ids=new_ids(),
    )
    return answer_page(request, given)


def _page(request: HttpRequest, provider: ServiceProvider, relay_state: str | None) -> HttpResponse:
    context = {"provider": provider, "relay_state": relay_state, "acs": provider.default_acs.location}
    return render(request, "sso/start.html", context)


def _one(request: HttpRequest, name: str) -> str | None:
    values = (request.POST if request.method == "POST" else request.GET).getlist(name)
    if len(values) > 1:
        raise Malformed(f"{name} stands there {len(values)} times")
    return values[0] if values else None
