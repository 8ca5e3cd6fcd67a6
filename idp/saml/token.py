"""A PKCS#11 token: asked by a thread of its own, within two seconds or not at all; a lost session is reopened.

The only file that imports `pkcs11`. A token that is slow or gone makes signing unavailable; nothing takes its place.
A key is known by its public part, so that no label and no configuration can point to another one.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeVar

import pkcs11
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11.exceptions import PKCS11Error, UserAlreadyLoggedIn
from pkcs11.util.ec import encode_named_curve_parameters

from idp.conf.saml import TokenConfig
from idp.domain.errors import SigningUnavailable
from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.key_files import PublicKey

BUDGET_SECONDS: Final = 2.0
MOST_FAILURES: Final = 3
SHUT_SECONDS: Final = 5.0
MECHANISMS: Final = {
    SignatureAlgorithm.RSA_SHA256: pkcs11.Mechanism.SHA256_RSA_PKCS,
    SignatureAlgorithm.RSA_SHA384: pkcs11.Mechanism.SHA384_RSA_PKCS,
    SignatureAlgorithm.RSA_SHA512: pkcs11.Mechanism.SHA512_RSA_PKCS,
}
# Tokens hash for ECDSA only in part; that they sign a hash is what all of them do.
HASHED_HERE: Final = {
    SignatureAlgorithm.ECDSA_SHA256: hashlib.sha256,
    SignatureAlgorithm.ECDSA_SHA384: hashlib.sha384,
}
CURVES: Final = {256: SECP256R1(), 384: SECP384R1()}
# A point as an attribute of a token: an OCTET STRING around it (PKCS#11 v2.40, 2.3.3), with a short length.
OCTET_STRING: Final = 0x04
Answer = TypeVar("Answer")
Work = Callable[[Any], Answer]


class TokenUnavailable(SigningUnavailable):
    """The token did not answer in time, or has failed so often that it is given a rest."""


class NoSuchKey(TokenUnavailable):
    """The token answers, and does not hold the key that belongs to our certificate."""


@dataclass(slots=True)
class Breaker:
    """Shut for a while after several failures in a row; then callers try, and the next failure shuts it again."""

    failures: int = 0
    shut_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Refuse while it is shut: nobody waits two seconds for what has just failed."""
        if time.monotonic() < self.shut_until:
            raise TokenUnavailable("the token has failed several times just now and is given a rest")

    def failed(self) -> None:
        """One more failure."""
        with self.lock:
            self.failures += 1
            if self.failures >= MOST_FAILURES:
                self.shut_until = time.monotonic() + SHUT_SECONDS

    def answered(self) -> None:
        """All is well again."""
        if self.failures:
            with self.lock:
                self.failures, self.shut_until = 0, 0.0


