"""BF-05: a lockout holds whichever door is tried next."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from idp.domain.errors import Throttled
from idp.services.admission import Door
from idp.services.break_glass import create_local_administrator
from tests.integration.idp.services.doors import PER_PERSON, WINDOW, enter, events, fail, who
from tests.servers.site import ROOT
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, settings_changed

pytestmark = [pytest.mark.django_db, pytest.mark.attack("BF-05")]

LOCAL_PASSWORD = "a-long-enough-password"


@pytest.mark.parametrize("tried", list(Door))
@pytest.mark.parametrize("entered", list(Door))
def test_failures_at_one_door_count_at_the_other(newcomers: Newcomers, tried: Door, entered: Door) -> None:
    """After the limit at either door the right password is refused at both, until the window has passed."""
    group = newcomers.group("bf-admins", newcomers.person("trudy"))
    now = timezone.now()
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=(group,)):
        now = fail("trudy", doors=(tried,), now=now)
        with pytest.raises(Throttled):
            enter("trudy", RIGHT_PASSWORD, door=entered, now=now + timedelta(minutes=1))
        assert events()[-1][0] == "person:sign-in:throttled"
        assert who(enter("trudy", RIGHT_PASSWORD, door=entered, now=now + WINDOW)) is not None


def test_the_local_administrators_password_is_counted_too(newcomers: Newcomers) -> None:
    """Guessing at the break-glass account is stopped like guessing at any other, by either door."""
    assert newcomers.slapd.process is not None
    now = timezone.now()
    create_local_administrator(name="breakglass", password=LOCAL_PASSWORD, now=now)
    now = fail("breakglass", doors=tuple(Door), now=now)
    with pytest.raises(Throttled):
        enter("breakglass", LOCAL_PASSWORD, door=Door.ADMIN, now=now)
    assert who(enter("breakglass", LOCAL_PASSWORD, door=Door.ADMIN, now=now + WINDOW)) is not None


def test_fewer_failures_than_the_limit_lock_nobody_out(newcomers: Newcomers) -> None:
    """One failure less, at both doors together, and the right password still opens."""
    newcomers.person("trudy")
    now = fail("trudy", PER_PERSON - 1, doors=tuple(Door), now=timezone.now())
    assert who(enter("trudy", now=now + timedelta(minutes=1))) is not None


def test_the_proxys_limit_stands_before_every_form_that_takes_a_password() -> None:
    """The form of a service's request too; pages that are only looked at do not use it up."""
    proxy = (ROOT / "deploy/nginx.conf").read_text()
    limited = re.findall(r"location ~ (\S+) \{\n +limit_req zone=sign_in ", proxy)
    assert len(limited) == 1
    for name in ("sign-in", "admin:login", "password", "saml-go-on"):
        assert re.search(limited[0], reverse(name)), name
    assert not re.search(limited[0], reverse("saml-sso-redirect"))
    assert re.search(
        r'map \$request_method \$typed_from \{\n +default "";\n +POST \$binary_remote_addr;\n\}', proxy
    )
    assert "limit_req_zone $typed_from zone=sign_in:" in proxy
