"""The signing key in a PKCS#11 token, proven with SoftHSM: what it signs verifies, and nothing signs in its place."""

import base64
import shutil
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
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.test import override_settings
from lxml import etree
from pkcs11.util.ec import encode_named_curve_parameters
from xmlsec import constants as C  # noqa: N812 - the library's names are long

from idp.api.views import told
from idp.conf.saml import TokenConfig, saml_config
from idp.domain.errors import SigningUnavailable
from idp.domain.saml_names import SignatureAlgorithm
from idp.saml import token as tokens
from idp.saml.errors import KeyChangeRefused, KeyUnusable
from idp.saml.key_making import make_key
from idp.saml.keys import key_store, signing_keys
from idp.saml.responses import build_and_sign
from idp.saml.token import NoSuchKey, Token, TokenUnavailable, token_of
from idp.saml.token_making import made_apart
from idp.services.health import signing_key_health
from idp.services.key_rollover import retire, switch, take_step_back
from idp.services.keys import key_status, make_signing_key
from idp.services.provider_changes import Author
from idp.services.rollover_state import Stage, rollover
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
    """RSA by three hashes; the folder holds a certificate and nothing else; ECDSA is refused without its key."""
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


@pytest.mark.attack("AD-06")
@pytest.mark.parametrize(
    ("bits", "algorithm"),
    [(256, SignatureAlgorithm.ECDSA_SHA256), (384, SignatureAlgorithm.ECDSA_SHA384)],
)
def test_a_key_on_a_curve_in_the_token(key_dir: Path, bits: int, algorithm: SignatureAlgorithm) -> None:
    """Beside the RSA key, for those who ask; its rollover moves nothing of the other; both are published."""
    make_signing_key(now=NOW)
    [rsa] = signing_keys().published_certificates
    make_signing_key(now=NOW, bits=bits, curve=True)
    assert [path.name for path in (key_dir / "ec").iterdir()] == ["current.cert.pem"]
    ring = signing_keys()
    first = ring.signer_for(algorithm)
    verify(build_and_sign(a_plan(now=NOW), first).document, first.certificate, algorithm)
    verify(build_and_sign(a_plan(now=NOW), ring.current).document, rsa, SignatureAlgorithm.RSA_SHA256)
    assert ring.published_certificates == (rsa, first.certificate)
    assert (key_status(now=NOW).ok, key_status(now=NOW).warning) == (True, "")
    make_signing_key(now=NOW, bits=bits, curve=True)
    switch(author=ME, now=NOW, curve=True)
    second = signing_keys().signer_for(algorithm)
    assert second.certificate != first.certificate
    verify(build_and_sign(a_plan(now=NOW), second).document, second.certificate, algorithm)
    assert signing_keys().current.certificate == rsa


def test_what_the_curve_lacks_costs_nobody_else(key_dir: Path, tmp_path: Path) -> None:
    """A certificate on a curve whose key is elsewhere signs nothing and is told; RSA goes on."""
    make_signing_key(now=NOW)
    make_signing_key(now=NOW, bits=256, curve=True)
    make_key(tmp_path / "ec", bits=256, days=30, name="other", now=NOW, record=lambda _: None)
    (key_dir / "ec" / "current.cert.pem").write_bytes((tmp_path / "ec" / "current.cert.pem").read_bytes())
    with pytest.raises(NoSuchKey):
        signing_keys().signer_for(SignatureAlgorithm.ECDSA_SHA256).sign(b"x")
    assert signing_keys().current.sign(b"x")
    status = key_status(now=NOW)
    assert status.ok
    assert "nothing is signed on a curve" in status.warning


