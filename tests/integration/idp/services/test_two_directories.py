"""Two directories side by side: what happens to one does not happen to the other's people."""

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from deploy.demo.slapd import Slapd
from idp.conf import access_config
from idp.models import SiteSession
from idp.services.identity import recent_answers
from idp.services.sweep_people import sweep_people
from tests.integration.idp.directory.test_several_directories import CORP, PARTNER, named
from tests.integration.idp.services.doors import person_who_enters
from tests.servers.samba import RIGHT_PASSWORD as AD_PASSWORD
from tests.servers.samba import AdPeople, SambaDc, active_directory_settings
from tests.servers.slapd import Newcomers, directory_settings, settings_changed

pytestmark = pytest.mark.django_db

NOBODY_THERE = ("ldap://127.0.0.1:1",)


@pytest.fixture
def both(company: Slapd, samba: SambaDc) -> Iterator[dict[str, object]]:
    settings = {
        "DRAWBRIDGE_DIRECTORIES": (CORP, PARTNER),
        **named(CORP, active_directory_settings(samba)),
        **named(PARTNER, directory_settings(company)),
        f"{PARTNER}_DOMAINS": ("partner.test",),
    }
    with settings_changed(**settings):
        yield settings


@pytest.mark.fault(1)
def test_one_that_is_gone_keeps_nobody_of_the_other(
    both: dict[str, object], newcomers: Newcomers, ad_people: AdPeople
) -> None:
    """While one cannot be asked, leavers of the other are let go; its own people go on, and are found afterwards."""
    in_corp, in_partner = ad_people.person("jill"), newcomers.person("jack")
    # A directory that shows nobody at all is not believed.
    ad_people.person("somebody")
    jill = person_who_enters("jill", AD_PASSWORD)
    jack = person_who_enters("jack")
    assert (jill.directory, jack.directory) == ("corp", "partner")
    ad_people.remove(in_corp)
    newcomers.remove(in_partner)
    recent_answers.clear()
    every = access_config().sweep_every + timedelta(seconds=1)
    moment = timezone.now() + every
    with settings_changed(**both | {f"{CORP}_URI": NOBODY_THERE}):
        swept = sweep_people(now=moment, for_at_most=timedelta(seconds=20))
    assert (swept.let_go, swept.unanswered) == (1, 1)
    assert [row.user for row in SiteSession.objects.select_related("user")] == [jill]
    assert sweep_people(now=moment + every, for_at_most=timedelta(seconds=20)).let_go == 1
    assert not SiteSession.objects.exists()


def test_each_is_checked_by_its_own_settings(
    both: dict[str, object], newcomers: Newcomers, ad_people: AdPeople
) -> None:
    """Both are told by name, what is amiss names that one's variable, and a person is looked for in both."""
    newcomers.person("jack")
    ad_people.group("division", ad_people.person("jill"))
    out = io.StringIO()
    call_command("check_directory", "--person", "jack", stdout=out)
    said = out.getvalue()
    assert "AMISS" not in said
    assert "corp (active-directory)\n" in said
    assert "partner (openldap)\n" in said
    assert said.count("    filter ") == 2
    assert "account key partner:" in said
    out = io.StringIO()
    with settings_changed(**both | {f"{CORP}_URI": NOBODY_THERE}), pytest.raises(CommandError):
        call_command("check_directory", stdout=out)
    assert out.getvalue().count("AMISS") == 1
    assert "DRAWBRIDGE_LDAP_CORP_URI" in out.getvalue()
