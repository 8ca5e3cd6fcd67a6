"""What an operator wants to see of the directory: does each server answer, and what would be read of a person."""

from dataclasses import dataclass
from datetime import datetime

from idp.directory.directories import directories
from idp.directory.port import ServerAnswer
from idp.domain.identity import DirectoryIdentity
from idp.services.identity import find_identity


@dataclass(frozen=True, slots=True)
class DirectoryReport:
    """How each server did, and the person that was asked for."""

    servers: tuple[ServerAnswer, ...]
    person: DirectoryIdentity | None

    @property
    def is_well(self) -> bool:
        """Whether there is a server, and each one answered."""
        return bool(self.servers) and all(not server.problem for server in self.servers)


def check_directory(*, name: str | None, now: datetime) -> DirectoryReport:
    """Every server has been tried afresh, and the person looked up if one was named.

    Refuses an unknown name with UnknownName; is Unavailable if the person cannot be read completely.
    """
    servers = tuple(answer for one in directories() for answer in one.probe())
    anyone_answers = any(not server.problem for server in servers)
    person = find_identity(name, now=now) if name and anyone_answers else None
    return DirectoryReport(servers, person)
