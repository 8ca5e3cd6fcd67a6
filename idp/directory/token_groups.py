"""A person's groups as their logon token has them: Active Directory works out nested and primary groups itself.

`tokenGroups` ([MS-ADTS] 3.1.1.4.5.19) is one operation however deep the groups are, and it holds SIDs: what
rules hold too, so that nothing needs to be translated. Names are read only where a rule goes by them.
"""

from collections.abc import Callable, Collection, Mapping

import ldap

from idp.conf.directories import OBJECT_SID, DirectoryConfig
from idp.directory.account_state import Attributes
from idp.directory.entries import group_id_of, texts
from idp.directory.ranges import every_value
from idp.directory.searches import RawEntry
from idp.directory.sids import sibling, sid_filter, sid_text
from idp.directory.walking import GroupSearch, in_order
from idp.domain.errors import DirectoryUnavailable
from idp.domain.identity import GroupMembership

ALL_GROUPS = "tokenGroups"
PRIMARY_GROUP = "primaryGroupID"

# The name of each group below the group base, by its identifier.
GroupNames = Mapping[str, str]
# What tells the names of the groups with these SIDs.
NamesOf = Callable[[Collection[str]], GroupNames]


def token_groups(
    person: RawEntry, search: GroupSearch, names_of: NamesOf, config: DirectoryConfig
) -> tuple[GroupMembership, ...]:
    """Every group in the person's token, with its name where `names_of` tells one.

    Unavailable if the token is not complete: everybody's holds at least their primary group.
    """
    dn, attributes = person

    def read(name: str) -> Attributes:
        found = search("(objectClass=*)", [name], base=dn, scope=ldap.SCOPE_BASE)
        return found[0][1] if found else {}

    sids = {sid_text(value) for value in every_value(ALL_GROUPS, read)}
    if primary_group(attributes) not in sids:
        raise DirectoryUnavailable(
            f"{ALL_GROUPS} does not hold the primary group: may we read all properties of people?"
        )
    names = names_of(sids)
    ids = (f"{config.group_prefix}{sid}" for sid in sids)
    return in_order(GroupMembership(group_id, names.get(group_id, ""), ()) for group_id in ids)


def no_names(_: Collection[str]) -> GroupNames:
    """Nothing: where no rule goes by names."""
    return {}


def read_names_of(sids: Collection[str], search: GroupSearch, config: DirectoryConfig) -> GroupNames:
    """The names of those of these groups that lie below the group base."""
    terms = "".join(sid_filter(sid) for sid in sorted(sids))
    found = search(f"(&{config.group_filter}(|{terms}))", [OBJECT_SID])
    return {group_id_of(attributes, config): dn for dn, attributes in found}


def read_names(search: GroupSearch, config: DirectoryConfig) -> GroupNames:
    """The name of every group below the group base, by its identifier."""
    found = search(config.group_filter, [OBJECT_SID])
    return {group_id_of(attributes, config): dn for dn, attributes in found}


def primary_group(attributes: Attributes) -> str:
    """The SID of the person's primary group, which no group names as a member; Unavailable where it is hidden."""
    own = next((values for name, values in attributes.items() if name.lower() == OBJECT_SID.lower()), [])
    relative = texts(attributes, PRIMARY_GROUP)
    if len(own) != 1 or len(relative) != 1 or not (relative[0].isascii() and relative[0].isdigit()):
        raise DirectoryUnavailable(
            f"an entry does not show {OBJECT_SID} and {PRIMARY_GROUP}: may we read them?"
        )
    return sibling(sid_text(own[0]), relative[0])
