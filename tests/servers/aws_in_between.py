"""Something between the site and an AWS that holds answers back, loses them, or answers itself: by operation."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

HELD, LOST, FAILING, STALLED, SWALLOWED = "held", "lost", "failing", "stalled", "swallowed"
THROTTLED = "throttled"
UNWELL = (
    b"<ErrorResponse><Error><Code>ServiceUnavailable</Code><Message>unwell</Message></Error></ErrorResponse>"
)


HURRIED = (
    b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
)
HURRIED_IN_JSON = b'{"__type": "TooManyRequestsException", "Message": "Rate exceeded"}'


class AwsInBetween:
    """Passes requests on as they are; `trouble` says what happens to an operation, `times` how often at most.

    HELD: AWS has done it, the answer waits for `release`. LOST: AWS has done it, nobody hears. FAILING: AWS is not
    asked, 503 is answered. STALLED: AWS is not asked and nothing is answered until `release`. SWALLOWED: AWS is not
    asked, and "done" is answered. THROTTLED: AWS is not asked, and says that it was too often. `only_after` names the
    operation after which the trouble begins, `spared` how many requests go through before it does.
    """

    def __init__(self, upstream: str) -> None:
        """It answers from here on."""
        self.trouble: dict[str, str] = {}
        self.times: dict[str, int] = {}
        self.only_after: dict[str, str] = {}
        self.spared: dict[str, int] = {}
        self.seen: list[str] = []
        self.caught, self.release = threading.Event(), threading.Event()
        self._host = urlsplit(upstream).netloc
        self._lock = threading.Lock()
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                between._answer(self, body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        operation = parse_qs(body.decode()).get("Action", [request.headers.get("X-Amz-Target", "")])[0]
        trouble = self._trouble_for(operation)
        if trouble == STALLED:
            self.caught.set()
            self.release.wait(60)
            request.close_connection = True
            return
        if trouble == FAILING:
            status, kind, answer = 503, "text/xml", UNWELL
        elif trouble == THROTTLED and "." in operation:
            status, kind, answer = 400, "application/x-amz-json-1.1", HURRIED_IN_JSON
        elif trouble == THROTTLED:
            status, kind, answer = 400, "text/xml", HURRIED
        elif trouble == SWALLOWED:
            status, kind, answer = 200, "text/xml", f"<{operation}Response/>".encode()
        else:
            status, kind, answer = self._ask(request, body)
        if trouble in {HELD, LOST}:
            self.caught.set()
        if trouble == HELD:
            self.release.wait(60)
        if trouble == LOST:
            request.close_connection = True
            return
        try:
            request.send_response(status)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(answer)))
            request.end_headers()
            request.wfile.write(answer)
        except OSError:
            request.close_connection = True

    def _trouble_for(self, operation: str) -> str | None:
        with self._lock:
            self.seen.append(operation)
            if self.spared.get(operation):
                self.spared[operation] -= 1
                return None
            first = self.only_after.get(operation)
            if self.times.get(operation) == 0 or (first is not None and first not in self.seen):
                return None
            if operation in self.times and operation in self.trouble:
                self.times[operation] -= 1
            return self.trouble.get(operation)

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            # What was signed, the host among it, goes on as it came.
            connection.request("POST", request.path, body, dict(request.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read()
        finally:
            connection.close()

    def wait_until_caught(self, seconds: float = 30) -> None:
        """A request is in trouble now."""
        assert self.caught.wait(seconds), f"only {self.seen} came by"

    def count(self, operation: str) -> int:
        """How many requests of this operation came by."""
        return self.seen.count(operation)

    def heal(self) -> None:
        """All goes through from here on."""
        self.trouble.clear()
        self.release.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
