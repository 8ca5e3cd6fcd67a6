"""The signing key and the certificates we publish, read from files once and again when these have changed.

While a key is replaced its certificate stays published: statements under way, and service providers that read
our metadata seldom, must still find it.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from cryptography import x509

from idp.conf.saml import TokenConfig, saml_config
from idp.domain.saml_names import SignatureAlgorithm
from idp.saml.errors import KeyFault, KeyUnusable
from idp.saml.key_files import (
    CURVE_FOLDER,
    FILES,
    KEY_BESIDE,
    Fingerprint,
    KeyFile,
    PrivateKey,
    belongs_to,
    check_folder,
    fingerprint,
    read_certificate,
    read_private_key,
)
from idp.saml.signing_key import SigningKey, certificate_text
from idp.saml.token_keys import TokenKey
from idp.watcher import Watcher

# Each try reads at most five small files; only a folder that never rests needs more than two.
MOST_TRIES = 10
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class KeyRing:
    """Who signs, and every certificate that may verify: the current one first, then next and previous.

    Two rings are the same only if they are one object. `remarks` says what is wrong without standing in the way.
    `further` are keys of other kinds, for the services that ask for them.
    """

    current: SigningKey | TokenKey
    published_certificates: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    further: tuple[SigningKey | TokenKey, ...] = ()
    signers: dict[SignatureAlgorithm, SigningKey | TokenKey] = field(default_factory=dict, repr=False)

    def signer_for(self, algorithm: SignatureAlgorithm) -> SigningKey | TokenKey:
        """Who signs by this algorithm; refuses with KeyUnusable where no key of its kind is there."""
        signer = self.signers.get(algorithm)
        if signer is None:
            keys: tuple[SigningKey | TokenKey, ...] = (self.current, *self.further)
            able = next((key for key in keys if key.can(algorithm)), self.current)
            signer = self.signers[algorithm] = able.by(algorithm)
        return signer


@dataclass(frozen=True, slots=True)
class _Read:
    """What was found when the files looked like this: a ring, or the reason why there is none."""

    fingerprint: Fingerprint
    found: KeyRing | KeyUnusable


class KeyStore:
    """The folder of keys as one ring; every change of a file holds for the next call, in every process.

    Where it is watched, a thread of its own looks and reads, and those who ask are given what it saw last: no
    sign-in waits for a file. What it saw is at most half a minute old; after that those who ask look themselves.
    """

    def __init__(self, folder: Path, token: TokenConfig | None = None) -> None:
        """Nothing is read yet; with `token` the keys are there, and no private key is ever read from a file."""
        self._folder = folder
        self._token = token
        curves = folder / CURVE_FOLDER
        self._paths = tuple(str(place / name) for place in (folder, curves) for name in ("", *FILES))
        self._lock = threading.Lock()
        self._last: _Read | None = None
        self.watcher = Watcher(self._look, name="signing-keys", every_seconds=LOOK_SECONDS)

    def watch(self) -> None:
        """From the next call on the files are looked after by a thread; also in a process that is forked later."""
        self.watcher.start()

    def ring(self) -> KeyRing:
        """The ring that the files hold now; refuses with KeyUnusable where they hold none that may be used."""
        last = self._last
        if last is None or not self.watcher.is_fresh():
            last = self._look()
        if isinstance(last.found, KeyUnusable):
            # An error of its own for every caller: one that all raise would gather all their tracebacks.
            raise KeyUnusable(last.found.fault, last.found.cause, hint=last.found.hint)
        return last.found

    def _look(self) -> _Read:
        last = self._last
        if last is None or last.fingerprint != fingerprint(self._paths):
            last = self._read_again()
        self.watcher.has_looked()
        return last

    def _read_again(self) -> _Read:
        with self._lock:
            now = fingerprint(self._paths)
            last = self._last
            tries = 0
            while (last is None or last.fingerprint != now) and tries < MOST_TRIES:
                last = self._last = self._read(now)
                # Files that changed while they were read belong to two states: look again.
                now = fingerprint(self._paths)
                tries += 1
        return last or self._read(now)

    def _read(self, seen: Fingerprint) -> _Read:
        try:
            return _Read(
                seen, token_ring(self._folder, self._token) if self._token else read_ring(self._folder)
            )
        except KeyUnusable as problem:
            return _Read(seen, problem)


def signing_keys() -> KeyRing:
    """The ring of the configured folder; no file is opened unless one has changed. Refuses with KeyUnusable."""
    config = saml_config()
    return key_store(config.key_dir, config.token).ring()


def watch_signing_keys() -> None:
    """The keys of this process, and of those that it forks, are looked after by a thread from the first use on."""
    config = saml_config()
    key_store(config.key_dir, config.token).watch()


@cache
def key_store(folder: Path, token: TokenConfig | None = None) -> KeyStore:
    """The one store of this process for this folder."""
    return KeyStore(folder, token)


def token_ring(folder: Path, token: TokenConfig) -> KeyRing:
    """The ring whose keys are in the token; refuses with the exact fault of the current certificate.

    A key file that lies there as well is not read: whatever becomes of the token, nothing else signs.
    """
    check_folder(folder)
    current = read_certificate(folder / KeyFile.CURRENT_CERTIFICATE)
    published, remarks = [current], []
    for path in (folder / KeyFile.NEXT_CERTIFICATE, folder / KeyFile.PREVIOUS_CERTIFICATE):
        try:
            published += [read_certificate(path)] if path.exists() else []
        except KeyUnusable as problem:
            remarks.append(f"{problem.cause}: it is not published")
    lying = [name for name in KEY_BESIDE.values() if (folder / name).exists()]
    remarks += [f"{folder / name} is not used: the key is in the token" for name in lying]
    texts = tuple(dict.fromkeys(map(certificate_text, published)))
    ring = KeyRing(TokenKey(token, current), texts, tuple(remarks))
    return _with_curves(ring, folder, lambda curves: token_ring(curves, token))


def read_ring(folder: Path) -> KeyRing:
    """The ring as the files hold it at this moment; refuses with the exact fault of the current key.

    A next key that others can read is refused as well: its certificate is trusted as soon as it is published.
    """
    check_folder(folder)
    key = read_private_key(folder / KeyFile.CURRENT_KEY)
    certificate = _certificate_of(key, folder)
    published = [certificate]
    remarks = []
    for name in (KeyFile.NEXT_CERTIFICATE, KeyFile.PREVIOUS_CERTIFICATE):
        try:
            published += _further_certificates(folder, name)
        except KeyUnusable as problem:
            if problem.fault is KeyFault.PERMISSIONS:
                raise
            remarks.append(f"{problem.cause}: it is not published")
    texts = tuple(dict.fromkeys(map(certificate_text, published)))
    ring = KeyRing(SigningKey(key, certificate), texts, tuple(remarks))
    return _with_curves(ring, folder, read_ring)


def _with_curves(ring: KeyRing, folder: Path, read: Callable[[Path], KeyRing]) -> KeyRing:
    """The same ring, with the keys on a curve beside it where there are any."""
    curves = folder / CURVE_FOLDER
    if folder.name == CURVE_FOLDER or not curves.exists():
        return ring
    try:
        further = read(curves)
    except KeyUnusable as problem:
        if problem.fault is KeyFault.PERMISSIONS:
            raise
        # The services that asked for it wait; everybody else signs in.
        return replace(ring, remarks=(*ring.remarks, f"{problem.cause}: nothing is signed on a curve"))
    return replace(
        ring,
        published_certificates=(*ring.published_certificates, *further.published_certificates),
        remarks=(*ring.remarks, *further.remarks),
        further=(further.current,),
        signers={},
    )


def _certificate_of(key: PrivateKey, folder: Path) -> x509.Certificate:
    """The current certificate, or in the moment of a switch the one that stands where the key was.

    A promotion, and taking one back, switch by one rename, that of the key; the certificate follows. Whoever
    looks between the two, or after a machine has stopped there, finds it still under its former name.
    """
    found = read_certificate(folder / KeyFile.CURRENT_CERTIFICATE)
    if belongs_to(found, key):
        return found
    for name in (KeyFile.NEXT_CERTIFICATE, KeyFile.PREVIOUS_CERTIFICATE):
        if (folder / name).exists() and not (folder / KEY_BESIDE[name]).exists():
            beside = read_certificate(folder / name)
            if belongs_to(beside, key):
                return beside
    raise KeyUnusable(
        KeyFault.MISMATCH,
        f"the certificate {folder / KeyFile.CURRENT_CERTIFICATE} does not belong to the key beside it",
        hint=f"Put the certificate of {KeyFile.CURRENT_KEY} there.",
    )


def _further_certificates(folder: Path, name: KeyFile) -> Iterator[x509.Certificate]:
    beside = folder / KEY_BESIDE[name]
    if beside.exists() and (name is KeyFile.NEXT_CERTIFICATE or (folder / name).exists()):
        key = read_private_key(beside)
        certificate = read_certificate(folder / name)
        if not belongs_to(certificate, key):
            raise KeyUnusable(
                KeyFault.MISMATCH,
                f"the certificate {folder / name} does not belong to the key beside it",
                hint=f"Put the certificate of {beside.name} there.",
            )
        yield certificate
    elif (folder / name).exists():
        yield read_certificate(folder / name)
