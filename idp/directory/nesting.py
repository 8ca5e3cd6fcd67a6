"""Which groups are in which groups, all of it in one search: what OpenLDAP can answer and others cannot.

`dnSubtreeMatch` finds the groups that have a member below the group base, and keeps their thousands of
people from being sent along (RFC 3876). Eight levels cost then no more than one.
"""

from collections.abc import Iterator, Mapping

import ldap
from ldap.controls.libldap import MatchedValuesControl
from ldap.filter import escape_filter_chars

from idp.conf.directories import DirectoryConfig
from idp.directory.entries import group_id_of
from idp.directory.member_levels import Name, normal_name, shown_members
from idp.directory.walking import GroupSearch
from idp.domain.errors import DirectoryUnavailable
from idp.domain.groups import is_at_or_below
from idp.domain.identity import GroupMembership

RULE = "dnSubtreeMatch"
# What a server says to a matching rule that it does not know, if it does not just find nothing.
DOES_NOT_KNOW = (
    ldap.INAPPROPRIATE_MATCHING, ldap.UNDEFINED_TYPE, ldap.UNWILLING_TO_PERFORM, ldap.PROTOCOL_ERROR,
    ldap.INVALID_SYNTAX, ldap.FILTER_ERROR,
)  # fmt: skip

# Above each group, by its name: identifier and name of the groups that it is in.
Nesting = Mapping[Name, list[tuple[str, str]]]


def can_be_asked(search: GroupSearch, config: DirectoryConfig) -> bool:
    """Whether the server knows the rule, tried on a name that must match; and people are not below the base too."""
    if is_at_or_below(config.user_base, config.group_base):
        return False
    tried = f"(entryDN:{RULE}:={escape_filter_chars(config.group_base)})"
    try:
        return bool(search(tried, ["1.1"], scope=ldap.SCOPE_BASE))
    except DirectoryUnavailable as error:
        if isinstance(error.__cause__, DOES_NOT_KNOW):
            return False
        raise


def read_nesting(search: GroupSearch, config: DirectoryConfig) -> Nesting:
    """Every group below the base that has a group below the base among its members."""
    inside = f"({config.member_attribute}:{RULE}:={escape_filter_chars(config.group_base)})"
    only = MatchedValuesControl(criticality=False, filterstr=f"({inside}({config.group_id_attribute}=*))")
    attributes = [config.group_id_attribute, config.member_attribute]
    above: dict[Name, list[tuple[str, str]]] = {}
    for dn, shown in search(f"(&{config.group_filter}{inside})", attributes, controls=(only,)):
        group_id = group_id_of(shown, config)
        for member in shown_members(shown, config):
            above.setdefault(member, []).append((group_id, dn))
    return above


def groups_above(groups: tuple[GroupMembership, ...], nesting: Nesting) -> Iterator[GroupMembership]:
    """The groups that these are in, with the way."""
    for group in groups:
        name = normal_name(group.dn)
        for group_id, dn in nesting.get(name, ()) if name is not None else ():
            yield GroupMembership(group_id, dn, (*group.way, dn))
