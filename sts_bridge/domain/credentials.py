"""`TemporaryCredentials`: keys and their end, as STS answered; a secret must be asked to show itself."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Self, final

from sts_bridge.domain.errors import AwsUnavailable

# Printable ASCII without blanks, quotes, backslash and the brackets of profile names and of HTML.
one_word = re.compile(r"[A-Za-z0-9!#$%&()*+,./:;=?@^_{|}~-]+", re.ASCII)
DOTS = "••••••••"


class SecretsStayHereError(TypeError):
    """Somebody's code tried to write a secret down by accident."""


@final
class Secret:
    """A text that prints as dots; only `reveal` gives it, and no serialiser, copier or format can."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self.__text = text

    def reveal(self) -> str:
        """The text itself: call it where the person who may see it is shown it, nowhere else."""
        return self.__text

    def __repr__(self) -> str:
        return DOTS

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return format(DOTS, specification)

    def __eq__(self, other: object) -> bool:
        """Identity only: comparing secrets belongs to whoever can do it in constant time."""
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refused: pickles end up in queues and caches."""
        raise SecretsStayHereError("a secret is not pickled or copied")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class TemporaryCredentials:
    """What STS gave for one role; the access key's identifier is no secret, the other keys are.

    `issued_at` is by AWS's clock, and rather too late than too early. `packed_percent` is how much of AWS's room
    for session policies and tags is taken, where STS tells.
    """

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    issued_at: datetime
    expires_at: datetime
    assumed_role: str
    packed_percent: int | None = None

    def __post_init__(self) -> None:
        """Refuse an answer that could break out of the line, file or page that it is written to."""
        for text in (self.access_key_id, self.secret_access_key.reveal(), self.session_token.reveal()):
            if not one_word.fullmatch(text):
                raise AwsUnavailable("STS answered with characters that no credential has")
