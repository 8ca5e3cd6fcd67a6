"""The ring of keys: what is refused, and that every change of a file holds at once."""

import base64
import os
import pickle
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from idp import watcher
from idp.saml import keys
from idp.saml.errors import KeyChangeRefused, KeyFault, KeyUnusable
from idp.saml.key_files import Fingerprint, fingerprint
from idp.saml.keys import KeyRing, KeyStore
from tests.statements import keys_in, make, promote

NOBODY = 65_534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a current key."""
    return keys_in(tmp_path / "keys")


@pytest.fixture
def full_folder(tmp_path: Path) -> Path:
    """A folder with a current and a next key."""
    return keys_in(tmp_path / "full", further=True)


def fault_of(folder: Path) -> KeyFault | None:
    """What is wrong with the ring of this folder, asked of a store that has seen nothing yet."""
    try:
        KeyStore(folder).ring()
    except KeyUnusable as problem:
        return problem.fault
    return None


def pem_of(key: Any, encryption: serialization.KeySerializationEncryption | None = None) -> bytes:
    """The key as a file holds it."""
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )
    return pem


def replaced(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Another file stands under this name."""
    aside = path.with_name("aside")
    aside.write_bytes(content)
    aside.chmod(mode)
    aside.replace(path)


@pytest.mark.attack("AD-06")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601, 0o644, 0o777])
@pytest.mark.parametrize("name", ["current.key.pem", "next.key.pem"])
def test_a_private_key_that_others_can_reach_is_refused(full_folder: Path, name: str, mode: int) -> None:
    """Any bit for group or others on a private key, and nothing is signed; 0600 and 0400 are fine."""
    store, key = KeyStore(full_folder), full_folder / name
    for sound in (0o600, 0o400):
        key.chmod(sound)
        assert store.ring()
    key.chmod(mode)
    with pytest.raises(KeyUnusable, match=f"can be read or written by others .mode 0{mode:o}") as refusal:
        store.ring()
    assert refusal.value.fault is KeyFault.PERMISSIONS
    assert not refusal.value.may_start
    key.chmod(0o600)
    assert store.ring()


@pytest.mark.parametrize("name", ["current.cert.pem", "next.cert.pem", "previous.cert.pem"])
def test_a_certificate_that_others_can_write_is_refused(full_folder: Path, name: str) -> None:
    """Whoever may write a certificate could have us publish their own."""
    shutil.copy(full_folder / "current.cert.pem", full_folder / "previous.cert.pem")
    assert fault_of(full_folder) is None
    (full_folder / name).chmod(0o664)
    assert fault_of(full_folder) is KeyFault.PERMISSIONS


def test_a_folder_that_others_can_write_is_refused(folder: Path) -> None:
    """They could put files of their own in place of ours; where a sticky bit forbids that, they may add only."""
    store = KeyStore(folder)
    assert store.ring()
    folder.chmod(0o770)
    with pytest.raises(KeyUnusable, match="can be written by others"):
        store.ring()
    folder.chmod(0o1777)
    assert store.ring()


def test_a_key_of_somebody_else_is_refused(folder: Path) -> None:
    """The key belongs to us, to root, or to the owner of the folder; nobody else may change it."""
    key = folder / "current.key.pem"
    os.chown(key, NOBODY, NOBODY)
    assert fault_of(folder) is KeyFault.PERMISSIONS
    os.chown(folder, NOBODY, NOBODY)
    assert fault_of(folder) is None


def test_a_key_that_this_process_may_not_read_is_named(now: datetime) -> None:
    """Another user is told which file cannot be read; its owner signs."""
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top, "keys")
        make(folder, now=now)
        Path(top).chmod(0o711)
        folder.chmod(0o711)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(KeyUnusable, match=r"current\.key\.pem cannot be read") as refusal:
                KeyStore(folder).ring()
        finally:
            os.seteuid(0)
        assert refusal.value.fault is KeyFault.UNREADABLE
        assert not refusal.value.may_start
        assert fault_of(folder) is None


