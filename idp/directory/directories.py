"""The directories side by side: which one holds a person, told by the account key or by what was typed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache

from idp.conf.directories import directory_configs
from idp.directory.deadline import Deadline
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.port import AccountFound, Directory, GroupEntry, PersonAnswer, ServerAnswer
from idp.directory.searches import RawEntry
from idp.directory.typed_names import TypedName, typed_name
from idp.domain.errors import Refused
from idp.domain.identity import DirectoryIdentity
from idp.domain.password_policy import Lockout, strictest


@cache
def directories() -> tuple[LdapDirectory, ...]:
    """Every configured directory, one object each per process: their connections are kept."""
    return tuple(LdapDirectory(config) for config in directory_configs())


def directory_named(name: str) -> Directory | None:
    """The directory of this name, the first part of its people's account keys; None for another."""
    return next((one for one in directories() if one.name == name), None)


def check_password(
    username: str,
    password: str,
    *,
    now: datetime,
    found: AccountFound | None = None,
    names: bool = True,
) -> DirectoryIdentity:
    """Who signs in with this name and password, in whichever directory holds exactly one such person.

    Refuses like `Directory.check_password`, also a name that people of several directories go by: no
    password is ever tried on somebody who may not be meant. While one of the directories that may hold the
    name cannot be asked, Unavailable for the same reason.
    """
    holder, entries, deadline = _holder_of(typed_name(username))
    return holder.check_password(
        username, password, now=now, found=found, entries=entries, deadline=deadline, names=names
    )


def change_password(
    username: str, password: str, new_password: str, *, now: datetime, found: AccountFound | None = None
) -> None:
    """Whoever has this name and password has the new one from here on; see `Directory.change_password`."""
    holder, entries, deadline = _holder_of(typed_name(username))
    holder.change_password(
        username, password, new_password, now=now, found=found, entries=entries, deadline=deadline
    )


def _holder_of(typed: TypedName) -> tuple[LdapDirectory, list[RawEntry] | None, Deadline | None]:
    """The directory that is asked about a password; whom the name means, where that took a search in several."""
    first, *others = candidates(typed)
    if not others:
        return first, None, None
    deadline = first.soon()
    meant = _those_meant(typed, (first, *others), deadline)
    return meant[0][0] if meant else first, [entry for _, entry in meant], deadline


def _those_meant(
    typed: TypedName, holders: Sequence[LdapDirectory], deadline: Deadline | None = None
) -> list[tuple[LdapDirectory, RawEntry]]:
    """Whom the name means, each with their directory; in all of them together a name comes before a mail address."""
    found = [(one, entry) for one in holders for entry in one.people_named(typed, deadline)]
    return [(one, entry) for one, entry in found if one.goes_by(typed, entry)] or found


def lockout_of(username: str) -> Lockout:
    """When those who may be meant by this name are locked, by the strictest policy; asks nothing."""
    try:
        holders = candidates(typed_name(username))
    except Refused:
        holders = directories()
    return strictest([one.lockout() for one in holders])


def find_by_name(username: str, *, now: datetime) -> DirectoryIdentity | None:
    """The person whom this name means; None if nobody, or more than one in all directories, goes by it."""
    typed = typed_name(username)
    meant = _those_meant(typed, candidates(typed))
    if len(meant) != 1:
        return None
    ((holder, entry),) = meant
    return holder.identity_of_entry(entry, now=now)


def measure(*, seconds: float) -> dict[str, tuple[ServerAnswer, ...]]:
    """How each server of each directory answers just now, all of them known within so many seconds."""
    every = directories()
    with ThreadPoolExecutor(len(every)) as askers:
        return dict(
            zip(
                (one.name for one in every),
                askers.map(lambda one: one.measure(seconds=seconds), every),
                strict=True,
            )
        )


def find_each(
    name: str, immutable_ids: Sequence[str], *, now: datetime, names: bool = True
) -> Iterator[tuple[str, PersonAnswer]]:
    """Each of these people of the directory of this name; nobody, where it is no directory of ours any more."""
    source = directory_named(name)
    if source is None:
        yield from [(immutable_id, None) for immutable_id in immutable_ids]
    else:
        yield from source.find_each(immutable_ids, now=now, names=names)


def find_group(dn_or_id: str) -> GroupEntry | None:
    """The group of this distinguished name or identifier, which may stand without the directory's name.

    None if no directory has it, or more than one.
    """
    found = [one.find_group(one.named_in_full(dn_or_id)) for one in directories()]
    groups = [group for group in found if group is not None]
    return groups[0] if len(groups) == 1 else None


def can_be_group_id(group_id: str) -> bool:
    """Whether memberships of some directory carry identifiers of this form."""
    return any(one.holds_groups_as(group_id) for one in directories())


def candidates(typed: TypedName) -> tuple[LdapDirectory, ...]:
    """The directories that may hold this name: those whose domain it names, otherwise all of them."""
    every = directories()
    return tuple(one for one in every if one.claims(typed)) or every
