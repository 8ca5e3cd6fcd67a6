"""The person as the directory answers now, and for how long an older answer may stand in."""

from datetime import timedelta

import pytest
from django.utils import timezone

from idp.conf.access import access_config
from idp.domain.errors import DirectoryUnavailable, NotFound, RoleNotGranted
from idp.models import DirectorySnapshot, EndingDue, SiteSession, User
from idp.services.break_glass import create_local_administrator
from idp.services.identity import SignInEnded, current_identity, find_identity, recent_answers
from idp.services.sweep_people import sweep_people
from tests.integration.idp.services.accesses import an_access
from tests.integration.idp.services.doors import enter, events, person_who_enters, who
from tests.servers.slapd import Newcomers, directory_gone, settings_changed

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def dn(newcomers: Newcomers) -> str:
    return newcomers.person("ada")


def test_an_answer_is_reused_for_a_few_seconds(dn: str, newcomers: Newcomers) -> None:
    """Within the reuse time the same answer with its age is given; after it the directory is asked again."""
    now = timezone.now()
    person = person_who_enters("ada")
    first = current_identity(person, now=now)
    newcomers.group("new-group-of-ada", dn)
    assert current_identity(person, now=now + SECOND) is first
    later = now + access_config().reuse_for + SECOND
    second = current_identity(person, now=later)
    assert second.asked_at == later
    assert [group.dn for group in second.groups] == [f"cn=new-group-of-ada,ou=groups,{newcomers.slapd.base}"]


@pytest.mark.attack("LD-08")
@pytest.mark.parametrize("how", ["disabled", "deleted"])
def test_who_has_left_is_signed_out_everywhere(newcomers: Newcomers, how: str) -> None:
    """Disabled or deleted in the directory: refused at the next question, and every session ends, recorded once.

    What AWS has given ends with it; of somebody who is not there the sweep's next tick has looked once more.
    """
    dn = newcomers.person("ada")
    session, other = enter("ada"), enter("ada")
    person = who(session)
    assert person is not None
    an_access(person, ends_at=timezone.now() + timedelta(hours=1))
    later = timezone.now() + access_config().reuse_for + SECOND
    assert current_identity(person, now=later).may_sign_in
    if how == "disabled":
        newcomers.disable(dn)
    else:
        newcomers.remove(dn)
    for _ in range(2):
        later += access_config().reuse_for + SECOND
        with pytest.raises(SignInEnded):
            current_identity(person, now=later)
    assert who(session) is None
    assert who(other) is None
    assert EndingDue.objects.exists() is (how == "disabled")
    sweep_people(now=later, for_at_most=timedelta(seconds=20))
    reason = f"directory:{how}"
    told = [("person:sign-in:signed-out", reason), ("access:session:ending-due", reason)]
    # At one moment what is held comes first; of somebody who is not there the sign-ins have ended before.
    assert events()[2:] == (told[::-1] if how == "disabled" else told)
    with directory_gone(), pytest.raises(DirectoryUnavailable):
        current_identity(person, now=later + access_config().reuse_for + SECOND)


@pytest.mark.fault(1)
def test_while_the_directory_is_away_the_last_answer_holds_until_the_deadline(dn: str) -> None:
    """The last complete answer stands in with its age, to the second of the deadline and not beyond."""
    assert dn
    person = person_who_enters("ada")
    asked_at = DirectorySnapshot.objects.get().asked_at
    deadline = asked_at + access_config().recheck_deadline
    with directory_gone():
        recent_answers.clear()
        answer = current_identity(person, now=deadline - SECOND)
        assert answer.asked_at == asked_at
        assert answer.username == "ada"
        with pytest.raises(DirectoryUnavailable):
            current_identity(person, now=deadline)
        with pytest.raises(DirectoryUnavailable):
            current_identity(person, now=asked_at - access_config().recheck_deadline)
    assert SiteSession.objects.exists()
    assert current_identity(person, now=deadline).asked_at == deadline


