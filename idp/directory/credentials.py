"""What may be sent to a directory as a name and a password at all; decided before anything is sent."""

import unicodedata

from idp.directory.errors import UnsendableName, UnsendablePassword

LONGEST_NAME = 256
LONGEST_PASSWORD = 1_024


def sendable_name(username: str) -> str:
    """The name without blanks around it and in one width; refuses what no directory could hold as a name.

    Full-width letters and signs are the usual ones to every directory (RFC 4518 section 2.3), so that a
    full-width `@` parts a name like the usual one.
    """
    name = unicodedata.normalize("NFKC", username[: LONGEST_NAME + 1]).strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise UnsendableName(f"a name of {len(username)} characters")
    return name


def sendable_password(password: str) -> str:
    """The same password; refuses one that a server might take for no password at all, or for another one."""
    if not password.strip() or "\0" in password:
        raise UnsendablePassword("empty, blank or holding a NUL")
    try:
        length = len(password.encode())
    except UnicodeEncodeError as error:
        raise UnsendablePassword("no Unicode text") from error
    if length > LONGEST_PASSWORD:
        raise UnsendablePassword(f"{length} bytes")
    return password
