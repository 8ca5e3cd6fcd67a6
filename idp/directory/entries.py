"""One LDAP entry as a `DirectoryIdentity`: every value is hostile until it has been read here."""

import logging
import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from ldap.filter import escape_filter_chars

from idp.conf.directories import OBJECT_SID, DirectoryConfig
from idp.directory.account_state import Attributes
from idp.directory.searches import RawEntry
from idp.directory.sids import is_sid, sid_filter, sid_text
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.domain.groups import split_dn
from idp.domain.identity import AccountState, DirectoryIdentity, GroupMembership

logger = logging.getLogger("drawbridge.directory")

LONGEST_VALUE = 2_048
MOST_MAILS = 50
OBJECT_GUID = "objectguid"
GUID_LENGTH = 16

control_character = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", re.ASCII)
other_identifier = re.compile(r"[a-z0-9._:-]{1,100}", re.ASCII)


def identity_of(
    entry: RawEntry,
    *,
    groups: tuple[GroupMembership, ...],
    state: AccountState,
    config: DirectoryConfig,
    asked_at: datetime,
) -> DirectoryIdentity:
    """The entry with its groups as a complete answer; values that are no clean text are left out."""
    dn, attributes = entry
    username = username_of(entry, config)
    extra = {name: texts(attributes, name) for name in config.extra_attributes}
    return DirectoryIdentity(
        directory=config.name,
        immutable_id=immutable_id_of(attributes, config),
        username=username,
        dn=dn,
        display_name=_one(attributes, config.display_name_attribute) or username,
        mail=_one(attributes, config.mail_attribute),
        mails=texts(attributes, config.mail_attribute)[:MOST_MAILS],
        state=state,
        groups=groups,
        asked_at=asked_at,
        attributes=MappingProxyType({name: values for name, values in extra.items() if values}),
    )


def immutable_id_of(attributes: Attributes, config: DirectoryConfig) -> str:
    """The identifier in its one form: UUIDs as lower-case text, Active Directory's bytes turned round.

    Unavailable where it is missing: without it nobody can say who this is.
    """
    values = _raw(attributes, config.id_attribute)
    if len(values) != 1:
        raise DirectoryUnavailable(
            f"an entry shows {len(values)} values of {config.id_attribute}: may we read it?"
        )
    if config.id_attribute.lower() == OBJECT_GUID:
        if len(values[0]) != GUID_LENGTH:
            raise DirectoryUnavailable(f"an objectGUID has {len(values[0])} bytes")
        # [MS-DTYP] 2.3.4.2: the first three parts are little-endian on the wire.
        return str(uuid.UUID(bytes_le=values[0]))
    identifier = (_text(values[0]) or "").lower()
    if not other_identifier.fullmatch(identifier):
        raise DirectoryUnavailable(f"{config.id_attribute} holds no identifier")
    return identifier


def group_id_of(attributes: Attributes, config: DirectoryConfig) -> str:
    """The group's identifier in its one form: the SID in Active Directory, elsewhere what people have too."""
    if not config.is_active_directory:
        return f"{config.group_prefix}{immutable_id_of(attributes, config)}"
    values = _raw(attributes, OBJECT_SID)
    if len(values) != 1:
        raise DirectoryUnavailable(f"a group shows {len(values)} values of {OBJECT_SID}: may we read it?")
    return f"{config.group_prefix}{sid_text(values[0])}"


def can_be_group_id(group_id: str, config: DirectoryConfig) -> bool:
    """Whether an identifier of this form could be that of a group here; a colon ends the name of a directory only."""
    bare = group_id.removeprefix(config.group_prefix)
    if not group_id.startswith(config.group_prefix) or ":" in bare:
        return False
    return config.is_active_directory is is_sid(bare)


def group_id_filter(group_id: str, config: DirectoryConfig) -> str:
    """The filter for one group's identifier; in Active Directory its objectGUID finds it as well.

    Malformed if it cannot be one of this directory.
    """
    bare = group_id.lower().removeprefix(config.group_prefix)
    if not group_id.lower().startswith(config.group_prefix):
        raise Malformed(f"{group_id!r} is no group of {config.name}")
    return sid_filter(bare) if config.is_active_directory and is_sid(bare) else id_filter(bare, config)


def id_filter(immutable_id: str, config: DirectoryConfig) -> str:
    """The filter for one identifier; Malformed if it cannot be one."""
    if config.id_attribute.lower() != OBJECT_GUID:
        return f"({config.id_attribute}={escape_filter_chars(immutable_id)})"
    try:
        octets = uuid.UUID(immutable_id).bytes_le
    except ValueError as error:
        raise Malformed(f"{immutable_id!r} is no objectGUID") from error
    escaped = "".join(rf"\{octet:02x}" for octet in octets)
    return f"({config.id_attribute}={escaped})"


def username_of(entry: RawEntry, config: DirectoryConfig) -> str:
    """The user name; of several, the one that the entry is named by, so that it stays the same one."""
    dn, attributes = entry
    names = texts(attributes, config.username_attribute)
    if not names:
        raise DirectoryUnavailable(f"an entry shows no readable {config.username_attribute}")
    if len(names) == 1:
        return names[0]
    try:
        leaf = [value for name, value in split_dn(dn)[0] if name.lower() == config.username_attribute.lower()]
    except Malformed:
        leaf = []
    return next((name for name in names if name in leaf), min(names))


def texts(attributes: Attributes, name: str) -> tuple[str, ...]:
    """The values that are clean text, in one order whatever order the server gave them in."""
    read = (_text(value) for value in _raw(attributes, name))
    return tuple(sorted(text for text in read if text))


def _one(attributes: Attributes, name: str) -> str:
    return next(iter(texts(attributes, name)), "")


def _raw(attributes: Attributes, name: str) -> Sequence[bytes]:
    values = attributes.get(name)
    if values is not None:
        return values
    wanted = name.lower()
    return next((found for key, found in attributes.items() if key.lower() == wanted), ())


def _text(value: bytes) -> str | None:
    """The value as text, or None where it is binary, overlong, or would break a line somewhere."""
    if len(value) > LONGEST_VALUE:
        return None
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        return None
    return None if control_character.search(text) else text
