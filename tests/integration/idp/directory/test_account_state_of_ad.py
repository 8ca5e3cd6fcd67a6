"""The state of an account as a real Active Directory tells it: by the bind's sub-codes, and by the entry alone."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from idp.conf.directories import directory_config
from idp.directory.errors import (
    AccountDisabled,
    AccountExpired,
    AccountLocked,
    DirectoryRefusal,
    MustChangePassword,
    OutsideHours,
    PasswordExpired,
    UnknownPerson,
    UnsendablePassword,
    WrongPassword,
    WrongWorkstation,
)
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import PasswordChangeNeeded, SignInRefused
from idp.domain.identity import AccountState
from tests.servers.samba import (
    BASE,
    NORMAL_ACCOUNT,
    RIGHT_PASSWORD,
    AdPeople,
    SambaDc,
    active_directory_settings,
    controller,
)
from tests.servers.slapd import settings_changed

pytestmark = pytest.mark.attack("LD-07")

LONG_AGO = "131000000000000000"
WRONG_PASSWORD = "Wrong-Passw0rd-1"
THRESHOLD = 3
LOCKED_SECONDS = 2


@pytest.fixture(scope="module")
def locking_controller(
    samba_template: SambaDc, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SambaDc]:
    """A domain that locks an account for two seconds at the third wrong password."""
    with controller(samba_template, tmp_path_factory.mktemp("locking")) as dc:
        made = AdPeople(dc)
        span = str(-LOCKED_SECONDS * 10_000_000)
        made.change(
            BASE, lockoutThreshold=str(THRESHOLD), lockOutObservationWindow=span, lockoutDuration=span
        )
        made.link.unbind_s()
        yield dc


@pytest.fixture
def people(locking_controller: SambaDc) -> Iterator[AdPeople]:
    made = AdPeople(locking_controller)
    with settings_changed(**active_directory_settings(locking_controller)):
        yield made
    made.leave()


@pytest.fixture
def directory(people: AdPeople) -> LdapDirectory:
    assert people
    return LdapDirectory(directory_config())


def refusal(directory: LdapDirectory, name: str, password: str) -> DirectoryRefusal:
    """How this try is refused."""
    with pytest.raises(DirectoryRefusal) as refused:
        directory.check_password(name, password, now=datetime.now(UTC))
    return refused.value


def state(directory: LdapDirectory, name: str) -> AccountState:
    """The state that is found without a password."""
    identity = directory.find_by_name(name, now=datetime.now(UTC))
    assert identity is not None
    return identity.state


def make_everybody(people: AdPeople, dc: SambaDc) -> None:
    """One person in each state; the one who is locked has been tried elsewhere."""
    people.person("enabled")
    people.person("disabled", flags=NORMAL_ACCOUNT | 2)
    people.person("expired", accountExpires=LONG_AGO)
    people.person("hours", logonHours=bytes(21))
    people.person("workstation", userWorkstations="OTHER-PC")
    must = people.person("must", flags=NORMAL_ACCOUNT)
    people.change(must, pwdLastSet="0")
    dc.force(people.person("stale", flags=NORMAL_ACCOUNT), pwdLastSet=LONG_AGO)


def test_each_state_has_its_reason(
    people: AdPeople, directory: LdapDirectory, locking_controller: SambaDc
) -> None:
    """With the right password each is told apart in the audit; with a wrong one only what the entry shows is."""
    make_everybody(people, locking_controller)
    expected: dict[str, tuple[type[DirectoryRefusal], type[DirectoryRefusal], AccountState]] = {
        "disabled": (AccountDisabled, AccountDisabled, AccountState.DISABLED),
        "expired": (AccountExpired, AccountExpired, AccountState.EXPIRED),
        "hours": (OutsideHours, WrongPassword, AccountState.ENABLED),
        "workstation": (WrongWorkstation, WrongPassword, AccountState.ENABLED),
        "must": (MustChangePassword, WrongPassword, AccountState.MUST_CHANGE),
        "stale": (PasswordExpired, WrongPassword, AccountState.PASSWORD_EXPIRED),
    }
    for name, (right, wrong, seen) in expected.items():
        assert type(refusal(directory, name, RIGHT_PASSWORD)) is right, name
        assert type(refusal(directory, name, WRONG_PASSWORD)) is wrong, name
        assert state(directory, name) is seen, name
    assert type(refusal(directory, "nobody", WRONG_PASSWORD)) is UnknownPerson
    assert directory.check_password("enabled", RIGHT_PASSWORD, now=datetime.now(UTC)).username == "enabled"


def test_outside_they_are_alike(
    people: AdPeople, directory: LdapDirectory, locking_controller: SambaDc
) -> None:
    """One code and one sentence for everything but a password that is right and must be changed."""
    make_everybody(people, locking_controller)
    alike = set()
    for name in ("disabled", "expired", "hours", "workstation", "must", "stale", "nobody"):
        for password in (RIGHT_PASSWORD, WRONG_PASSWORD):
            refused = refusal(directory, name, password)
            told = name in {"must", "stale"} and password == RIGHT_PASSWORD
            assert isinstance(refused, PasswordChangeNeeded) is told
            if not told:
                alike.add((refused.code, refused.told))
    assert alike == {("sign-in-refused", SignInRefused.sentence)}


def test_a_lock_and_its_end(people: AdPeople, directory: LdapDirectory, locking_controller: SambaDc) -> None:
    """Locked elsewhere the right password is refused as such; when the domain's time is over it opens again."""
    dn = people.person("victim")
    for _ in range(THRESHOLD):
        with pytest.raises(Exception, match="Invalid credentials"):
            locking_controller.connect("victim@example.test", WRONG_PASSWORD)
    locked_at = datetime.now(UTC)
    assert state(directory, "victim") is AccountState.LOCKED
    assert type(refusal(directory, "victim", RIGHT_PASSWORD)) is AccountLocked
    assert int(people.read(dn, "badPwdCount")["badPwdCount"][0]) == THRESHOLD
    while datetime.now(UTC) < locked_at + timedelta(seconds=LOCKED_SECONDS + 1):
        time.sleep(0.1)
    assert state(directory, "victim") is AccountState.ENABLED
    assert directory.check_password("victim", RIGHT_PASSWORD, now=datetime.now(UTC)).username == "victim"


