"""Directory groups for those who write rules."""

import pytest

from deploy.demo import company as cast
from deploy.demo.slapd import Slapd
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.services.groups import NoSuchGroup, find_group, groups_below, search_groups
from tests.servers.slapd import Newcomers, directory_gone


def test_groups_are_found_by_a_part_of_their_name(company: Slapd) -> None:
    """At most as many as asked for, each with identifier, name and place; wildcards mean themselves."""
    assert company
    found = search_groups("payments", limit=10)
    assert [group.name for group in found] == ["payments-leads", "payments-on-call", "payments-team"]
    assert found[0].group_id == cast.group_id("payments-leads")
    assert found[0].dn == cast.group_dn("payments-leads")
    assert len(search_groups("payments", limit=2)) == 2
    assert search_groups("*)(cn=", limit=10) == search_groups("pay*", limit=10) == []


def test_a_group_is_found_by_name_or_identifier(company: Slapd) -> None:
    """Spelling makes no difference; what is neither, or not there, is refused."""
    assert company
    wanted = cast.group_id("auditors")
    for text in (
        wanted,
        f"{{{wanted.upper()}}}",
        "CN=Auditors , ou=groups,dc=example,dc=test",
        f" {wanted} ",
    ):
        assert find_group(text).group_id == wanted
    for text in (
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "cn=gone,ou=groups,dc=example,dc=test",
        "uid=jane,ou=people,dc=example,dc=test",
    ):
        with pytest.raises(NoSuchGroup):
            find_group(text)
    for text in ("", "  ", "*", "cn=", "a b", "cn=x)(cn=*"):
        with pytest.raises((Malformed, NoSuchGroup)):
            find_group(text)


def test_all_groups_below_a_name_are_told(company: Slapd) -> None:
    """Those below it and none beside; a base above the group base means all."""
    assert company
    assert {group.name for group in groups_below("ou=self-service,ou=groups,dc=example,dc=test")} == {
        "AWS-111122223333-Administrator",
        "auditors",
    }
    assert groups_below("ou=people,dc=example,dc=test") == []
    for base in ("dc=example,dc=test", "OU=groups,dc=example,dc=test"):
        assert len(groups_below(base)) == len(cast.GROUPS)


def test_where_the_server_stops_at_a_limit_there_is_no_answer(company: Slapd, newcomers: Newcomers) -> None:
    """All groups or none: a part of them would make a plan that leaves somebody out."""
    unit, member = f"ou=aws,ou=groups,{company.base}", f"uid=jane,ou=people,{company.base}"
    many: dict[str, str | list[str] | bytes] = {"objectClass": "groupOfNames", "member": member}
    newcomers.add_many({f"cn=many-{number},{unit}": many | {"cn": f"many-{number}"} for number in range(400)})
    assert len(groups_below("dc=example,dc=test")) == len(cast.GROUPS) + 400
    newcomers.add_many({f"cn=more-{number},{unit}": many | {"cn": f"more-{number}"} for number in range(400)})
    with pytest.raises(DirectoryUnavailable):
        groups_below("dc=example,dc=test")


def test_a_directory_that_is_down_is_said_to_be(company: Slapd) -> None:
    """Nothing is guessed from silence."""
    assert company
    with directory_gone():
        for question in (search_groups, find_group, groups_below):
            with pytest.raises(DirectoryUnavailable):
                question("cn=auditors,ou=groups,dc=example,dc=test")