class Token:
    """One token with one session, used by one thread: a library that begins anew must find nobody in it."""

    def __init__(self, config: TokenConfig) -> None:
        """Nothing is opened yet."""
        self._config = config
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="token")
        self._breaker = Breaker()
        self._session: Any = None

    def sign(self, public: PublicKey, octets: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """The signature by the key of this public part, in XML Signature's form; the key never leaves the token."""

        def work(session: Any) -> bytes:
            key = private_key(session, public)
            if algorithm in HASHED_HERE:
                hashed = HASHED_HERE[algorithm](octets).digest()
                return bytes(key.sign(hashed, mechanism=pkcs11.Mechanism.ECDSA))
            return bytes(key.sign(octets, mechanism=MECHANISMS[algorithm]))

        return self.ask(work)

    def check_there(self, public: PublicKey) -> None:
        """Refuse where the token does not answer, or does not hold the key of this public part."""
        self.ask(lambda session: private_key(session, public))

    def make_key(self, bits: int, label: str, *, curve: bool = False) -> PublicKey:
        """The public part of a new key that stays in the token for good: RSA, or on a curve of so many bits."""

        def work(session: Any) -> PublicKey:
            return made_on_curve(session, bits, label) if curve else made_rsa(session, bits, label)

        return self.ask(work, seconds=60.0)

    def ask(self, work: "Work[Answer]", *, seconds: float | None = None) -> Answer:
        """What the token answers within its two seconds; is Unavailable otherwise, and at once while it rests."""
        self._breaker.check()
        future = self._thread.submit(self._with_session, work)
        try:
            answer = future.result(timeout=BUDGET_SECONDS if seconds is None else seconds)
        except TimeoutError as error:
            future.cancel()
            self._breaker.failed()
            raise TokenUnavailable("the token did not answer in time") from error
        except NoSuchKey as error:
            # An error of its own for every caller.
            raise NoSuchKey(error.cause) from error
        except (PKCS11Error, RuntimeError, OSError) as error:
            self._breaker.failed()
            raise TokenUnavailable(f"the token answered {type(error).__name__}") from error
        self._breaker.answered()
        return answer

    def _with_session(self, work: "Work[Answer]") -> Answer:
        if self._session is not None:
            try:
                return work(self._session)
            except (PKCS11Error, NoSuchKey):
                # A session or login that was lost (then no key is seen), or a token that was pulled out and put
                # back: opened anew, once.
                self._close()
        self._session = self._open()
        return work(self._session)

    def _open(self) -> Any:
        library = pkcs11.lib(self._config.module)
        try:
            return self._logged_in(library)
        except PKCS11Error:
            # What was plugged in, or changed, since then is seen by a library that begins anew.
            library.reinitialize()
            return self._logged_in(library)

    def _logged_in(self, library: Any) -> Any:
        token = library.get_token(token_label=self._config.label)
        try:
            return token.open(rw=True, user_pin=self._config.pin)
        except UserAlreadyLoggedIn:
            return token.open(rw=True)

    def _close(self) -> None:
        lost, self._session = self._session, None
        try:
            lost.close()
        except PKCS11Error:
            return


def made_rsa(session: Any, bits: int, label: str) -> PublicKey:
    """The public part of a new RSA key."""
    public, _private = session.generate_keypair(
        pkcs11.KeyType.RSA, bits, store=True, label=label, id=os.urandom(16)
    )
    exponent = int.from_bytes(public[pkcs11.Attribute.PUBLIC_EXPONENT], "big")
    return RSAPublicNumbers(exponent, int.from_bytes(public[pkcs11.Attribute.MODULUS], "big")).public_key()


def made_on_curve(session: Any, bits: int, label: str) -> PublicKey:
    """The public part of a new key on P-256 or P-384."""
    curve = CURVES[bits]
    parameters = session.create_domain_parameters(
        pkcs11.KeyType.EC,
        {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve.name)},
        local=True,
    )
    public, _private = parameters.generate_keypair(store=True, label=label, id=os.urandom(16))
    point = bytes(public[pkcs11.Attribute.EC_POINT])
    # Some tokens leave the OCTET STRING away.
    bare = point[-(1 + 2 * (bits // 8)) :]
    return EllipticCurvePublicKey.from_encoded_point(curve, bare)


def private_key(session: Any, public: PublicKey) -> Any:
    """The private key that belongs to this public part: no label and no configuration can point to another one."""
    wanted: dict[Any, Any] = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
    if isinstance(public, RSAPublicKey):
        modulus = public.public_numbers().n.to_bytes((public.key_size + 7) // 8)
        wanted |= {pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.RSA, pkcs11.Attribute.MODULUS: modulus}
    else:
        # A private key on a curve does not tell its point: its public twin does, and both have one identifier.
        identifier = identifier_of_point(session, public)
        wanted |= {pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.EC, pkcs11.Attribute.ID: identifier}
    found = list(session.get_objects(wanted))
    if not found:
        raise NoSuchKey("the token does not hold the key of the signing certificate")
    return found[0]


def identifier_of_point(session: Any, public: EllipticCurvePublicKey) -> bytes:
    """The identifier of the pair whose public key this is; refuses with NoSuchKey where there is none."""
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    for spelling in (bytes([OCTET_STRING, len(point)]) + point, point):
        wanted = {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY,
            pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.EC,
            pkcs11.Attribute.EC_POINT: spelling,
        }
        for found in session.get_objects(wanted):
            return bytes(found[pkcs11.Attribute.ID])
    raise NoSuchKey("the token does not hold the public key of the signing certificate")


def token_of(config: TokenConfig) -> Token:
    """The token of this process: what was opened before a fork does not hold behind it."""
    return token_in(config, os.getpid())


@lru_cache(maxsize=2)
def token_in(config: TokenConfig, process: int) -> Token:
    """The token as this process has it."""
    del process
    return Token(config)