WRONG_CONTENT = {
    "nothing": (lambda: b"", KeyFault.GARBLED),
    "no PEM": (lambda: b"\x00\x01", KeyFault.GARBLED),
    "half a key": (lambda: pem_of(rsa.generate_private_key(65_537, 2048))[:800], KeyFault.GARBLED),
    "a key under a password": (
        lambda: pem_of(rsa.generate_private_key(65_537, 2048), serialization.BestAvailableEncryption(b"x")),
        KeyFault.GARBLED,
    ),
    "too much": (lambda: b"x" * 100_000, KeyFault.GARBLED),
    "RSA-1024": (lambda: pem_of(rsa.generate_private_key(65_537, 1024)), KeyFault.WEAK),  # noqa: S505 - the point
    "an elliptic curve": (lambda: pem_of(ec.generate_private_key(ec.SECP256R1())), KeyFault.WEAK),
    "another RSA-2048": (lambda: pem_of(rsa.generate_private_key(65_537, 2048)), KeyFault.MISMATCH),
    "another RSA-3072": (lambda: pem_of(rsa.generate_private_key(65_537, 3072)), KeyFault.MISMATCH),
}


@pytest.mark.fault(19)
@pytest.mark.parametrize(("content", "fault"), WRONG_CONTENT.values(), ids=WRONG_CONTENT)
def test_a_wrong_key_is_refused_with_its_exact_fault(
    folder: Path, content: Callable[[], bytes], fault: KeyFault
) -> None:
    """Each kind of wrong content has its name, and the site may not start with any; the right key signs again."""
    store, key = KeyStore(folder), folder / "current.key.pem"
    right = key.read_bytes()
    replaced(key, content())
    with pytest.raises(KeyUnusable) as refusal:
        store.ring()
    assert refusal.value.fault is fault
    assert not refusal.value.may_start
    replaced(key, right)
    assert store.ring()


