"""Over TLS with the real cookies and AWS's own addresses, which lead to a stand-in that redirects as AWS does."""

import http.server
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import BrowserContext, expect

from deploy.demo.redis_server import RedisServer
from deploy.demo.slapd import Slapd, free_port
from tests.browser.conftest import NOWHERE, Complaints
from tests.browser.walk import button, sign_in
from tests.servers.postgres import Postgres
from tests.servers.site import MAPPING, Site, own_database

NewContext = Callable[..., BrowserContext]
NAMES = ("idp.test", "signin.aws.amazon.com", "console.aws.amazon.com", "elsewhere.test")
SESSION, CSRF = "__Host-drawbridge-session", "__Host-drawbridge-csrf"
KNOWN_BROWSER = "__Host-drawbridge-known-browser"


class Aws:
    """What a browser sees of AWS: an ACS that takes a post and leads to the console on another origin."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """It listens from here on; `leads_to` is where the ACS sends the browser."""
        self.leads_to = "https://console.aws.amazon.com/console/home"
        self.posted: list[dict[str, list[str]]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.posted.append({**parse_qs(body), "referer": [self.headers.get("Referer", "")]})
                self.send_response(302)
                self.send_header("Location", outer.leads_to)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                body = f"<!DOCTYPE html><h1>{self.headers['Host']}</h1>".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port: int = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """It is gone."""
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of all the names, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in NAMES]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def aws(certificate: tuple[Path, Path]) -> Iterator[Aws]:
    stand_in = Aws(*certificate)
    yield stand_in
    stand_in.stop()


@pytest.fixture(scope="module")
def resolver_rules(aws: Aws) -> str:
    """AWS's own names lead to the stand-in, ours to this machine, all others nowhere."""
    hosts = [f"MAP {name}:443 127.0.0.1:{aws.port}" for name in NAMES[1:]]
    return ", ".join([*hosts, "MAP idp.test 127.0.0.1", NOWHERE])


@pytest.fixture(scope="module")
def tls_site(
    tmp_path_factory: pytest.TempPathFactory,
    certificate: tuple[Path, Path],
    company: Slapd,
    postgres: Postgres,
    redis: RedisServer,
) -> Iterator[str]:
    """The site as in earnest: no demo, https, real cookies, no stand-in; gives its address."""
    port = free_port()
    address = f"https://idp.test:{port}"
    with Site(
        tmp_path_factory.mktemp("tls-site"),
        slapd=company,
        redis=redis,
        database_url=own_database(postgres, "tls_site"),
        port=port,
        DRAWBRIDGE_DEMO="false",
        DRAWBRIDGE_BASE_URL=address,
        DRAWBRIDGE_INSECURE_COOKIES="false",
    ) as site:
        site.prepare(mapping=MAPPING)
        process = site.start_web(
            "--certificate", str(certificate[0]), "--key", str(certificate[1]), wait=False
        )
        wait_until_live(port, certificate[0])
        assert process.process.poll() is None, process.text()
        yield address


def wait_until_live(port: int, certificate: Path) -> None:
    """The site answers over TLS."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    question = urllib.request.Request(
        f"https://127.0.0.1:{port}/health/live", headers={"Host": f"idp.test:{port}"}
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(question, timeout=2, context=context):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the site does not answer over TLS")


@pytest.fixture
def context(new_context: NewContext) -> BrowserContext:
    """A browser that believes the certificate of this test."""
    return new_context(ignore_https_errors=True)


@pytest.mark.attack("WB-02")
def test_cookies_are_bound_to_the_host_and_to_tls(context: BrowserContext, tls_site: str) -> None:
    """All cookies: `__Host-`, Secure, HttpOnly, SameSite=Lax, no domain; the session ends with the browser."""
    page = context.new_page()
    sign_in(page, tls_site)
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert set(cookies) == {SESSION, CSRF, KNOWN_BROWSER}
    for cookie in cookies.values():
        assert cookie["secure"]
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax"
        assert cookie["path"] == "/"
        assert cookie["domain"] == "idp.test"
    assert cookies[SESSION]["expires"] == -1
    answer = page.goto(f"{tls_site}/sessions/")
    assert answer is not None
    assert answer.header_value("strict-transport-security") == "max-age=31536000; includeSubDomains; preload"


@pytest.mark.attack("RQ-10")
def test_the_acs_may_lead_to_another_origin_of_aws(context: BrowserContext, tls_site: str, aws: Aws) -> None:
    """The post goes to AWS's own ACS, which leads to the console's origin; neither learns where one came from."""
    page = context.new_page()
    sign_in(page, tls_site)
    button(page, "Console")
    page.wait_for_url("https://console.aws.amazon.com/console/home")
    expect(page.locator("h1")).to_have_text("console.aws.amazon.com")
    assert set(aws.posted[-1]) == {"SAMLResponse", "referer"}
    assert aws.posted[-1]["referer"] == [""]


@pytest.mark.attack("RQ-10")
def test_the_acs_may_lead_nowhere_else(
    context: BrowserContext, complaints: Complaints, tls_site: str, aws: Aws
) -> None:
    """The same page does not follow a redirect to an origin that is not AWS's: the browser stops it."""
    page = context.new_page()
    sign_in(page, tls_site)
    honest, aws.leads_to = aws.leads_to, "https://elsewhere.test/"
    try:
        button(page, "Console")
        page.wait_for_timeout(1_500)
        assert not page.url.startswith("https://elsewhere.test")
        assert any("form-action" in complaint for complaint in complaints.heard), complaints.heard
    finally:
        aws.leads_to = honest
        complaints.heard.clear()
