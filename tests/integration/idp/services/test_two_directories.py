"""Two directories side by side: what happens to one does not happen to the other's people."""

import io
import itertools
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from deploy.demo.slapd import Slapd
from idp.conf.access import access_config
from idp.directory.directories import find_each
from idp.directory.port import PersonAnswer
from idp.domain.errors import DirectoryUnavailable
from idp.models import AccessSession, DirectorySnapshot, EndingDue, SiteSession, User
from idp.services import sweep_questions
from idp.services.groups import find_group
from idp.services.identity import recent_answers
from idp.services.sweep_people import TAKEN_AT_ONCE, sweep_people
from tests.integration.idp.directory.test_several_directories import CORP, PARTNER, named
from tests.integration.idp.services.accesses import an_access
from tests.integration.idp.services.doors import person_who_enters
from tests.integration.idp.services.mappings import READ, document, take_over
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


@pytest.mark.fault(1)
def test_the_many_of_one_that_is_gone_do_not_stand_before_the_few_of_the_other(
    both: dict[str, object], newcomers: Newcomers, ad_people: AdPeople
) -> None:
    """Four hundred whom nobody can be asked about wait longest: the other's leaver is let go in the same sweep."""
    ad_people.person("jill")
    jill = person_who_enters("jill", AD_PASSWORD)
    in_partner = newcomers.person("jack")
    newcomers.person("june")
    jack, june = person_who_enters("jack"), person_who_enters("june")
    newcomers.remove(in_partner)
    recent_answers.clear()
    colleagues = signed_in_beside(jill, count=400)
    moment = timezone.now() + access_config().sweep_every + timedelta(seconds=1)
    with settings_changed(**both | {f"{CORP}_URI": NOBODY_THERE}):
        swept = sweep_people(now=moment, for_at_most=timedelta(seconds=20))
    assert (swept.let_go, swept.unanswered) == (1, TAKEN_AT_ONCE)
    open_for = set(SiteSession.objects.values_list("user", flat=True))
    assert open_for == {jill.pk, june.pk, *colleagues}
    assert jack.pk not in open_for
    # Whoever was not taken up has their turn as soon as their directory is back.
    assert (
        sweep_people(now=moment, for_at_most=timedelta(seconds=60)).taken_up
        >= len(colleagues) - TAKEN_AT_ONCE
    )


@pytest.mark.fault(2)
def test_one_that_keeps_us_waiting_for_each_takes_little_of_the_time(
    both: dict[str, object],
    newcomers: Newcomers,
    ad_people: AdPeople,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Entries come, groups do not: after some seconds for nothing the rest is left for the next sweep."""
    assert both
    ad_people.person("jill")
    jill = person_who_enters("jill", AD_PASSWORD)
    in_partner = newcomers.person("jack")
    person_who_enters("jack")
    newcomers.person("june")
    person_who_enters("june")
    newcomers.remove(in_partner)
    recent_answers.clear()
    signed_in_beside(jill, count=20)
    asked: list[str] = []

    def slow(name: str, ids: list[str], **given: Any) -> Iterator[tuple[str, PersonAnswer]]:
        if name != jill.directory:
            yield from find_each(name, ids, **given)
            return
        for immutable_id in ids:
            asked.append(immutable_id)
            time.sleep(0.1)
            yield immutable_id, DirectoryUnavailable("silent")

    monkeypatch.setattr(sweep_questions, "find_each", slow)
    monkeypatch.setattr(sweep_questions, "SECONDS_FOR_NOTHING", 0.5)
    moment = timezone.now() + access_config().sweep_every + timedelta(seconds=1)
    swept = sweep_people(now=moment, for_at_most=timedelta(seconds=20))
    assert (swept.let_go, swept.unanswered) == (1, 21)
    assert len(asked) <= 5


def test_a_second_directory_beside_the_first_takes_nothing_from_anybody(
    company: Slapd, newcomers: Newcomers
) -> None:
    """Identifiers have the directory's name before them from then on, and no more without it: no group is lost."""
    dn, spare = newcomers.person("jack"), newcomers.person("spare")
    readers = newcomers.group("two-readers", dn)
    take_over(document(rule_for(readers)))
    jack = person_who_enters("jack")
    an_access(jack, ends_at=timezone.now() + timedelta(hours=1))
    AccessSession.objects.update(role_arn=READ)
    every = access_config().sweep_every + timedelta(seconds=1)
    moments = (timezone.now() + number * every for number in itertools.count(1))

    def sweep() -> int:
        return sweep_people(now=next(moments), for_at_most=timedelta(seconds=20)).lost_roles

    two = {
        "DRAWBRIDGE_DIRECTORIES": (CORP, PARTNER),
        **named(CORP, directory_settings(company)),
        **named(PARTNER, directory_settings(company)),
        f"{CORP}_NAME": "directory",
        f"{PARTNER}_GROUP_BASE": f"ou=people,{company.base}",
    }
    for changes in (two, {}, two):
        with settings_changed(**changes):
            assert sweep() == 0
            [[group_id, *_]] = DirectorySnapshot.objects.get().identity["groups"]
            assert group_id.startswith("directory:") is bool(changes)
    assert SiteSession.objects.filter(user=jack).exists()
    assert not EndingDue.objects.exists()
    with settings_changed(**two):
        take_over(document(rule_for(readers)))
        newcomers.change(readers, f"replace: member\nmember: {spare}")
        assert sweep() == 1
    assert EndingDue.objects.get().reason == "directory:group-lost"
    assert not SiteSession.objects.exists()


def rule_for(dn: str) -> dict[str, object]:
    """A rule by the identifier that this group has now."""
    group = {"id": find_group(dn).group_id, "dn": dn}
    return {"name": "readers", "group": group, "role": READ, "effect": "allow"}


def signed_in_beside(person: User, *, count: int) -> list[int]:
    """So many more people of the same directory, signed in, who have waited for their turn longer than anybody."""
    before = timezone.now() - timedelta(minutes=5)
    people = User.objects.bulk_create(
        User(
            account_key=f"{person.directory}:{uuid.uuid4()}",
            directory=person.directory,
            username=f"colleague-{number}",
            display_name="",
            persistent_id=uuid.uuid4().hex,
            created_at=before,
        )
        for number in range(count)
    )
    of_person = DirectorySnapshot.objects.get(user=person).identity
    DirectorySnapshot.objects.bulk_create(
        DirectorySnapshot(
            user=one,
            identity=of_person | {"immutable_id": one.account_key.partition(":")[2]},
            asked_at=before,
            swept_at=before,
        )
        for one in people
    )
    SiteSession.objects.bulk_create(
        SiteSession(
            key_hash=uuid.uuid4().hex,
            user=one,
            created_at=before,
            signed_in_at=before,
            seen_at=timezone.now(),
        )
        for one in people
    )
    return [one.pk for one in people]


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
