"""A denial by an identifier that no membership carries would deny nobody: it is told, and opens nothing."""

from dataclasses import replace

import pytest
from django.core.checks import run_checks

from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_config
from idp.directory.entries import can_be_group_id
from idp.models import Rule
from idp.services.groups import find_group
from idp.services.rules import RulesUnavailable, current_rules
from tests.integration.idp.directory.test_several_directories import CORP, PARTNER, named
from tests.integration.idp.services.mappings import READ, document, take_over
from tests.servers.slapd import Newcomers, directory_settings, settings_changed

SID, NUMBER = "s-1-5-21-1-2-3-1104", "5f1d8e0a-3f0e-4c57-9a58-0d2f3b7a6c11"


@pytest.mark.django_db
@pytest.mark.attack("MP-04")
def test_on_the_way_back_to_one_directory(company: Slapd, newcomers: Newcomers) -> None:
    """With the name of a directory that there is no more it closes everything; without the name it denies again."""
    readers = newcomers.group("readers", newcomers.person("jack"))
    two = {
        "DRAWBRIDGE_DIRECTORIES": (CORP, PARTNER),
        **named(CORP, directory_settings(company)),
        **named(PARTNER, directory_settings(company)),
        f"{PARTNER}_GROUP_BASE": f"ou=people,{company.base}",
    }
    with settings_changed(**two):
        held = find_group(readers).group_id
        group = {"id": held, "dn": readers}
        take_over(document({"name": "no", "group": group, "role": READ, "effect": "deny"}))
        assert held.startswith("corp:")
        assert len(current_rules().rules) == 1
    # A new version, as a new process would begin with: other settings mean a restart.
    Rule.objects.update(group_id=held)
    with pytest.raises(RulesUnavailable, match=f"no directory has groups of this form.*{held}"):
        current_rules()
    Rule.objects.update(group_id=held.removeprefix("corp:"))
    assert len(current_rules().rules) == 1


@pytest.mark.parametrize(("group", "is_well"), [(NUMBER, True), (f"corp:{NUMBER}", False)])
@pytest.mark.usefixtures("company")
def test_an_administrators_group_of_a_directory_that_is_no_more(
    group: str,
    is_well: bool,  # noqa: FBT001 - of the table
) -> None:
    """It stops the start, as it does where there are several directories; without the name it is one of ours."""
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=(group,)):
        found = {found.id for found in run_checks(include_deployment_checks=True)}
    assert ("drawbridge.E027" not in found) is is_well


@pytest.mark.usefixtures("company")
def test_a_colon_ends_the_name_of_a_directory() -> None:
    """Behind the name, if there is one, stands an identifier in which there is no further colon."""
    config = directory_config()
    for prefix, other in (("", "corp:"), ("corp:", "partner:")):
        here = replace(config, group_prefix=prefix)
        assert can_be_group_id(f"{prefix}{NUMBER}", here)
        assert not can_be_group_id(f"{other}{NUMBER}", here)
        assert not can_be_group_id(f"{prefix}{other}{NUMBER}", here)
        assert not can_be_group_id(f"{prefix}{SID}", here)
