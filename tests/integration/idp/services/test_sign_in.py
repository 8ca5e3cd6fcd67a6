"""The one way in: whom it admits, whom it refuses, and what is recorded of either."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from idp.conf.directories import directory_config
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import DirectoryUnavailable, SignInRefused, Throttled
from idp.models import AuditRecord, DirectorySnapshot, SignInCounter, SiteSession, User
from idp.models.session import SessionStore
from idp.services.admission import Door
from idp.services.break_glass import create_local_administrator
from idp.services.sign_in import sign_out
from tests.integration.idp.services.doors import (
    HERE,
    PER_PERSON,
    WINDOW,
    enter,
    events,
    fail,
    person_who_enters,
    who,
)
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers, directory_gone, settings_changed

pytestmark = pytest.mark.django_db

LOCAL_PASSWORD = "a-long-enough-password"


@pytest.fixture
def admins(newcomers: Newcomers) -> Iterator[str]:
    """The group of those who may administer; ada is in it, beth is not."""
    ada = newcomers.person("ada")
    newcomers.person("beth")
    group = newcomers.group("portal-admins-of-a-test", ada)
    with settings_changed(DRAWBRIDGE_ADMIN_GROUPS=(group.upper(),)):
        yield group


def test_the_right_password_admits(newcomers: Newcomers) -> None:
    """The session is the person's, the person is a row with what the directory says, and one event tells it."""
    newcomers.person("ada", cn="Ada Lovelace")
    session = enter("ada")
    person = who(session)
    assert person is not None
    assert person.account_key.startswith(f"{directory_config().name}:")
    assert (person.username, person.display_name, person.mail) == ("ada", "Ada Lovelace", "ada@example.test")
    assert person.session_name == "ada@example.test"
    assert re.fullmatch(r"_[0-9a-f]{32}", person.persistent_id, re.ASCII)
    assert not person.is_staff
    assert not person.has_usable_password()
    assert DirectorySnapshot.objects.get().user == person
    (row,) = SiteSession.objects.all()
    assert (row.browser, row.address) == ("Test/1.0", "192.0.2.1")
    (event,) = AuditRecord.objects.all()
    assert (event.event, event.account_key, event.person) == (
        "person:sign-in:admitted",
        person.account_key,
        "ada",
    )
    assert (event.address, event.reference) == (HERE.address, HERE.reference)


def test_refusals_are_alike_outside_and_differ_in_the_audit(newcomers: Newcomers) -> None:
    """Four reasons, one sentence and one code; each leaves one row of its own, and no session."""
    newcomers.person("ada")
    newcomers.disable(newcomers.person("gone"))
    told = set()
    for name, password in (("ada", "wrong"), ("nobody", "wrong"), ("gone", RIGHT_PASSWORD), ("ada", "")):
        with pytest.raises(SignInRefused) as refusal:
            enter(name, password)
        told.add((type(refusal.value).code, refusal.value.told))
    assert told == {("sign-in-refused", SignInRefused.sentence)}
    assert events() == [
        ("person:sign-in:refused", "wrong-password"),
        ("person:sign-in:refused", "unknown-person"),
        ("person:sign-in:refused", "account-disabled"),
        ("person:sign-in:refused", "unsendable-password"),
    ]
    known = {record.reason: record.person for record in AuditRecord.objects.all()}
    assert (known["wrong-password"], known["account-disabled"], known["unknown-person"]) == (
        "ada",
        "gone",
        "",
    )
    assert not SiteSession.objects.exists()
    assert not User.objects.exists()


@pytest.mark.usefixtures("company")
def test_a_password_typed_as_a_name_is_not_recorded() -> None:
    """What was typed as a name appears nowhere in the audit trail; tries of one name can still be joined."""
    for name in ("My-Secret-Password", "my-secret-password"):
        with pytest.raises(SignInRefused):
            enter(name, "ada")
    rows = AuditRecord.objects.all()
    assert not any("secret" in str(vars(row)).lower() for row in rows)
    assert len({row.details["name_sha256"] for row in rows}) == 1


def test_a_rename_keeps_the_person(newcomers: Newcomers) -> None:
    """After a rename it is the same row with the new name; session name and persistent identifier stay."""
    dn = newcomers.person("ada")
    before = person_who_enters("ada")
    newcomers.rename(dn, "uid=augusta")
    newcomers.change(
        f"uid=augusta,ou=people,{newcomers.slapd.base}", "replace: mail\nmail: augusta@example.test"
    )
    after = person_who_enters("augusta")
    assert (after.pk, after.persistent_id, after.session_name) == (
        before.pk,
        before.persistent_id,
        "ada@example.test",
    )
    assert (after.username, after.mail) == ("augusta", "augusta@example.test")


