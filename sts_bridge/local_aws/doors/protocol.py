"""HTTP as AWS's clients can read it even where it is none: a request that cannot be parsed is refused in XML."""

from uvicorn.protocols.http.h11_impl import H11Protocol

from sts_bridge.local_aws.doors.requests import new_request_id
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import MEDIA_TYPE, STS, error_document


class QueryProtocol(H11Protocol):
    """The server's own protocol, but for its answer to what is no request."""

    def send_400_response(self, msg: str) -> None:
        """Answer as the query protocol does, and close: nothing after this can be understood."""
        request_id = new_request_id()
        body = error_document(AwsError("InvalidRequest", msg, reason="http.unreadable"), request_id, STS)
        head = (
            f"HTTP/1.1 400 Bad Request\r\nContent-Type: {MEDIA_TYPE}; charset=utf-8\r\n"
            f"Content-Length: {len(body.encode())}\r\nx-amzn-RequestId: {request_id}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write((head + body).encode())
        self.transport.close()
