"""A spy on what goes to directory servers: counts operations, and lets every call through."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from ldap.controls.libldap import SimplePagedResultsControl
from ldap.ldapobject import SimpleLDAPObject

COUNTED = ("search_ext", "simple_bind", "compare_ext", "modify_ext", "add_ext", "delete_ext", "extop")


@dataclass(slots=True)
class Counted:
    """What was asked, in order; the pages of one answer are one operation."""

    told: list[str] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """How many operations there were."""
        return len(self.told)


@contextmanager
def counted_operations() -> Iterator[Counted]:
    """Inside, every operation on any connection of this process is counted."""
    counted = Counted()
    with pytest.MonkeyPatch.context() as patch:
        for name in COUNTED:
            patch.setattr(SimpleLDAPObject, name, spying(getattr(SimpleLDAPObject, name), name, counted))
        yield counted


def spying(through: Any, name: str, counted: Counted) -> Any:
    """The same call, which is counted first."""

    def spy(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not any(is_further_page(control) for control in kwargs.get("serverctrls") or ()):
            counted.told.append(f"{name} {' '.join(str(one)[:100] for one in args[:3:2])}")
        return through(self, *args, **kwargs)

    return spy


def is_further_page(control: object) -> bool:
    """Whether this asks for the rest of an answer."""
    return isinstance(control, SimplePagedResultsControl) and bool(control.cookie)
