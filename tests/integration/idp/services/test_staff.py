"""Who may administer, asked again like roles."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from idp.conf.access import access_config
from idp.models import User
from idp.services.break_glass import create_local_administrator
from idp.services.groups import find_group
from idp.services.staff import is_staff_now
from tests.integration.idp.services.doors import person_who_enters
from tests.servers.slapd import Newcomers, directory_gone, settings_changed

pytestmark = pytest.mark.django_db

STEP = timedelta(minutes=1)
NOBODY = "cn=drawbridge,ou=services,dc=example,dc=test"


@pytest.fixture
def group(newcomers: Newcomers) -> Iterator[str]:
    inner = newcomers.group("admins-inner", newcomers.person("ada"))
    dn = newcomers.group("admins-outer", inner)
    newcomers.person("beth")
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=(dn,)):
        yield dn


def test_staff_is_asked_again(group: str, newcomers: Newcomers) -> None:
    """Who leaves the group is no longer staff at the next question, and the row says so; who joins is."""
    ada, beth = person_who_enters("ada"), person_who_enters("beth")
    now = timezone.now()
    assert (is_staff_now(ada, now=now), is_staff_now(beth, now=now)) == (True, False)
    newcomers.change(group, f"replace: member\nmember: uid=beth,ou=people,{newcomers.slapd.base}")
    assert (is_staff_now(ada, now=now + STEP), is_staff_now(beth, now=now + STEP)) == (False, True)
    assert dict(User.objects.values_list("username", "is_staff")) == {"ada": False, "beth": True}


def test_the_group_may_be_named_by_its_identifier(group: str) -> None:
    """An immutable identifier in the setting means the same group, whatever its case."""
    found = find_group(group)
    ada = person_who_enters("ada")
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=("no-such-identifier", found.group_id.upper())):
        assert is_staff_now(ada, now=timezone.now())
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=("no-such-identifier",)):
        assert not is_staff_now(ada, now=timezone.now())


def test_a_group_of_the_same_name_elsewhere_makes_nobody_staff(group: str, newcomers: Newcomers) -> None:
    """A look-alike that somebody may create in their own corner gains nothing."""
    assert group
    newcomers.group(
        "admins-outer", f"uid=beth,ou=people,{newcomers.slapd.base}", below="ou=self-service,ou=groups"
    )
    assert not is_staff_now(person_who_enters("beth"), now=timezone.now())


def test_without_a_setting_nobody_of_the_directory_is_staff(group: str) -> None:
    """An empty setting names nobody."""
    assert group
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=()):
        assert not is_staff_now(person_who_enters("ada"), now=timezone.now())


def test_a_local_administrator_is_staff_without_the_directory() -> None:
    """Break-glass administrators are staff while the directory is gone, until they are switched off."""
    local = create_local_administrator(
        name="breakglass", password="a-long-enough-password", now=timezone.now()
    )
    with directory_gone():
        assert is_staff_now(local, now=timezone.now())
        local.is_active = False
        assert not is_staff_now(local, now=timezone.now())


def test_the_last_answer_holds_for_staff_too(group: str) -> None:
    """While the directory is away staff stays staff until the recheck deadline."""
    assert group
    ada = person_who_enters("ada")
    with directory_gone():
        assert is_staff_now(ada, now=timezone.now() + access_config().recheck_deadline - STEP)