def test_a_reused_name_is_another_person(newcomers: Newcomers) -> None:
    """Whoever gets the name of somebody who left has nothing of theirs: not the row, not the names in AWS."""
    dn = newcomers.person("ada")
    session = enter("ada")
    before = who(session)
    assert before is not None
    newcomers.remove(dn)
    newcomers.person("ada")
    after = person_who_enters("ada")
    assert after.account_key != before.account_key
    assert after.persistent_id.casefold() != before.persistent_id.casefold()
    assert after.session_name != before.session_name
    assert re.fullmatch(r"ada@example\.test-[A-Z2-7]{8}", after.session_name or "", re.ASCII)
    assert who(session) == before


def test_session_names_ignore_case(newcomers: Newcomers) -> None:
    """Two people whose session names differ by case only do not share one; each keeps theirs."""
    newcomers.person("ada", mail="same@example.test")
    newcomers.person("beth", mail="SAME@example.test")
    ada, beth = person_who_enters("ada"), person_who_enters("beth")
    assert ada.session_name == "same@example.test"
    assert (beth.session_name or "").startswith("SAME@example.test-")
    assert person_who_enters("beth").session_name == beth.session_name


@pytest.mark.attack("WB-01")
def test_signing_in_gives_a_new_key(newcomers: Newcomers) -> None:
    """The session that was there before is worth nothing, even if somebody else was signed in with it."""
    newcomers.person("ada")
    newcomers.person("beth")
    first = enter("ada")
    old_key = first.session_key
    session = enter("beth", session=SessionStore(old_key))
    assert session.session_key != old_key
    person = who(session)
    assert person is not None
    assert person.username == "beth"
    assert SessionStore(old_key).user is None


def test_a_refused_sign_in_leaves_the_session_as_it_was(newcomers: Newcomers) -> None:
    """Failing to sign in as somebody else does not sign anybody out."""
    newcomers.person("ada")
    session = enter("ada")
    with pytest.raises(SignInRefused):
        enter("ada", "wrong", session=SessionStore(session.session_key))
    assert who(session) is not None


