"""Open the console by SAML: one click, one statement, one page that posts itself to AWS."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from django.http import HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from idp.domain.access_session import AccessKind
from idp.portal.forms import Wish
from idp.services.issue_assertion import issue_assertion
from idp.web.identifiers import new_ids
from idp.web.middleware import SignedInRequest, signed_in
from idp.web.request_id import origin_of
from idp.web.security_headers import allow_posting_to


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def open_console(request: SignedInRequest, account: str, role: str) -> HttpResponse:
    """A click gives the self-posting page; coming here in any other way leads to the page with the button."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("go", kwargs={"account": account, "role": role}))
    wish = Wish.read(request.POST)
    origin = origin_of(request)
    statement = issue_assertion(
        person=request.user,
        account=account,
        role_name=role,
        kind=AccessKind.CONSOLE,
        region=wish.region,
        destination=wish.to,
        duration=None,
        origin=origin,
        signed_in_at=request.session.signed_in_at,
        now=datetime.now(UTC),
        ids=new_ids(),
    )
    # Without the request: nothing on this page is about it, and no context processor needs to run.
    response = HttpResponse(
        render_to_string(
            "sso/post_form.html", {"statement": statement, "files": files(), "reference": origin.reference}
        )
    )
    allow_posting_to(response, statement.form_action)
    return response


@cache
def files() -> Mapping[str, str]:
    """The addresses of the page's files; they change with a release only, so they are worked out once."""
    return {
        "icon": static("portal/mark.svg"),
        "style": static("portal/site.css"),
        "script": static("sso/auto_post.js"),
    }
