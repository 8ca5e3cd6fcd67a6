"""What may be sent to a directory as a name and a password at all; decided before anything is sent."""

from idp.directory.errors import UnsendableName, UnsendablePassword

LONGEST_NAME = 256
LONGEST_PASSWORD = 1_024


def sendable_name(username: str) -> str:
    """The name without blanks around it; refuses what no directory could hold as a name."""
    name = username.strip()
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