@pytest.mark.fault(1)
def test_a_policy_of_zero_asks_always(dn: str) -> None:
    """With no reuse and no deadline every question goes to the directory."""
    assert dn
    person = person_who_enters("ada")
    with settings_changed(DRAWBRIDGE_DIRECTORY_REUSE_SECONDS=0, DRAWBRIDGE_RECHECK_DEADLINE_SECONDS=0):
        now = timezone.now()
        assert current_identity(person, now=now) is not current_identity(person, now=now)
    with (
        settings_changed(DRAWBRIDGE_DIRECTORY_REUSE_SECONDS=0, DRAWBRIDGE_RECHECK_DEADLINE_SECONDS=0),
        directory_gone(),
        pytest.raises(DirectoryUnavailable),
    ):
        current_identity(person, now=now)


@pytest.mark.fault(3)
def test_a_partial_answer_does_not_replace_the_last_good_one(dn: str, newcomers: Newcomers) -> None:
    """Where the groups cannot be read the last complete answer stands, with all its groups."""
    newcomers.group("kept-group", dn)
    person = person_who_enters("ada")
    later = timezone.now() + access_config().reuse_for + SECOND
    with settings_changed(DRAWBRIDGE_LDAP_GROUP_BASE=f"ou=missing,{newcomers.slapd.base}"):
        answer = current_identity(person, now=later)
    assert [group.dn for group in answer.groups] == [f"cn=kept-group,ou=groups,{newcomers.slapd.base}"]
    assert answer.asked_at < later - access_config().reuse_for
    assert len(DirectorySnapshot.objects.get().identity["groups"]) == 1


def test_the_snapshot_follows_what_changes(dn: str, newcomers: Newcomers) -> None:
    """A changed answer is in the table at once, an unchanged one at most once a minute."""
    person = person_who_enters("ada")
    step = access_config().reuse_for + SECOND
    first = DirectorySnapshot.objects.get().asked_at
    current_identity(person, now=first + step)
    assert DirectorySnapshot.objects.get().asked_at == first
    newcomers.group("another-group", dn)
    current_identity(person, now=first + 2 * step)
    assert DirectorySnapshot.objects.get().asked_at == first + 2 * step
    current_identity(person, now=first + 2 * step + timedelta(minutes=1))
    assert DirectorySnapshot.objects.get().asked_at == first + 2 * step + timedelta(minutes=1)


def test_a_snapshot_is_read_back_whole(dn: str, newcomers: Newcomers) -> None:
    """What stands in while the directory is away is equal to what it had answered."""
    inner = newcomers.group("inner-of-ada", dn)
    newcomers.group("outer-of-ada", inner)
    person = person_who_enters("ada")
    answered = current_identity(person, now=timezone.now())
    recent_answers.clear()
    with directory_gone():
        assert current_identity(person, now=timezone.now()) == answered
    assert len(answered.groups) == 2


def test_a_local_administrator_has_no_identity() -> None:
    """Break-glass administrators are in no directory and get no role."""
    local = create_local_administrator(
        name="breakglass", password="a-long-enough-password", now=timezone.now()
    )
    with pytest.raises(RoleNotGranted):
        current_identity(local, now=timezone.now())


def test_people_of_another_directory_are_not_looked_up(dn: str) -> None:
    """An identifier means something in its own directory only: under another name it is nobody's.

    The sign-in ends; that a directory is not configured any more is no leaving, so AWS is left alone.
    """
    assert dn
    person = person_who_enters("ada")
    an_access(person, ends_at=timezone.now() + timedelta(hours=1))
    with (
        settings_changed(DRAWBRIDGE_LDAP_NAME="another"),
        pytest.raises(SignInEnded),
    ):
        current_identity(person, now=timezone.now() + timedelta(minutes=1))
    assert User.objects.get() == person
    assert not SiteSession.objects.exists()
    assert not EndingDue.objects.exists()


def test_people_are_found_by_name(dn: str) -> None:
    """For explaining and planning a user name gives the identity; a name that nobody has is refused."""
    assert find_identity("ada", now=timezone.now()).dn == dn
    with pytest.raises(NotFound):
        find_identity("nobody-at-all", now=timezone.now())
