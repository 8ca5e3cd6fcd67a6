"""The page that posts an answer to a service: at once, or by a button where the person must read first."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static

from idp.domain.service_provider import ProviderNotForPerson
from idp.services.answer_request import Answer
from idp.web.request_id import reference_of
from idp.web.security_headers import allow_posting_to


def answer_page(request: HttpRequest, answer: Answer) -> HttpResponse:
    """The form with the answer; a person who may not use the service is told so before it goes on."""
    stays = isinstance(answer.refusal, ProviderNotForPerson)
    page = render_to_string(
        "sso/answer_form.html",
        {"answer": answer, "files": files(), "stays": stays, "reference": reference_of(request)},
    )
    response = HttpResponse(page, status=HTTPStatus.FORBIDDEN if stays else HTTPStatus.OK)
    allow_posting_to(response, answer.form_action)
    return response


@cache
def files() -> Mapping[str, str]:
    """The addresses of the page's files; they change with a release only, so they are worked out once."""
    return {
        "icon": static("portal/mark.svg"),
        "style": static("portal/site.css"),
        "script": static("sso/auto_post.js"),
    }
