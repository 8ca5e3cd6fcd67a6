"""The last complete answer about a person, kept for the time in which the directory cannot be asked."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from idp.conf.access import access_config
from idp.domain.identity import AccountState, DirectoryIdentity, GroupMembership
from idp.models import DirectorySnapshot, User
from idp.models.compiled import CompiledQuery, insert_or_change

# When an answer was given that counts no more: longer ago than any deadline.
VOID = datetime(1970, 1, 1, tzinfo=UTC)
# Beside a void answer: when it was given.
LAST_THERE = "last_there"


def store_snapshot(person: User, identity: DirectoryIdentity) -> None:
    """This answer is the last one about the person; groups that the one before had stay in mind as lost.

    They do so until the sweep has seen to what follows: it must not matter who noticed first.
    """
    before = stored_groups.row(person.pk)
    row = DirectorySnapshot(
        user=person,
        identity=as_json(identity),
        asked_at=identity.asked_at,
        lost_groups=_lost(before, identity) if before else None,
        # Whoever has just been asked about need not be asked about again at once.
        swept_at=identity.asked_at,
    )
    insert_or_change(row, changed=("identity", "asked_at", "lost_groups"))


stored_groups = CompiledQuery(
    lambda: DirectorySnapshot.objects.filter(user=0).values_list("identity", "lost_groups")
)


def _lost(before: list[Any], answer: DirectoryIdentity) -> list[list[str]] | None:
    """Each group that the person had and has no more: identifier, DN, and when the sweep first saw to it."""
    identity, lost_before = before
    had = {bare(group_id): [group_id, dn, ""] for group_id, dn, *_ in identity["groups"]}
    had |= {bare(group_id): [group_id, dn, seen_at] for group_id, dn, seen_at in lost_before or ()}
    has = {bare(group.group_id) for group in answer.groups}
    return [entry for group_id, entry in sorted(had.items()) if group_id not in has] or None


def bare(group_id: str) -> str:
    """The identifier of a group without the name of the directory, which comes and goes with the configuration.

    All groups of one person are of one directory: that it stands before them now takes none of them away.
    """
    return group_id.rpartition(":")[2]


def last_snapshot(person: User) -> DirectoryIdentity | None:
    """The last complete answer about the person, with the moment at which it was given."""
    row = DirectorySnapshot.objects.filter(user=person).first()
    return from_json(row.identity, asked_at=row.asked_at) if row else None


def void_snapshot(person: User, *, ask_again: bool, now: datetime) -> None:
    """No earlier answer about the person may be used any more.

    The row stays, so that the sweep goes on asking: a click that was under way may still hand something out.
    To `ask_again` it is taken up next, and knows when the person was last there.
    """
    row = DirectorySnapshot.objects.select_for_update().filter(user=person).first()
    if row is None:
        return
    if ask_again and row.asked_at != VOID:
        row.identity[LAST_THERE] = row.asked_at.isoformat()
        row.swept_at = now - access_config().sweep_every
    row.asked_at, row.lost_groups = VOID, None
    row.save(update_fields=["identity", "asked_at", "lost_groups", "swept_at"])


def last_there(row: DirectorySnapshot) -> datetime:
    """When the directory last showed this person, also where that answer may not be used any more."""
    kept = row.identity.get(LAST_THERE) if row.asked_at == VOID else None
    return datetime.fromisoformat(kept) if kept else row.asked_at


def as_json(identity: DirectoryIdentity) -> dict[str, Any]:
    """The answer as the table holds it; its moment has a column of its own."""
    return {
        "directory": identity.directory,
        "immutable_id": identity.immutable_id,
        "username": identity.username,
        "dn": identity.dn,
        "display_name": identity.display_name,
        "mail": identity.mail,
        "mails": list(identity.mails),
        "state": identity.state.value,
        "groups": [[group.group_id, group.dn, list(group.way)] for group in identity.groups],
        "groups_named": identity.groups_named,
        "attributes": {name: list(values) for name, values in identity.attributes.items()},
    }


def from_json(stored: dict[str, Any], *, asked_at: datetime) -> DirectoryIdentity:
    """The answer as it was given."""
    return DirectoryIdentity(
        directory=stored["directory"],
        immutable_id=stored["immutable_id"],
        username=stored["username"],
        dn=stored["dn"],
        display_name=stored["display_name"],
        mail=stored["mail"],
        mails=tuple(stored.get("mails", ())),
        state=AccountState(stored["state"]),
        groups=tuple(GroupMembership(group_id, dn, tuple(way)) for group_id, dn, way in stored["groups"]),
        asked_at=asked_at,
        groups_named=stored.get("groups_named", True),
        attributes=MappingProxyType({name: tuple(values) for name, values in stored["attributes"].items()}),
    )
