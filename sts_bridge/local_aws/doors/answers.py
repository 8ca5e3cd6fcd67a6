"""Answers in the forms that callers read: XML for programs, pages for people, and a line in the log for both."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sts_bridge.local_aws import console, journal, pages
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import MEDIA_TYPE, error_document

_FAULT = HTTPStatus.INTERNAL_SERVER_ERROR
_JSON = "application/x-amz-json-1.1"
_JSON_CODES: Final = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "Throttling": "TooManyRequestsException",
}
# Long enough to lead people home who come back the next day.
_REMEMBERED_FOR = 86_400


def xml(document: str, status: HTTPStatus, request_id: str) -> Response:
    """Answer with a document of the query protocol."""
    headers = {"x-amzn-RequestId": request_id, "Cache-Control": "no-store"}
    if status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT}:
        headers["Connection"] = "close"
    return Response(document, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def refuse_xml(refusal: AwsError, operation: str, request_id: str, version: str) -> Response:
    """Answer a refusal to a program, and write it down."""
    report(refusal, operation, request_id)
    return xml(error_document(refusal, request_id, version), refusal.status, request_id)


def json_answer(members: Mapping[str, object], status: HTTPStatus, request_id: str) -> Response:
    """Answer with a document of the JSON protocol."""
    headers = {"x-amzn-RequestId": request_id, "Cache-Control": "no-store"}
    return Response(json.dumps(members), status_code=status, media_type=_JSON, headers=headers)


def refuse_json(refusal: AwsError, operation: str, request_id: str) -> Response:
    """Answer a refusal to a program that speaks JSON, under the name that this protocol has for it."""
    report(refusal, operation, request_id)
    code = _JSON_CODES.get(refusal.code, refusal.code)
    # This protocol says 400 to everything that the caller did wrong.
    status = min(refusal.status, HTTPStatus.BAD_REQUEST) if refusal.status < _FAULT else refusal.status
    return json_answer({"__type": code, "Message": refusal.message}, HTTPStatus(status), request_id)


def refuse_page(refusal: AwsError, operation: str, request_id: str) -> Response:
    """Answer a refusal to a person, and write it down."""
    report(refusal, operation, request_id)
    page = pages.refusal_page(code=refusal.code, message=refusal.message, request_id=request_id)
    return HTMLResponse(page, status_code=refusal.status, headers=pages.headers())


def redirect(address: str) -> Response:
    """Send the browser on; the address may be a secret, and stays in this one header."""
    return RedirectResponse(
        address,
        status_code=HTTPStatus.SEE_OTHER,
        headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )


def set_cookie(answer: Response, value: str, seconds: int, request: Request) -> None:
    """Let the browser keep who it is, for this session and long enough to be told that it has ended."""
    answer.set_cookie(
        console.COOKIE,
        value,
        max_age=seconds + _REMEMBERED_FOR,
        path="/console/",
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
    )


def report(refusal: AwsError, operation: str, request_id: str) -> None:
    """Write down what was refused, and by what."""
    journal.write_line(
        "refused",
        operation=operation,
        request_id=request_id,
        status=refusal.status.value,
        code=refusal.code,
        reason=refusal.reason,
        details=refusal.details,
    )
