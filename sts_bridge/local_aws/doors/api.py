"""The interface for programs: one address, several services, told apart by what a call says of itself."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from sts_bridge.local_aws.doors.answers import json_answer, refuse_json, refuse_xml, xml
from sts_bridge.local_aws.doors.requests import new_request_id, read_call
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.operations import OPERATIONS, SLOW, TARGETS, Operation
from sts_bridge.local_aws.query import STS, Call, success_document
from sts_bridge.local_aws.realm import Realm


class Api:
    """The query protocol of STS and IAM, and the JSON of Organizations."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    async def query(self, request: Request) -> Response:
        """Answer one call."""
        target = request.headers.get("x-amz-target")
        if target is not None:
            return await self._json(request, target)
        request_id = new_request_id()
        operation, version = "", STS
        try:
            call = await read_call(request, request_id)
            operation, version = call.parameters.get("Action", ""), call.version
            if operation in SLOW:
                members = await asyncio.to_thread(self._run, call, operation)
            else:
                members = self._run(call, operation)
        except AwsError as refusal:
            return refuse_xml(refusal, operation, request_id, version)
        return xml(success_document(operation, members, request_id, version), HTTPStatus.OK, request_id)

    async def _json(self, request: Request, target: str) -> Response:
        """Answer one call of a service that speaks JSON."""
        request_id, operation = new_request_id(), target.rpartition(".")[2]
        try:
            call = await read_call(request, request_id, parse=False)
            known = _operation_of(target)
            members = known(call, realm=self._realm, now=datetime.now(UTC))
        except AwsError as refusal:
            return refuse_json(refusal, operation, request_id)
        return json_answer(members or {}, HTTPStatus.OK, request_id)

    def _run(self, call: Call, operation: str) -> dict[str, object] | None:
        if not operation:
            raise AwsError(
                "MissingAction", "The request must contain the parameter Action", reason="query.no_action"
            )
        known = OPERATIONS.get((call.version, operation))
        if known is None:
            raise AwsError(
                "InvalidAction",
                f"Could not find operation {operation[:64]} for version "
                f"{call.version[:16] or 'NO_VERSION_SPECIFIED'}",
                reason="query.unknown_action",
            )
        return known(call, realm=self._realm, now=datetime.now(UTC))


def _operation_of(target: str) -> Operation:
    if target not in TARGETS:
        raise AwsError("UnknownOperationException", "There is no such operation.", reason="json.target")
    return TARGETS[target]
