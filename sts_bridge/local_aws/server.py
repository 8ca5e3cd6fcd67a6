"""The web application: which address does what, and every refusal in the form its caller can read."""

from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sts_bridge.local_aws.doors.answers import refuse_page, refuse_xml
from sts_bridge.local_aws.doors.api import Api
from sts_bridge.local_aws.doors.browser import Browser
from sts_bridge.local_aws.doors.issuer import Issuer
from sts_bridge.local_aws.doors.requests import new_request_id
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import STS
from sts_bridge.local_aws.realm import Realm

_PAGES: Final = ("/saml", "/federation", "/console", "/oauth")
_FAULT = HTTPStatus.INTERNAL_SERVER_ERROR
_FRAMEWORK: Final = {
    HTTPStatus.NOT_FOUND: ("InvalidAction", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("InvalidAction", "This method is not allowed here."),
    _FAULT: ("InternalFailure", "The request processing has failed because of an internal error."),
}


def application(realm: Realm) -> Starlette:
    """Give the application over one realm, as a server can run it."""
    api, browser, issuer = Api(realm), Browser(realm), Issuer(realm)
    made = Starlette(
        routes=[
            Route("/", api.query, methods=["GET", "POST"]),
            Route("/saml", browser.saml, methods=["POST"]),
            # Where statements for a provider that wants them encrypted go; they are refused with a plain word.
            Route("/saml/acs/{provider}", browser.saml, methods=["POST"]),
            Route("/static/saml-metadata.xml", browser.metadata, methods=["GET"]),
            Route("/federation", browser.federation, methods=["GET", "POST"]),
            Route("/console", browser.console, methods=["GET"]),
            Route("/console/{page:path}", browser.console, methods=["GET"]),
            Route("/oauth", browser.log_out, methods=["GET"]),
            Route("/outbound/{account}/.well-known/openid-configuration", issuer.discovery, methods=["GET"]),
            Route("/outbound/{account}/jwks", issuer.keys, methods=["GET"]),
            Route("/health", health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: refuse_request, Exception: refuse_request},
    )
    # AWS clients read a redirect as an error of their own.
    made.router.redirect_slashes = False
    return made


async def health(_request: Request) -> Response:
    """Say that the process answers."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def refuse_request(request: Request, problem: Exception) -> Response:
    """Answer what no handler took, a wrong address or our own fault, as the caller can read it."""
    status = HTTPStatus(problem.status_code) if isinstance(problem, HTTPException) else _FAULT
    code, message = _FRAMEWORK.get(status, ("InvalidRequest", status.phrase))
    refusal = AwsError(code, message, status=status, reason=f"http.{status.value}")
    if request.url.path.startswith(_PAGES):
        return refuse_page(refusal, "Page", new_request_id())
    return refuse_xml(refusal, "", new_request_id(), STS)
