"""Temporary credentials, shown once and never stored: neither here nor in the browser."""

from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from idp.web.identifiers import new_ids
from idp.web.middleware import SignedInRequest, signed_in
from idp.web.refusals import prefers_json
from idp.web.request_id import origin_of
from sts_bridge.domain.formats import process_json, write_credentials
from sts_bridge.portal.forms import read_narrowing
from sts_bridge.services.issue_credentials import IssuedCredentials, issue_credentials
from sts_bridge.services.renew import renew

JSON = "application/json"


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@sensitive_variables()
def show_credentials(request: SignedInRequest, account: str, role: str) -> HttpResponse:
    """A click gives the page, or a credential process's JSON to a program; any other way leads to the button."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("go", kwargs={"account": account, "role": role}))
    now = datetime.now(UTC)
    issued = issue_credentials(
        person=request.user,
        account=account,
        role_name=role,
        narrowing=read_narrowing(request.POST, person=request.user, account=account, role_name=role, now=now),
        origin=origin_of(request),
        signed_in_at=request.session.signed_in_at,
        now=now,
        ids=new_ids(),
    )
    return _shown_once(request, issued)


@require_POST
@signed_in
@sensitive_variables()
def renew_credentials(request: SignedInRequest, number: UUID) -> HttpResponse:
    """New credentials in place of those of this access, on the same page or as the same JSON."""
    issued = renew(
        person=request.user,
        number=number,
        origin=origin_of(request),
        signed_in_at=request.session.signed_in_at,
        now=datetime.now(UTC),
        ids=new_ids(),
    )
    return _shown_once(request, issued)


def _shown_once(request: HttpRequest, issued: IssuedCredentials) -> HttpResponse:
    response = _json(issued) if prefers_json(request) else _page(request, issued)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _json(issued: IssuedCredentials) -> HttpResponse:
    return HttpResponse(process_json(issued.credentials, issued.entitlement.role.arn), content_type=JSON)


def _page(request: HttpRequest, issued: IssuedCredentials) -> HttpResponse:
    credentials, role = issued.credentials, issued.entitlement.role
    written = write_credentials(credentials, role.arn)
    forms = (
        {"id": "bash", "title": "bash and zsh", "text": written.bash},
        {"id": "fish", "title": "fish", "text": written.fish},
        {"id": "powershell", "title": "PowerShell", "text": written.powershell},
        {"id": "profile", "title": "Profile in ~/.aws/credentials", "text": written.profile},
    )
    context = {
        "role": role,
        "credentials": credentials,
        "secret_access_key": credentials.secret_access_key.reveal(),
        "session_token": credentials.session_token.reveal(),
        "forms": forms,
    }
    return render(request, "sts_bridge/credentials.html", context)
