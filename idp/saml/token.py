"""A PKCS#11 token: asked by a thread of its own, within two seconds or not at all; a lost session is reopened.

The only file that imports `pkcs11`. A token that is slow or gone makes signing unavailable; nothing takes its place.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeVar

import pkcs11
from pkcs11.exceptions import PKCS11Error, UserAlreadyLoggedIn

from idp.conf import TokenConfig
from idp.domain.errors import SigningUnavailable
from idp.domain.saml_names import SignatureAlgorithm

BUDGET_SECONDS: Final = 2.0
MOST_FAILURES: Final = 3
SHUT_SECONDS: Final = 5.0
MECHANISMS: Final = {
    SignatureAlgorithm.RSA_SHA256: pkcs11.Mechanism.SHA256_RSA_PKCS,
    SignatureAlgorithm.RSA_SHA384: pkcs11.Mechanism.SHA384_RSA_PKCS,
    SignatureAlgorithm.RSA_SHA512: pkcs11.Mechanism.SHA512_RSA_PKCS,
}
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

    def sign(self, modulus: bytes, octets: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """The signature by the RSA key of this modulus; the key never leaves the token."""

        def work(session: Any) -> bytes:
            return bytes(private_key(session, modulus).sign(octets, mechanism=MECHANISMS[algorithm]))

        return self.ask(work)

    def check_there(self, modulus: bytes) -> None:
        """Refuse where the token does not answer, or does not hold the key of this modulus."""
        self.ask(lambda session: private_key(session, modulus))

    def make_key(self, bits: int, label: str) -> tuple[bytes, int]:
        """Modulus and exponent of a new RSA key that stays in the token for good."""

        def work(session: Any) -> tuple[bytes, int]:
            public, _private = session.generate_keypair(
                pkcs11.KeyType.RSA, bits, store=True, label=label, id=os.urandom(16)
            )
            exponent = int.from_bytes(public[pkcs11.Attribute.PUBLIC_EXPONENT], "big")
            return bytes(public[pkcs11.Attribute.MODULUS]), exponent

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


def private_key(session: Any, modulus: bytes) -> Any:
    """The private key that belongs to this modulus: no label and no configuration can point to another one."""
    wanted = {
        pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY,
        pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.RSA,
        pkcs11.Attribute.MODULUS: modulus,
    }
    found = list(session.get_objects(wanted))
    if not found:
        raise NoSuchKey("the token does not hold the key of the signing certificate")
    return found[0]


def token_of(config: TokenConfig) -> Token:
    """The token of this process: what was opened before a fork does not hold behind it."""
    return token_in(config, os.getpid())


@lru_cache(maxsize=2)
def token_in(config: TokenConfig, process: int) -> Token:
    """The token as this process has it."""
    del process
    return Token(config)