@pytest.mark.attack("AD-06")
def test_a_twin_of_another_pair_never_signs_for_ours(key_dir: Path) -> None:
    """Two pairs of one identifier in the token: what is not our certificate's signature does not leave."""
    make_signing_key(now=NOW)
    make_signing_key(now=NOW, bits=256, curve=True)
    signer = signing_keys().signer_for(SignatureAlgorithm.ECDSA_SHA256)
    assert signer.sign(b"x")
    certificate = x509.load_pem_x509_certificate((key_dir / "ec" / "current.cert.pem").read_bytes())
    public = certificate.public_key()
    assert isinstance(public, EllipticCurvePublicKey)

    def swap(session: Any) -> None:
        identifier = tokens.identifier_of_point(session, public)
        tokens.private_key(session, public).destroy()
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")},
            local=True,
        )
        parameters.generate_keypair(store=True, label="twin", id=identifier)

    the_token().ask(swap)
    with pytest.raises(NoSuchKey, match="another key"):
        signer.sign(b"x")


@pytest.mark.parametrize("name", ["next.cert.pem", "previous.cert.pem"])
def test_an_unreadable_certificate_beside_costs_itself_only(key_dir: Path, name: str) -> None:
    """The current key signs and stays published, and what is wrong is told; a good one beside it is published."""
    make_signing_key(now=NOW)
    [current] = signing_keys().published_certificates
    (key_dir / name).write_text("nonsense")
    (key_dir / name).chmod(0o644)
    assert signing_keys().published_certificates == (current,)
    assert signing_keys().current.sign(b"x")
    status = key_status(now=NOW)
    assert status.ok
    assert name in status.warning
    assert "not published" in status.warning
    assert told(signing_key_health(now=NOW))["warning"] == status.warning
    (key_dir / name).unlink()
    make_signing_key(now=NOW)
    assert len(signing_keys().published_certificates) == 2
    assert key_status(now=NOW).warning == ""


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


@pytest.mark.fault(20)
def test_taking_back_that_stopped_half_way_in_the_token(key_dir: Path) -> None:
    """The current certificate is next too: a switch would lose the former one, and is refused; back is again."""
    for _ in range(2):
        make_signing_key(now=NOW)
    old, new = signing_keys().published_certificates
    switch(author=ME, now=NOW)
    shutil.copy(key_dir / "current.cert.pem", key_dir / "next.cert.pem")
    with pytest.raises(KeyChangeRefused):
        switch(author=ME, now=NOW, anyway=True)
    assert signing_keys().published_certificates == (new, old)
    take_step_back(author=ME, now=NOW)
    take_step_back(author=ME, now=NOW)
    assert signing_keys().current.certificate == old


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

    def slow(session: Any, public: Any) -> Any:
        answer.wait(30)
        return original(session, public)

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


def test_a_key_is_made_while_others_sign(key_dir: Path) -> None:
    """A process of its own makes it: the one session that signs is not asked, and knows the new key at once."""
    make_signing_key(now=NOW)
    token = the_token()
    assert signing_keys().current.sign(b"x")
    token._breaker.shut_until = time.monotonic() + 60  # noqa: SLF001 - whatever is asked here is refused
    with pytest.raises(TokenUnavailable):
        signing_keys().current.sign(b"x")
    make_signing_key(now=NOW)
    token._breaker.shut_until = 0.0  # noqa: SLF001 - and allowed again
    switch(author=ME, now=NOW)
    assert signing_keys().current.sign(b"x")
    assert (key_dir / "previous.cert.pem").exists()


@pytest.mark.fault(21)
def test_a_key_that_cannot_be_made_leaves_all_as_it_was(key_dir: Path, config: TokenConfig) -> None:
    """A PIN that is wrong, or a token that is not there, is told in words without the PIN; the right one makes it."""
    for wrong in (replace(config, pin="9-wrong-9"), replace(config, label="another token")):
        with pytest.raises(TokenUnavailable) as problem:
            made_apart(wrong, bits=2048, label="test", curve=False)
        assert "the token answered" in problem.value.cause
        assert "9-wrong-9" not in problem.value.cause
    assert not key_dir.exists()
    make_signing_key(now=NOW)
    assert signing_keys().current.sign(b"x")


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
    public = x509.load_pem_x509_certificate((key_dir / "current.cert.pem").read_bytes()).public_key()
    assert isinstance(public, RSAPublicKey)
    for wrong in (replace(config, label="another token"), replace(config, module="/nonexistent/library.so")):
        with pytest.raises(TokenUnavailable):
            Token(wrong).check_there(public)
    assert signing_keys().current.sign(b"x")
