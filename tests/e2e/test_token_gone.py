"""A running site whose signing key is in a token: gone or slow it is told, and back it signs without a restart."""

import base64
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from tests.e2e.test_key_rollover import certificate_text, verified_by
from tests.http_browser import HttpBrowser
from tests.servers.postgres import Postgres
from tests.servers.site import MAPPING, Process, Site, own_database
from tests.servers.token import make_token
from tests.statements import keys_in

PERSON, PASSWORD, ACCOUNT, ROLE = cast.BENCH_PERSON
RECOVERS_WITHIN = 30
ISSUED = "SELECT count(*) FROM idp_auditrecord WHERE event = 'person:assertion:issued'"
shown_reference = re.compile(r'id="reference">([A-Z0-9]{12})<')
# SoftHSM asks these files whether something has changed, and waits for whoever holds them.
HOLD = """
import fcntl, sys
files = [open(path, "r+b") for path in sys.argv[1:]]
for file in files:
    fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class TokenSite:
    """The site, its token's folder, and the one certificate that AWS knows."""

    def __init__(self, site: Site, web: Process, tokens: Path) -> None:
        """A person is signed in."""
        self.site, self.web, self.tokens = site, web, tokens
        self.person = HttpBrowser(site.url)
        self.person.sign_in(PERSON, PASSWORD)
        text = self.person.ask("GET", "/saml/metadata")
        self.known = {"".join(found.split()) for found in certificate_text.findall(text)}

    def signs(self) -> bool:
        """Whether the person gets to AWS now; what is signed must be signed by the token's key."""
        form = self.person.open_console(ACCOUNT, ROLE, expect=None)
        if form:
            [certificate] = self.known
            assert verified_by(base64.b64decode(form), self.known) == certificate
        return bool(form)

    def is_told(self) -> None:
        """503 with a page that says when to come again and bears a reference, under which the log says why."""
        assert not self.signs()
        assert self.person.status == 503
        assert int(self.person.headers["retry-after"]) > 0
        assert "Access cannot be given out at the moment" in self.person.text
        found = shown_reference.search(self.person.text)
        assert found, self.person.text
        [line] = [
            one for one in self.web.text().splitlines() if found[1] in one and "signing-unavailable" in one
        ]
        assert "token" in line
        health = self.health_of_key()
        assert not health["ok"]
        assert "token" in health["cause"]

    def health_of_key(self) -> dict[str, Any]:
        """What is told of the signing key to machines."""
        _, answer = self.site.ready()
        parts: dict[str, dict[str, Any]] = answer["parts"]  # type: ignore[assignment] # it is JSON
        return parts["signing_key"]

    def comes_back(self) -> None:
        """The same process signs again, within seconds."""
        deadline = time.monotonic() + RECOVERS_WITHIN
        while not self.signs():
            assert time.monotonic() < deadline, self.person.text
            time.sleep(0.3)
        assert self.health_of_key()["ok"]
        assert self.web.process.poll() is None


@pytest.fixture(scope="module")
def token_site(
    tmp_path_factory: pytest.TempPathFactory, company: Slapd, postgres: Postgres
) -> Iterator[TokenSite]:
    """One web process whose key is in a SoftHSM of its own; a key file lies beside, which must never sign."""
    folder, url = tmp_path_factory.mktemp("token-site"), own_database(postgres, "token_site")
    (folder / "softhsm").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", "")
        config = make_token(folder / "softhsm")
    with Site(
        folder / "site",
        slapd=company,
        database_url=url,
        local_aws_url="http://127.0.0.1:9",
        SOFTHSM2_CONF=str(folder / "softhsm" / "softhsm2.conf"),
        DRAWBRIDGE_PKCS11_MODULE=config.module,
        DRAWBRIDGE_PKCS11_TOKEN=config.label,
        DRAWBRIDGE_PKCS11_PIN=config.pin,
    ) as site:
        site.prepare(mapping=MAPPING)
        keys = Path(site.env["DRAWBRIDGE_KEY_DIR"])
        assert [path.name for path in keys.iterdir()] == ["current.cert.pem"]
        lying = keys_in(folder / "files") / "current.key.pem"
        (keys / lying.name).write_bytes(lying.read_bytes())
        (keys / lying.name).chmod(0o600)
        web = site.start_web()
        yield TokenSite(site, web, folder / "softhsm" / "tokens")


@contextmanager
def gone(tokens: Path) -> Iterator[None]:
    """The token is pulled out, and put back."""
    aside = tokens.rename(tokens.with_name("aside"))
    tokens.mkdir()
    try:
        yield
    finally:
        tokens.rmdir()
        aside.rename(tokens)


@contextmanager
def silent(tokens: Path) -> Iterator[None]:
    """The token answers nothing until this is over."""
    files = [str(path) for path in tokens.rglob("*") if path.name == "generation"]
    assert files
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.terminate()


@pytest.mark.fault(21)
@pytest.mark.parametrize("fault", [gone, silent], ids=["gone", "slow"])
def test_a_token_that_fails_is_told_and_nothing_else_signs(
    token_site: TokenSite, postgres: Postgres, fault: Callable[[Path], AbstractContextManager[None]]
) -> None:
    """503 with a reference and nothing recorded as issued, once after another; back it signs without a restart."""
    assert token_site.signs()
    issued = postgres.query(ISSUED, "token_site")
    with fault(token_site.tokens):
        for _ in range(4):
            token_site.is_told()
        assert postgres.query(ISSUED, "token_site") == issued
    token_site.comes_back()
    assert int(postgres.query(ISSUED, "token_site")) > int(issued)
