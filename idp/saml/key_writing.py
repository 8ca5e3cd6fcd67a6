"""How key files are written: by one command at a time, each whole under its name, and there after a power cut."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idp.saml.errors import KeyChangeRefused
from idp.saml.key_files import CURVE_FOLDER, check_folder


def make_folder(folder: Path) -> None:
    """The folder is there, and nobody else may write to it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True, parents=folder.name == CURVE_FOLDER)
    except OSError as error:
        raise KeyChangeRefused(
            str(error), sentence=f"The folder {folder} cannot be made: {error.strerror}."
        ) from error
    check_folder(folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No other command changes these keys meanwhile; readers need no lock."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise KeyChangeRefused(sentence="Another command is changing the keys just now.") from error
    except OSError as error:
        raise KeyChangeRefused(
            str(error), sentence=f"The keys in {folder} cannot be changed: {error.strerror}."
        ) from error
    finally:
        os.close(descriptor)


def write_file(path: Path, content: bytes, *, mode: int) -> None:
    """The file appears under its name whole and lasting; what root makes belongs to the folder's owner."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            owner = path.parent.stat()
            if os.geteuid() == 0 and owner.st_uid != 0:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    make_lasting(path.parent)


def make_lasting(folder: Path) -> None:
    """Names in the folder survive a power cut from here on."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
