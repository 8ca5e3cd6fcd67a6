"""The addresses for browsers: a statement or a sign-in token in, a console out, and the way out of it."""

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sts_bridge.local_aws import console, journal, pages
from sts_bridge.local_aws.authorization import call_context
from sts_bridge.local_aws.doors.answers import redirect, refuse_page, set_cookie
from sts_bridge.local_aws.doors.requests import new_request_id, read_call
from sts_bridge.local_aws.errors import AwsError, validation_error
from sts_bridge.local_aws.federation import log_in, signin_token
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.sign_in import RoleChoice, SignedIn, sign_in
from sts_bridge.local_aws.sp_metadata import MEDIA_TYPE, sp_metadata


class Browser:
    """The pages over one realm."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    async def saml(self, request: Request) -> Response:
        """Take a posted statement: on to the console, or the choice of a role, or the refusal as a page."""
        request_id, now = new_request_id(), datetime.now(UTC)
        try:
            call = await read_call(request, request_id)
            posted, relay = call.parameters.get("SAMLResponse", ""), call.parameters.get("RelayState", "")
            if not posted:
                raise validation_error("Your request did not include a SAML response.", "saml.input.missing")
            outcome = sign_in(
                posted=posted,
                relay=relay,
                chosen=call.parameters.get("roleIndex"),
                request_id=request_id,
                realm=self._realm,
                surroundings=call_context(call, now, region=None),
                now=now,
            )
        except AwsError as refusal:
            return refuse_page(refusal, "SignIn", request_id)
        if isinstance(outcome, RoleChoice):
            accounts = self._realm.world.accounts
            page = pages.roles_page(outcome.pairs, accounts, statement=posted, relay=relay)
            return HTMLResponse(page, headers=pages.headers(form_targets=self._form_targets()))
        return self._open(outcome, request, now)

    async def federation(self, request: Request) -> Response:
        """Give a sign-in token for keys, or the console for a sign-in token."""
        request_id, now, operation = new_request_id(), datetime.now(UTC), "Federation"
        try:
            call = await read_call(request, request_id)
            parameters, action = call.parameters, call.parameters.get("Action")
            if action == "getSigninToken":
                operation = "GetSigninToken"
                token = signin_token(parameters, request_id=request_id, realm=self._realm, now=now)
                return JSONResponse({"SigninToken": token}, headers={"Cache-Control": "no-store"})
            if action == "login":
                operation = "FederationLogin"
                signed_in = log_in(parameters, request_id=request_id, realm=self._realm, now=now)
                return self._open(signed_in, request, now)
            raise validation_error("Action must be getSigninToken or login.", "federation.action")
        except AwsError as refusal:
            return refuse_page(refusal, operation, request_id)

    async def metadata(self, _request: Request) -> Response:
        """Give what identity providers import to know this AWS."""
        return Response(sp_metadata(self._realm.world), media_type=MEDIA_TYPE)

    async def console(self, request: Request) -> Response:
        """Show who one is, or exchange a ticket for the cookie that shows it."""
        now = datetime.now(UTC)
        ticket = request.query_params.get("ticket")
        if ticket is not None:
            redeemed = console.redeem_ticket(ticket, vault=self._realm.vault, now=now)
            if redeemed is None:
                return _not_signed_in("console.ticket")
            answer = redirect(request.url.path)
            sealed = console.seal_session(redeemed, vault=self._realm.vault)
            set_cookie(answer, sealed, pages.lasting(redeemed.caller, now), request)
            return answer
        found = console.read_session(request.cookies.get(console.COOKIE), vault=self._realm.vault)
        if found is None:
            return _not_signed_in("console.cookie")
        call = await read_call(request, new_request_id(), parse=False)
        if console.is_over(
            found, surroundings=call_context(call, now, region=None), realm=self._realm, now=now
        ):
            return _over(found)
        account = self._realm.world.accounts.get((found.caller.partition, found.caller.account))
        return HTMLResponse(
            pages.console_page(found.caller, account, found.destination), headers=pages.headers()
        )

    async def log_out(self, request: Request) -> Response:
        """Forget the console session of this browser, and go on to a page of ours if one was named."""
        if request.query_params.get("Action") != "logout":
            refusal = validation_error("Action must be logout.", "oauth.action")
            return refuse_page(refusal, "Logout", new_request_id())
        target = request.query_params.get("redirect_uri", "")
        if target and console.is_ours(target, self._realm.world):
            answer = redirect(target)
        else:
            answer = HTMLResponse(pages.signed_out_page(), headers=pages.headers())
        answer.delete_cookie(console.COOKIE, path="/console/", httponly=True, samesite="lax")
        return answer

    def _open(self, signed_in: SignedIn, request: Request, now: datetime) -> Response:
        opening = console.open_console(signed_in, world=self._realm.world, vault=self._realm.vault, now=now)
        answer = redirect(opening.address)
        if opening.cookie is not None:
            set_cookie(answer, opening.cookie, pages.lasting(signed_in.caller, now), request)
        return answer

    def _form_targets(self) -> list[str]:
        targets = ["'self'"]
        console_url = self._realm.world.console_url
        if console_url is not None:
            targets.append("/".join(console_url.split("/")[:3]))
        return targets


def _over(signed_in: SignedIn) -> Response:
    """Send people home whose session is over, where their broker has named a home; tell the others."""
    journal.write_line(
        "refused", operation="Console", reason="console.session_over", status=HTTPStatus.FORBIDDEN.value
    )
    if signed_in.issuer is not None:
        return redirect(signed_in.issuer)
    return HTMLResponse(pages.session_over_page(), status_code=HTTPStatus.FORBIDDEN, headers=pages.headers())


def _not_signed_in(reason: str) -> Response:
    journal.write_line("refused", operation="Console", reason=reason, status=HTTPStatus.FORBIDDEN.value)
    return HTMLResponse(pages.signed_out_page(), status_code=HTTPStatus.FORBIDDEN, headers=pages.headers())
