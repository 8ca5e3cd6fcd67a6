"""An issuer of web identity tokens on loopback: a discovery document, keys, and what a test wants wrong with them."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.oidc.keys import issuer_keys

CLIENT = "drawbridge-client"


class Issuer:
    """Signs tokens and publishes its keys; every answer can be replaced by another one."""

    def __init__(self, certificate: Path | None = None) -> None:
        """By http, or by https with a key and a certificate of `localhost` in one file."""
        self.keys: dict[str, Any] = {
            "rsa": rsa.generate_private_key(65537, 2048),
            "ec": ec.generate_private_key(ec.SECP256R1()),
        }
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        # While this is clear, no question is answered.
        self.go_on = threading.Event()
        self.go_on.set()
        # With this an answer begins, and goes on one octet at a time for as long as anybody listens.
        self.drips = b""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{port}/pool"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.url = f"https://localhost:{port}/pool"

    @property
    def host(self) -> str:
        """The address without its scheme, as names and keys of AWS have it."""
        return self.url.partition("://")[2]

    def jwk(self, name: str, **changes: Any) -> dict[str, Any]:
        """The public half of a key as it is published."""
        key = self.keys[name].public_key()
        kind = (
            jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else jwt.algorithms.ECAlgorithm
        )
        return {**json.loads(kind.to_jwk(key)), "kid": name, "use": "sig", **changes}

    def publish(self, *keys: dict[str, Any]) -> None:
        """What stands at the address of the keys."""
        self.answers["/pool/jwks"] = 200, json.dumps({"keys": list(keys)}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of an ordinary token; what is None is left out."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": "ada", "aud": CLIENT, "iat": now, "exp": now + 300} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: str = "rsa", algorithm: str = "RS256", header: Any = None, **claims: Any) -> str:
        """A token signed by one of the keys."""
        return jwt.encode(
            self.claims(**claims), self.keys[key], algorithm=algorithm, headers={"kid": key} | (header or {})
        )

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nothing of what it publishes is known any more, and it answers that it cannot now."""
        kept = dict(self.answers)
        self.answers.update(dict.fromkeys(kept, (500, b"")))
        issuer_keys.forget()
        try:
            yield
        finally:
            self.answers.update(kept)
            issuer_keys.forget()

    def __enter__(self) -> Self:
        self.answers["/pool/.well-known/openid-configuration"] = (
            200, json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}).encode(),
        )  # fmt: skip
        self.publish(self.jwk("rsa"), self.jwk("ec"))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def part(content: object) -> str:
    """A part of a token made by hand."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _drip(request: BaseHTTPRequestHandler, beginning: bytes) -> None:
    request.close_connection = True
    with suppress(OSError):
        request.wfile.write(beginning)
        for _ in range(300):
            request.wfile.write(b" ")
            time.sleep(0.1)


def _handler_of(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            issuer.go_on.wait(30)
            if issuer.drips:
                _drip(self, issuer.drips)
                return
            status, body = issuer.answers.get(self.path, (404, b"{}"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is told."""

    return Handler