@pytest.mark.fault(19)
@pytest.mark.parametrize("name", ["current.key.pem", "current.cert.pem"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """The site may start without a key, but signs nothing until the file is there."""
    store, aside = KeyStore(folder), folder / "aside"
    (folder / name).rename(aside)
    with pytest.raises(KeyUnusable, match=f"{name} is missing") as refusal:
        store.ring()
    assert refusal.value.fault is KeyFault.MISSING
    assert refusal.value.may_start
    aside.rename(folder / name)
    assert store.ring()


def test_a_missing_folder_is_named(tmp_path: Path, now: datetime) -> None:
    """Nothing is there yet; once a key is made the same store signs."""
    store = KeyStore(tmp_path / "keys")
    with pytest.raises(KeyUnusable, match="folder of keys is missing"):
        store.ring()
    make(tmp_path / "keys", now=now)
    assert store.ring()


@pytest.mark.parametrize("make_it", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_what_is_no_file_is_refused_at_once(folder: Path, make_it: Callable[[Path], None]) -> None:
    """A folder or a pipe in place of the key is refused, and nobody waits for it."""
    (folder / "current.key.pem").unlink()
    make_it(folder / "current.key.pem")
    assert fault_of(folder) is KeyFault.UNREADABLE


@pytest.mark.parametrize("name", ["next.cert.pem", "previous.cert.pem"])
def test_a_further_certificate_that_cannot_be_read_does_not_stop_us(folder: Path, name: str) -> None:
    """It is not published and remarked on; what signs is sound."""
    replaced(folder / name, b"nonsense", 0o644)
    ring = KeyStore(folder).ring()
    assert ring.published_certificates == (ring.current.certificate,)
    assert name in ring.remarks[0]


def test_a_next_certificate_of_another_key_is_not_published(full_folder: Path) -> None:
    """Nobody could sign for it; with its own key it is published."""
    store, key = KeyStore(full_folder), full_folder / "next.key.pem"
    assert len(store.ring().published_certificates) == 2
    right = key.read_bytes()
    replaced(key, pem_of(rsa.generate_private_key(65_537, 2048)))
    assert len(store.ring().published_certificates) == 1
    replaced(key, right)
    assert len(store.ring().published_certificates) == 2


def test_files_behind_symbolic_links_are_watched(folder: Path, tmp_path: Path, now: datetime) -> None:
    """A mounted secret is a link into a folder that is exchanged as a whole; the exchange is seen."""
    other = tmp_path / "other"
    make(other, now=now)
    links, data = tmp_path / "links", tmp_path / "data"
    links.mkdir(mode=0o700)
    data.symlink_to(folder)
    for name in ("current.key.pem", "current.cert.pem"):
        (links / name).symlink_to(data / name)
    store = KeyStore(links)
    assert store.ring().current.certificate == KeyStore(folder).ring().current.certificate
    data.unlink()
    data.symlink_to(other)
    assert store.ring().current.certificate == KeyStore(other).ring().current.certificate


class Opened:
    """How many files this interpreter opens while it is asked to count."""

    def __init__(self) -> None:
        self.counting = False
        self.paths: list[str] = []
        sys.addaudithook(self.heard)

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python tells of every open."""
        if self.counting and event == "open":
            self.paths.append(str(arguments[0]))


OPENED = Opened()


@pytest.fixture
def opened() -> Iterator[list[str]]:
    OPENED.paths.clear()
    OPENED.counting = True
    yield OPENED.paths
    OPENED.counting = False


def test_no_file_is_opened_while_none_has_changed(folder: Path, now: datetime, opened: list[str]) -> None:
    """The first ring reads the files, the next thousand read nothing; a change is read once."""
    store = KeyStore(folder)
    first = store.ring()
    assert len(opened) == 2
    opened.clear()
    assert all(store.ring() is first for _ in range(1_000))
    assert opened == []
    make(folder, now=now)
    opened.clear()
    second = store.ring()
    assert second is not first
    assert len(opened) == 4
    assert store.ring() is second


def test_a_refusal_is_remembered_too(folder: Path, opened: list[str]) -> None:
    """A broken key is not read again for every click, and every caller gets an error of their own."""
    (folder / "current.key.pem").chmod(0o644)
    store = KeyStore(folder)
    with pytest.raises(KeyUnusable) as first:
        store.ring()
    opened.clear()
    with pytest.raises(KeyUnusable) as second:
        store.ring()
    assert opened == []
    assert first.value is not second.value


def test_in_place_changes_are_seen(folder: Path, tmp_path: Path, now: datetime) -> None:
    """Overwritten in place with the same length and even the same time of change, the files are read again."""
    store = KeyStore(folder)
    before = store.ring().current.certificate
    other = tmp_path / "other"
    while not other.exists() or sizes(other) != sizes(folder):
        for old in other.glob("*"):
            old.unlink()
        make(other, now=now)
    for name in ("current.key.pem", "current.cert.pem"):
        times = (folder / name).stat()
        (folder / name).write_bytes((other / name).read_bytes())
        os.utime(folder / name, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert store.ring().current.certificate != before


def sizes(folder: Path) -> list[int]:
    """How long the two files are."""
    return [(folder / name).stat().st_size for name in ("current.key.pem", "current.cert.pem")]


def test_what_was_changed_in_one_process_holds_for_the_next_call_in_another(
    folder: Path, now: datetime
) -> None:
    """A promotion by another program is what the next call finds, time after time, and never a mixed pair."""
    store = KeyStore(folder)
    for _ in range(6):
        make(folder, now=now)
        expected = store.ring().published_certificates[1]
        child = os.fork()
        if child == 0:
            promote(folder, now=now)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        ring = store.ring()
        assert ring.current.certificate == expected
        assert verified(ring)


def verified(ring: KeyRing) -> bool:
    """Whether what the ring signs verifies with the certificate that it names first."""
    certificate = x509.load_der_x509_certificate(base64.b64decode(ring.current.certificate))
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(ring.current.sign(b"octets"), b"octets", padding.PKCS1v15(), hashes.SHA256())
    return ring.published_certificates[0] == ring.current.certificate


def test_readers_never_meet_a_mixed_pair(folder: Path, now: datetime) -> None:
    """While keys are made and promoted without rest, four threads read rings, and each is whole."""
    store = KeyStore(folder)
    stop = threading.Event()
    problems: list[Exception] = []
    seen: set[str] = set()

    def read() -> None:
        own = KeyStore(folder)
        while not stop.is_set():
            try:
                for ring in (store.ring(), own.ring()):
                    seen.add(ring.current.certificate)
                    assert verified(ring)
            except (KeyUnusable, AssertionError, InvalidSignature) as problem:
                problems.append(problem)
                return

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(6):
        make(folder, now=now)
        promote(folder, now=now)
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert len(seen) > 2


def test_a_promotion_that_stopped_half_way_still_signs(full_folder: Path, now: datetime) -> None:
    """Stopped between the two renames, the new key signs with its own certificate; asking again finishes it."""
    folder = full_folder
    store = KeyStore(folder)
    following = store.ring().published_certificates[1]
    (folder / "next.key.pem").replace(folder / "current.key.pem")
    ring = store.ring()
    assert ring.current.certificate == following
    assert verified(ring)
    with pytest.raises(KeyChangeRefused, match="key-change-refused"):
        make(folder, now=now)
    promote(folder, now=now)
    assert not (folder / "next.cert.pem").exists()
    assert store.ring().current.certificate == following


def test_a_key_shows_itself_to_nobody(folder: Path) -> None:
    """Neither repr nor attributes nor a pickle give the private key away."""
    key = KeyStore(folder).ring().current
    shown = repr(key) + repr(vars(key))
    assert "PRIVATE" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.fault(19)
def test_the_certificate_holds_from_its_first_second_to_its_last(folder: Path, now: datetime) -> None:
    """Made with an hour's grace for slow clocks, and over at its end."""
    key = KeyStore(folder).ring().current
    assert key.valid_from == now - timedelta(hours=1)
    assert key.valid_until == now + timedelta(days=365)
    key.check_in_force(key.valid_from)
    key.check_in_force(key.valid_until - timedelta(seconds=1))
    for moment, fault in (
        (key.valid_from - timedelta(seconds=1), KeyFault.NOT_YET_VALID),
        (key.valid_until, KeyFault.EXPIRED),
    ):
        with pytest.raises(KeyUnusable) as refusal:
            key.check_in_force(moment)
        assert refusal.value.fault is fault
        assert refusal.value.may_start


def watchers() -> list[threading.Thread]:
    """The threads that look after keys; those of other tests' folders went with their patched pace."""
    return [thread for thread in threading.enumerate() if thread.name == "signing-keys"]


def test_watched_keys_are_read_by_a_thread_of_their_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who ask open and ask for no file; a change holds within the promised time; a forked process goes on."""
    monkeypatch.setattr(keys, "LOOK_SECONDS", 0.05)
    keys_in(folder)
    store = KeyStore(folder)
    store.watch()
    first = store.ring()
    assert store.ring() is first
    [thread] = watchers()
    asked: list[int] = []

    def counted(paths: tuple[str, ...]) -> Fingerprint:
        asked.append(threading.get_ident())
        return fingerprint(paths)

    monkeypatch.setattr(keys, "fingerprint", counted)
    for _ in range(100):
        store.ring()
    assert threading.get_ident() not in asked
    make(folder, now=datetime.now(UTC))
    until = time.monotonic() + 30
    while len(store.ring().published_certificates) != 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    # What a fork leaves behind: a thread that is not there any more.
    monkeypatch.setattr(store.watcher, "_of_process", -1)
    assert store.ring()
    assert any(other is not thread for other in watchers())


def test_a_watcher_that_hangs_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen too long ago is looked at again by whoever asks."""
    monkeypatch.setattr(keys, "LOOK_SECONDS", 3_600.0)
    keys_in(folder)
    store = KeyStore(folder)
    store.watch()
    for _ in range(2):
        store.ring()
    make(folder, now=datetime.now(UTC))
    assert len(store.ring().published_certificates) == 1, "seen a moment ago"
    monkeypatch.setattr(watcher, "STALE_SECONDS", 0.0)
    assert len(store.ring().published_certificates) == 2
