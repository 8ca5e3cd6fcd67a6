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


def test_all_groups_below_a_name_are_told(company: Slapd, newcomers: Newcomers) -> None:
    """More than a page of them too, and none beside; a base above the group base means all."""
    assert {group.name for group in groups_below("ou=self-service,ou=groups,dc=example,dc=test")} == {
        "AWS-111122223333-Administrator",
        "auditors",
    }
    assert groups_below("ou=people,dc=example,dc=test") == []
    everything = len(groups_below("dc=example,dc=test"))
    assert everything == len(groups_below("ou=groups,dc=example,dc=test")) == len(cast.GROUPS)
    member = f"uid=jane,ou=people,{company.base}"
    newcomers.add_many(
        {
            f"cn=many-{number},ou=aws,ou=groups,{company.base}": {
                "objectClass": "groupOfNames",
                "cn": f"many-{number}",
                "member": member,
            }
            for number in range(1_100)
        }
    )
    assert len(groups_below("dc=example,dc=test")) == everything + 1_100


def test_a_directory_that_is_down_is_said_to_be(company: Slapd) -> None:
    """Nothing is guessed from silence."""
    assert company
    with directory_gone():
        for question in (
            lambda: search_groups("x"),
            lambda: find_group(cast.group_id("auditors")),
            lambda: groups_below("dc=test"),
        ):
            with pytest.raises(DirectoryUnavailable):
                question()
