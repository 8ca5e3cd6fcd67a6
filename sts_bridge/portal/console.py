"""Open the console by a console address made from credentials, and the page on which such a session ends."""

from datetime import UTC, datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from idp.web.identifiers import new_ids
from idp.web.middleware import SignedInRequest, signed_in
from idp.web.request_id import origin_of
from sts_bridge.portal.forms import only, read_narrowing
from sts_bridge.services.open_console import open_console


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@sensitive_variables()
def open_console_by_broker(request: SignedInRequest, account: str, role: str) -> HttpResponse:
    """A click leads to the console; its address stands in `Location` and nowhere else (AW-07)."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("go", kwargs={"account": account, "role": role}))
    now = datetime.now(UTC)
    narrowing = read_narrowing(request.POST, person=request.user, account=account, role_name=role, now=now)
    address = open_console(
        person=request.user,
        account=account,
        role_name=role,
        narrowing=narrowing,
        destination=only(request.POST, "to") or None,
        region=only(request.POST, "through") or None,
        origin=origin_of(request),
        signed_in_at=request.session.signed_in_at,
        now=now,
        ids=new_ids(),
    )
    response = HttpResponse(status=HTTPStatus.SEE_OTHER)
    response["Location"] = address.reveal()
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
def show_session_ended(request: HttpRequest) -> HttpResponse:
    """Where AWS leads people when such a console session is over; it says so, and shows the way back."""
    return render(request, "sts_bridge/session_ended.html")