def test_when_the_password_ends_is_told(people: AdPeople, directory: LdapDirectory) -> None:
    """The moment that the domain works out comes with the sign-in; a password that never ends has none."""
    people.person("ends", flags=NORMAL_ACCOUNT)
    people.person("never")
    now = datetime.now(UTC)
    ends_at = directory.check_password("ends", RIGHT_PASSWORD, now=now).password_ends_at
    assert ends_at is not None
    assert timedelta(days=41) < ends_at - now < timedelta(days=43)
    assert directory.check_password("never", RIGHT_PASSWORD, now=now).password_ends_at is None


@pytest.mark.attack("LD-03")
@pytest.mark.parametrize(
    "password",
    ["", " ", "\0", f"\0{RIGHT_PASSWORD}", f"{RIGHT_PASSWORD}\0junk", "x" * 1_025, "x" * 1_048_576],
    ids=lambda password: f"{len(password)}-{password[:4]!r}",
)
def test_no_bind_with_a_password_that_is_none(
    people: AdPeople, directory: LdapDirectory, password: str
) -> None:
    """Nothing is sent: the controller counts no failure; the real password right after is taken."""
    dn = people.person("trudy")
    refused = refusal(directory, "trudy", password)
    assert type(refused) is UnsendablePassword
    assert int(people.read(dn, "badPwdCount").get("badPwdCount", [b"0"])[0]) == 0
    assert directory.check_password("trudy", RIGHT_PASSWORD, now=datetime.now(UTC)).username == "trudy"
