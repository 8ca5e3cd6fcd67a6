"""The web application: which address does what, and every refusal in the form its caller can read."""

import asyncio
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sts_bridge.local_aws import console, journal, pages
from sts_bridge.local_aws.errors import AwsError, validation_error
from sts_bridge.local_aws.query import (
    LARGEST_BODY,
    MEDIA_TYPE,
    VERSION,
    Call,
    error_document,
    read_parameters,
    success_document,
)
from sts_bridge.local_aws.sign_in import RoleChoice, sign_in
from sts_bridge.local_aws.statements.replay import ReplayMarks
from sts_bridge.local_aws.sts.assume_role_with_saml import assume_role_with_saml
from sts_bridge.local_aws.sts.get_caller_identity import get_caller_identity
from sts_bridge.local_aws.tokens import Vault
from sts_bridge.local_aws.world import World

_SECONDS_FOR_A_BODY: Final = 10.0
_PAGES = ("/saml", "/console", "/oauth")


class LocalAws:
    """The handlers over one world; between two requests only the marks of a strict world are kept."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._vault = Vault(world.sealing_key)
        self._marks = ReplayMarks()

    def application(self) -> Starlette:
        """Give the application that a server can run."""
        application = Starlette(
            routes=[
                Route("/", self.query, methods=["GET", "POST"]),
                Route("/saml", self.saml, methods=["POST"]),
                Route("/console", self.console, methods=["GET"]),
                Route("/console/{page:path}", self.console, methods=["GET"]),
                Route("/oauth", self.log_out, methods=["GET"]),
                Route("/health", self.health, methods=["GET"]),
            ],
            exception_handlers={HTTPException: self.refuse_request, Exception: self.refuse_request},
        )
        # AWS clients read a redirect as an error of their own.
        application.router.redirect_slashes = False
        return application

    async def query(self, request: Request) -> Response:
        """Answer one call of the query protocol."""
        request_id = str(uuid.uuid4())
        operation = None
        try:
            call = await _read_call(request, request_id)
            operation = call.parameters.get("Action")
            now = datetime.now(UTC)
            members = self._run(call, now)
        except AwsError as refusal:
            _report(refusal, operation or "", request_id)
            return _xml(error_document(refusal, request_id), refusal.status, request_id)
        return _xml(success_document(operation or "", members, request_id), HTTPStatus.OK, request_id)

    def _run(self, call: Call, now: datetime) -> dict[str, object]:
        operation, version = call.parameters.get("Action"), call.parameters.get("Version", "")
        if not operation:
            raise AwsError(
                "MissingAction",
                "The request must contain the parameter Action",
                status=HTTPStatus.BAD_REQUEST,
                reason="query.no_action",
            )
        if version == VERSION and operation == "AssumeRoleWithSAML":
            return assume_role_with_saml(
                call, world=self._world, vault=self._vault, marks=self._marks, now=now
            )
        if version == VERSION and operation == "GetCallerIdentity":
            return get_caller_identity(call, vault=self._vault, now=now)
        raise AwsError(
            "InvalidAction",
            f"Could not find operation {operation[:64]} for version {version[:16] or 'NO_VERSION_SPECIFIED'}",
            status=HTTPStatus.BAD_REQUEST,
            reason="query.unknown_action",
        )

    async def saml(self, request: Request) -> Response:
        """Take a posted statement: on to the console, or the choice of a role, or the refusal as a page."""
        request_id = str(uuid.uuid4())
        try:
            form = read_parameters(await _read_body(request))
            posted, relay, chosen = (
                form.get("SAMLResponse", ""),
                form.get("RelayState", ""),
                form.get("roleIndex"),
            )
            if not posted:
                raise validation_error("Your request did not include a SAML response.", "saml.input.missing")
            now = datetime.now(UTC)
            outcome = sign_in(
                posted=posted,
                relay=relay,
                chosen=chosen,
                request_id=request_id,
                world=self._world,
                marks=self._marks,
                now=now,
            )
        except AwsError as refusal:
            return _refuse_page(refusal, "SignIn", request_id)
        if isinstance(outcome, RoleChoice):
            page = pages.roles_page(outcome.pairs, self._world.accounts, statement=posted, relay=relay)
            return HTMLResponse(page, headers=pages.headers(form_targets=self._form_targets()))
        opening = console.open_console(outcome, world=self._world, vault=self._vault, now=now)
        answer = _redirect(opening.address)
        if opening.cookie is not None:
            _set_cookie(answer, opening.cookie, pages.lasting(outcome.session, now), request)
        return answer

    async def console(self, request: Request) -> Response:
        """Show who one is, or exchange a ticket for the cookie that shows it."""
        now = datetime.now(UTC)
        ticket = request.query_params.get("ticket")
        if ticket is not None:
            redeemed = console.redeem_ticket(ticket, vault=self._vault, now=now)
            if redeemed is None:
                return _not_signed_in("console.ticket")
            answer = _redirect(request.url.path)
            sealed = console.seal_session(redeemed, vault=self._vault)
            _set_cookie(answer, sealed, pages.lasting(redeemed.session, now), request)
            return answer
        found = console.read_session(request.cookies.get(console.COOKIE), vault=self._vault, now=now)
        if found is None:
            return _not_signed_in("console.cookie")
        account = self._world.accounts.get((found.session.partition, found.session.account))
        return HTMLResponse(
            pages.console_page(found.session, account, found.destination), headers=pages.headers()
        )

    async def log_out(self, request: Request) -> Response:
        """Forget the console session of this browser."""
        if request.query_params.get("Action") != "logout":
            refusal = validation_error("Action must be logout.", "oauth.action")
            return _refuse_page(refusal, "Logout", str(uuid.uuid4()))
        answer = HTMLResponse(pages.signed_out_page(), headers=pages.headers())
        answer.delete_cookie(console.COOKIE, path="/console/", httponly=True, samesite="lax")
        return answer

    async def health(self, _request: Request) -> Response:
        """Say that the process answers."""
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    async def refuse_request(self, request: Request, problem: Exception) -> Response:
        """Answer what no handler took, a wrong address or our own fault, as the caller can read it."""
        status = HTTPStatus(problem.status_code) if isinstance(problem, HTTPException) else _FAULT
        request_id = str(uuid.uuid4())
        code, message = _FRAMEWORK.get(status, ("InvalidRequest", status.phrase))
        refusal = AwsError(code, message, status=status, reason=f"http.{status.value}")
        if request.url.path.startswith(_PAGES):
            return _refuse_page(refusal, "Page", request_id)
        _report(refusal, "", request_id)
        return _xml(error_document(refusal, request_id), status, request_id)

    def _form_targets(self) -> list[str]:
        targets = ["'self'"]
        if self._world.console_url is not None:
            targets.append("/".join(self._world.console_url.split("/")[:3]))
        return targets


_FAULT = HTTPStatus.INTERNAL_SERVER_ERROR
_FRAMEWORK: Final = {
    HTTPStatus.NOT_FOUND: ("InvalidAction", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("InvalidAction", "This method is not allowed here."),
    _FAULT: ("InternalFailure", "The request processing has failed because of an internal error."),
}


async def _read_call(request: Request, request_id: str) -> Call:
    body = await _read_body(request)
    query = request.scope["query_string"].decode("ascii", "replace")
    return Call(
        method=request.method,
        path=request.scope["raw_path"].decode("ascii", "replace"),
        query=query,
        headers=tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw
        ),
        body=body,
        request_id=request_id,
        # A call without a body is presigned, by POST or by GET: then everything stands in the address.
        parameters=read_parameters(body or query),
    )


async def _read_body(request: Request) -> bytes:
    """Give the whole body; refuses one that is too long, or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_BODY):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST_BODY:
                    raise AwsError(
                        "RequestEntityTooLarge",
                        "The request is larger than this service takes.",
                        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        reason="http.too_large",
                    )
    except TimeoutError:
        raise AwsError(
            "RequestTimeout",
            "The request did not arrive in time.",
            status=HTTPStatus.REQUEST_TIMEOUT,
            reason="http.too_slow",
        ) from None
    return bytes(body)


