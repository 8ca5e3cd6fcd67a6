"""A person's groups by the in-chain rule: Active Directory follows the members of members itself.

One operation, but a slow one where there are many groups: the server goes through all of them.
"""

from ldap.filter import escape_filter_chars

from idp.conf.directories import DirectoryConfig
from idp.directory.entries import group_id_of
from idp.directory.searches import RawEntry
from idp.directory.sids import sid_filter
from idp.directory.token_groups import primary_group
from idp.directory.walking import GroupSearch, in_order
from idp.domain.identity import GroupMembership

# [MS-ADTS] 3.1.1.3.4.4.3: LDAP_MATCHING_RULE_TRANSITIVE_EVAL
IN_CHAIN = "1.2.840.113556.1.4.1941"


def groups_in_chain(
    person: RawEntry, search: GroupSearch, config: DirectoryConfig
) -> tuple[GroupMembership, ...]:
    """Every group below the base that the person is in, at any depth, also by way of the primary group."""
    dn, attributes = person
    primary = primary_group(attributes)
    # The primary group does not name its members; a name may be given by the SID ([MS-ADTS] 3.1.1.3.1.2.4).
    terms = (
        f"({config.member_attribute}:{IN_CHAIN}:={escape_filter_chars(dn)})"
        f"({config.member_attribute}:{IN_CHAIN}:=<SID={primary.upper()}>)"
        f"{sid_filter(primary)}"
    )
    found = search(f"(&{config.group_filter}(|{terms}))", [config.group_id_attribute])
    return in_order(GroupMembership(group_id_of(shown, config), name, ()) for name, shown in found)
