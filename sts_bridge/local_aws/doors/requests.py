"""A request as the use-cases take it: read whole, within bounds of size and time."""

import asyncio
import uuid
from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import LARGEST_BODY, LARGEST_DOCUMENT, Call, read_parameters

_SECONDS_FOR_A_BODY: Final = 10.0


def new_request_id() -> str:
    """Give a fresh number for one request."""
    return str(uuid.uuid4())


async def read_call(request: Request, request_id: str, *, parse: bool = True) -> Call:
    """Give the whole request; its parameters stand in the body, or in the address where there is no body."""
    # A document of metadata may be long; it comes with a signature for IAM.
    is_iam = "/iam/aws4_request" in request.headers.get("authorization", "")
    body = await read_body(request, LARGEST_DOCUMENT if is_iam else LARGEST_BODY)
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
        parameters=read_parameters(body or query) if parse else {},
        client=request.client.host if request.client else "127.0.0.1",
        is_secure=request.url.scheme == "https",
    )


async def read_body(request: Request, largest: int = LARGEST_BODY) -> bytes:
    """Give the whole body; refuses one that is too long, or too slow."""
    _refuse_larger(int(request.headers.get("content-length", 0)), largest)
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_BODY):
            async for part in request.stream():
                body += part
                _refuse_larger(len(body), largest)
    except TimeoutError:
        raise AwsError(
            "RequestTimeout",
            "The request did not arrive in time.",
            status=HTTPStatus.REQUEST_TIMEOUT,
            reason="http.too_slow",
        ) from None
    return bytes(body)


def _refuse_larger(size: int, largest: int) -> None:
    if size > largest:
        raise AwsError(
            "RequestEntityTooLarge",
            "The request is larger than this service takes.",
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            reason="http.too_large",
        )