def _xml(document: str, status: HTTPStatus, request_id: str) -> Response:
    headers = {"x-amzn-RequestId": request_id, "Cache-Control": "no-store"}
    if status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT}:
        headers["Connection"] = "close"
    return Response(document, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _redirect(address: str) -> Response:
    return RedirectResponse(
        address,
        status_code=HTTPStatus.SEE_OTHER,
        headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )


def _set_cookie(answer: Response, value: str, seconds: int, request: Request) -> None:
    answer.set_cookie(
        console.COOKIE,
        value,
        max_age=seconds,
        path="/console/",
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
    )


def _refuse_page(refusal: AwsError, operation: str, request_id: str) -> Response:
    _report(refusal, operation, request_id)
    page = pages.refusal_page(code=refusal.code, message=refusal.message, request_id=request_id)
    return HTMLResponse(page, status_code=refusal.status, headers=pages.headers())


def _not_signed_in(reason: str) -> Response:
    journal.write_line("refused", operation="Console", reason=reason, status=HTTPStatus.FORBIDDEN.value)
    return HTMLResponse(pages.signed_out_page(), status_code=HTTPStatus.FORBIDDEN, headers=pages.headers())


def _report(refusal: AwsError, operation: str, request_id: str) -> None:
    journal.write_line(
        "refused",
        operation=operation,
        request_id=request_id,
        status=refusal.status.value,
        code=refusal.code,
        reason=refusal.reason,
    )