def test_throttled_tries_do_not_reach_the_directory(
    newcomers: Newcomers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many failures even the right password waits, known name or not, until the window has passed."""
    newcomers.person("ada")
    asked: list[str] = []
    through = LdapDirectory.check_password

    def spy(self: LdapDirectory, username: str, *rest: object, **named: object) -> object:
        asked.append(username)
        return through(self, username, *rest, **named)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(LdapDirectory, "check_password", spy)
    now = timezone.now()
    waits = set()
    for name in ("ada", "nobody"):
        after = fail(name, now=now)
        with pytest.raises(Throttled) as refusal:
            enter(name, RIGHT_PASSWORD, now=after)
        waits.add((refusal.value.code, refusal.value.told, refusal.value.retry_after))
    assert len(asked) == 2 * PER_PERSON
    assert len(waits) == 1
    assert events()[-1] == ("person:sign-in:throttled", "counted-out:name")
    assert who(enter("ada", now=after + WINDOW)) is not None


def test_spellings_share_the_account_counter(newcomers: Newcomers) -> None:
    """A second user name of the same account gives no further tries at its password."""
    newcomers.change(newcomers.person("ada"), "add: uid\nuid: countess")
    now = fail("ada", now=timezone.now())
    with pytest.raises(Throttled):
        enter("countess", now=now)
    newcomers.person("beth")
    assert who(enter("beth")) is not None


def test_a_good_sign_in_clears_the_counters(newcomers: Newcomers) -> None:
    """After the right password the failures before it are forgotten."""
    newcomers.person("ada")
    now = timezone.now()
    for _ in range(3):
        now = fail("ada", PER_PERSON - 1, now=now) + timedelta(minutes=1)
        assert who(enter("ada", now=now)) is not None
    persons = SignInCounter.objects.filter(key__regex="^(name|account):")
    assert set(persons.values_list("failures", flat=True)) == {0}


def test_an_unreachable_directory_is_nobodys_failure(newcomers: Newcomers) -> None:
    """While the directory is away nobody is admitted and nobody is counted; then the password works again."""
    newcomers.person("ada")
    with directory_gone():
        for _ in range(PER_PERSON * 2):
            with pytest.raises(DirectoryUnavailable):
                enter("ada")
    assert events()[-1][0] == "person:sign-in:unavailable"
    assert who(enter("ada")) is not None


def test_members_of_the_admin_groups_are_staff(admins: str, newcomers: Newcomers) -> None:
    """Membership makes staff at the next sign-in, by either door, and its end unmakes it."""
    assert person_who_enters("ada").is_staff
    person = who(enter("ada", door=Door.ADMIN))
    assert person is not None
    assert person.is_staff
    newcomers.change(admins, "replace: member\nmember: cn=drawbridge,ou=services,dc=example,dc=test")
    assert not person_who_enters("ada").is_staff


def test_others_do_not_pass_the_admins_door(admins: str) -> None:
    """Who is not staff is refused there like with a wrong password, and the audit knows better."""
    assert admins
    with pytest.raises(SignInRefused) as refusal:
        enter("beth", door=Door.ADMIN)
    assert refusal.value.told == SignInRefused.sentence
    assert events() == [("person:admin:refused", "not-staff")]
    assert who(enter("beth", door=Door.PORTAL)) is not None


def test_a_local_administrator_passes_the_admins_door_only(newcomers: Newcomers) -> None:
    """The portal does not know them, the admin's door does, whatever the directory says; both are recorded."""
    newcomers.person("ada")
    create_local_administrator(name="breakglass", password=LOCAL_PASSWORD, now=timezone.now())
    with pytest.raises(SignInRefused):
        enter("breakglass", LOCAL_PASSWORD, door=Door.PORTAL)
    with pytest.raises(SignInRefused):
        enter("breakglass", "wrong", door=Door.ADMIN)
    person = who(enter(" BreakGlass ", LOCAL_PASSWORD, door=Door.ADMIN))
    assert person is not None
    assert person.is_local
    assert person.is_staff
    assert events()[1:] == [
        ("person:sign-in:refused", "unknown-person"),
        ("person:sign-in:refused", "wrong-password"),
        ("person:sign-in:admitted", ""),
    ]


def test_a_local_administrator_signs_in_without_the_directory() -> None:
    """On the day on which the directory is gone the admin's door still opens."""
    create_local_administrator(name="breakglass", password=LOCAL_PASSWORD, now=timezone.now())
    with directory_gone():
        assert who(enter("breakglass", LOCAL_PASSWORD, door=Door.ADMIN)) is not None
        with pytest.raises(DirectoryUnavailable):
            enter("ada", door=Door.ADMIN)


def test_a_directory_person_of_a_local_name_is_somebody_else(newcomers: Newcomers) -> None:
    """A person in the directory who is called like a local administrator signs in as themselves, not as staff."""
    newcomers.person("breakglass")
    local = create_local_administrator(name="breakglass", password=LOCAL_PASSWORD, now=timezone.now())
    person = person_who_enters("breakglass")
    assert person != local
    assert not person.is_staff
    with pytest.raises(SignInRefused):
        enter("breakglass", RIGHT_PASSWORD, door=Door.ADMIN)


def test_a_deactivated_row_is_not_admitted(newcomers: Newcomers) -> None:
    """Who was switched off here stays out with the right password, and nothing of the try remains but its row."""
    newcomers.person("ada")
    person_who_enters("ada")
    User.objects.update(is_active=False)
    SiteSession.objects.all().delete()
    with pytest.raises(SignInRefused):
        enter("ada")
    assert not SiteSession.objects.exists()
    assert events()[-1] == ("person:sign-in:refused", "deactivated")
    User.objects.update(is_active=True)
    assert who(enter("ada")) is not None


def test_signing_out_ends_the_session_and_is_recorded(newcomers: Newcomers) -> None:
    """The cookie is worth nothing afterwards; signing out without being signed in records nothing."""
    newcomers.person("ada")
    session = SessionStore(enter("ada").session_key)
    key = session.session_key
    sign_out(session=session, origin=HERE, now=timezone.now())
    assert SessionStore(key).user is None
    assert events()[-1] == ("person:sign-in:signed-out", "")
    count = AuditRecord.objects.count()
    sign_out(session=SessionStore(key), origin=HERE, now=timezone.now() + timedelta(seconds=1))
    assert AuditRecord.objects.count() == count
