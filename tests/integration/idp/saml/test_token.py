"""The signing key in a PKCS#11 token, proven with SoftHSM: what it signs verifies, and nothing signs in its place."""

import base64
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pkcs11
import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.test import override_settings
from lxml import etree
from xmlsec import constants as C  # noqa: N812 - the library's names are long

from idp.conf import TokenConfig, saml_config
from idp.domain.errors import SigningUnavailable
from idp.domain.saml_names import SignatureAlgorithm
from idp.saml import token as tokens
from idp.saml.errors import KeyUnusable
from idp.saml.keys import key_store, signing_keys
from idp.saml.responses import build_and_sign
from idp.saml.token import NoSuchKey, Token, TokenUnavailable, token_of
from idp.services.key_rollover import Stage, retire, rollover, switch, take_step_back
from idp.services.keys import key_status, make_signing_key
from idp.services.provider_changes import Author
from tests.servers.token import MODULE, make_token
from tests.statements import a_plan, keys_in

pytestmark = [
    pytest.mark.django_db,
    # The library's own destructor speaks of a session that is lost; we have opened another one by then.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. 'pkcs11:pytest.PytestUnraisableExceptionWarning"
    ),
]
NOW = datetime.now(UTC)
ME = Author("tester")


@pytest.fixture(scope="module")
def folder_of_token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the token of this module lies."""
    return tmp_path_factory.mktemp("token")


@pytest.fixture(scope="module")
def config(folder_of_token: Path) -> TokenConfig:
    """One token for this module: the library reads its configuration once a process."""
    return make_token(folder_of_token)


@pytest.fixture
def key_dir(config: TokenConfig, tmp_path: Path) -> Iterator[Path]:
    """The settings name the token, and a folder for certificates."""
    folder = tmp_path / "keys"
    with override_settings(
        DRAWBRIDGE_KEY_DIR=str(folder),
        DRAWBRIDGE_PKCS11_MODULE=config.module,
        DRAWBRIDGE_PKCS11_TOKEN=config.label,
        DRAWBRIDGE_PKCS11_PIN=config.pin,
    ):
        saml_config.cache_clear()
        key_store.cache_clear()
        tokens.token_in.cache_clear()
        yield folder
    saml_config.cache_clear()


def the_token() -> Token:
    """The token that the settings name."""
    config = saml_config().token
    assert config is not None
    return token_of(config)


def verify(document: bytes, certificate: str, algorithm: str) -> None:
    """Both signatures are good, by libxmlsec1."""
    key = x509.load_der_x509_certificate(base64.b64decode(certificate)).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    root = etree.fromstring(document)
    for signed in (root, root[3]):
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(pem, C.KeyDataFormatPem)
        context.register_id(signed, "ID")
        assert signed[1][0][1].get("Algorithm") == algorithm
        context.verify(signed[1])


@pytest.mark.attack("AD-06")
def test_what_the_token_signs_verifies_and_no_file_holds_the_key(key_dir: Path) -> None:
    """RSA by three hashes; the folder holds a certificate and nothing else; ECDSA is refused."""
    make_signing_key(now=NOW)
    assert [path.name for path in key_dir.iterdir()] == ["current.cert.pem"]
    ring = signing_keys()
    for algorithm in (name for name in SignatureAlgorithm if name.is_rsa):
        signer = ring.signer_for(algorithm)
        verify(build_and_sign(a_plan(now=NOW), signer).document, signer.certificate, algorithm)
    with pytest.raises(KeyUnusable):
        ring.signer_for(SignatureAlgorithm.ECDSA_SHA256)
    status = key_status(now=NOW)
    assert (status.ok, status.warning) == (True, "")


def test_a_rollover_in_the_token(key_dir: Path) -> None:
    """The same steps as with files, each taken back; statements verify throughout."""
    make_signing_key(now=NOW)
    [old] = signing_keys().published_certificates
    make_signing_key(now=NOW)
    take_step_back(author=ME, now=NOW)
    assert signing_keys().published_certificates == (old,)
    make_signing_key(now=NOW)
    new = signing_keys().published_certificates[1]
    for step, current in ((switch, new), (take_step_back, old), (switch, new)):
        step(author=ME, now=NOW)
        signer = signing_keys().current
        assert signer.certificate == current
        verify(build_and_sign(a_plan(now=NOW), signer).document, current, SignatureAlgorithm.RSA_SHA256)
    assert rollover().stage is Stage.SWITCHED
    retire(author=ME, now=NOW, anyway=True)
    assert signing_keys().published_certificates == (new,)
    assert key_dir.exists()


@pytest.mark.fault(21)
def test_a_lost_session_is_reopened(key_dir: Path) -> None:
    """Sessions closed behind our back, and a token that was pulled out and put back: the next signature works."""
    make_signing_key(now=NOW)
    signer, token = signing_keys().current, the_token()
    assert signer.sign(b"before")
    token._session.close()  # noqa: SLF001 - behind its back is the point
    assert signer.sign(b"after the session has gone")
    pkcs11.lib(MODULE).reinitialize()
    assert signer.sign(b"after the library began anew")
    assert key_dir.exists()


@pytest.mark.fault(21)
def test_a_token_that_is_gone_makes_signing_unavailable(key_dir: Path, folder_of_token: Path) -> None:
    """Unavailable, and the status says so; back again it signs, without a restart; no key file takes its place."""
    make_signing_key(now=NOW)
    signer = signing_keys().current
    # A key file that lies there would sign just as well, were it ever asked.
    file_key = keys_in(key_dir.parent / "files")
    (key_dir / "current.key.pem").write_bytes((file_key / "current.key.pem").read_bytes())
    (key_dir / "current.key.pem").chmod(0o600)
    aside = (folder_of_token / "tokens").rename(folder_of_token / "aside")
    (folder_of_token / "tokens").mkdir()
    pkcs11.lib(MODULE).reinitialize()
    try:
        for _ in range(tokens.MOST_FAILURES):
            with pytest.raises(SigningUnavailable):
                build_and_sign(a_plan(now=NOW), signing_keys().current)
        status = key_status(now=NOW)
        assert (status.ok, status.may_start) == (False, True)
        assert "token" in status.cause
    finally:
        (folder_of_token / "tokens").rmdir()
        aside.rename(folder_of_token / "tokens")
    until = time.monotonic() + tokens.SHUT_SECONDS + 25
    while not key_status(now=NOW).ok:
        assert time.monotonic() < until
        time.sleep(0.2)
    signed = build_and_sign(a_plan(now=NOW), signing_keys().current)
    verify(signed.document, signer.certificate, SignatureAlgorithm.RSA_SHA256)
    assert "is not used" in key_status(now=NOW).warning


@pytest.mark.fault(21)
def test_a_slow_token_costs_two_seconds_a_few_times_and_then_nothing(
    key_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget ends the wait; after three of them the breaker answers at once; then it is tried again."""
    make_signing_key(now=NOW)
    signer = signing_keys().current
    monkeypatch.setattr(tokens, "BUDGET_SECONDS", 0.3)
    monkeypatch.setattr(tokens, "SHUT_SECONDS", 1.0)
    answer = threading.Event()

    def slow(session: Any, modulus: bytes) -> Any:
        answer.wait(30)
        return original(session, modulus)

    original = tokens.private_key
    monkeypatch.setattr(tokens, "private_key", slow)
    for _ in range(tokens.MOST_FAILURES):
        with pytest.raises(TokenUnavailable, match="in time"):
            signer.sign(b"x")
    with pytest.raises(TokenUnavailable, match="rest"):
        signer.sign(b"x")
    answer.set()
    until = time.monotonic() + 30
    while True:
        try:
            assert signer.sign(b"x")
            break
        except TokenUnavailable:
            assert time.monotonic() < until
            time.sleep(0.1)
    assert key_dir.exists()


def test_a_certificate_whose_key_is_elsewhere_signs_nothing(key_dir: Path, tmp_path: Path) -> None:
    """The key is found by its modulus; another one in the token is never taken for it, and the breaker stays open."""
    make_signing_key(now=NOW)
    other = keys_in(tmp_path / "other")
    (key_dir / "current.cert.pem").write_bytes((other / "current.cert.pem").read_bytes())
    for _ in range(tokens.MOST_FAILURES + 1):
        with pytest.raises(NoSuchKey):
            signing_keys().current.sign(b"x")
    assert "does not hold" in key_status(now=NOW).cause


@pytest.mark.fault(21)
def test_a_library_that_is_not_there_makes_signing_unavailable(key_dir: Path, config: TokenConfig) -> None:
    """A wrong path or a wrong label is told, not raised as something unforeseen; the right ones sign."""
    make_signing_key(now=NOW)
    assert key_dir.exists()
    for wrong in (replace(config, label="another token"), replace(config, module="/nonexistent/library.so")):
        with pytest.raises(TokenUnavailable):
            Token(wrong).check_there(b"x")
    assert signing_keys().current.sign(b"x")
