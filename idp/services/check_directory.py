"""What an operator wants to see of the directories: what works, what is amiss and why, what a person looks like."""

from dataclasses import dataclass
from datetime import datetime

from idp.directory.directories import candidates, directories
from idp.directory.examination import Examination
from idp.directory.person_look import PersonLook
from idp.directory.port import ServerAnswer
from idp.directory.typed_names import TypedName, typed_name
from idp.domain.explanation import Explanation, explain_all
from idp.domain.identity import DirectoryIdentity
from idp.services.rules import current_rules
from idp.services.staff import is_in_admin_groups


@dataclass(frozen=True, slots=True)
class PersonReport:
    """One typed name: its parts, what each directory that may hold it says, and what follows for whom it means.

    `person` is empty where nobody, or more than one, is meant, or where they cannot be read completely.
    """

    typed: TypedName
    looks: tuple[PersonLook, ...]
    person: DirectoryIdentity | None
    explanations: tuple[Explanation, ...]
    is_staff: bool

    @property
    def found(self) -> int:
        """How many entries the name means, in all directories."""
        return sum(len(look.found) for look in self.looks)

    @property
    def is_known(self) -> bool:
        """Whether one person is meant, and was read completely."""
        return self.person is not None


@dataclass(frozen=True, slots=True)
class DirectoryReport:
    """How each directory is, and the person that was asked for."""

    directories: tuple[Examination, ...]
    person: PersonReport | None

    @property
    def servers(self) -> tuple[ServerAnswer, ...]:
        """The servers of all directories."""
        return tuple(server for one in self.directories for server in one.servers)

    @property
    def is_well(self) -> bool:
        """Whether nothing was found amiss in any directory."""
        return bool(self.directories) and all(one.is_well for one in self.directories)


def check_directory(*, name: str | None, now: datetime) -> DirectoryReport:
    """Everything has been tried once, and the person looked up if one was named; no password is involved.

    Refuses what cannot be a name; is Unavailable if the rules cannot be read.
    """
    person = look_at(name, now=now) if name else None
    return DirectoryReport(tuple(one.examine() for one in directories()), person)


def look_at(name: str, *, now: datetime) -> PersonReport:
    """Whom this name means, how that is known, and which roles follow; refuses what cannot be a name."""
    typed = typed_name(name)
    looks = tuple(one.look_for(typed, now=now) for one in candidates(typed))
    meant = [look for look in looks if look.found]
    person = meant[0].identity if len(meant) == 1 else None
    # A directory that could not be asked may hold a second one of this name.
    if person is None or any(look.problem for look in looks):
        return PersonReport(typed, looks, None, (), is_staff=False)
    explanations = tuple(explain_all(person, current_rules(), now=now))
    return PersonReport(typed, looks, person, explanations, is_staff=is_in_admin_groups(person))
