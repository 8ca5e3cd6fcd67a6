"""Passwords changed in place, on a real Active Directory and a real OpenLDAP."""

import logging
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from idp.directory.errors import (
    MustChangePassword,
    NewPasswordRefused,
    PasswordExpired,
    PasswordNotChangeable,
)
from idp.domain.errors import PasswordChangeNeeded, Refused, SignInRefused, Throttled
from idp.models import AuditRecord, SiteSession
from idp.models.session import SessionStore
from idp.services.admission import Admitted
from idp.services.change_password import NotNew, NotTheSame, change_password
from tests.integration.idp.services.doors import HERE, PER_PERSON, enter, events, fail, who
from tests.servers.samba import NORMAL_ACCOUNT, RIGHT_PASSWORD, AdPeople, SambaDc
from tests.servers.slapd import RIGHT_PASSWORD as SLAPD_PASSWORD
from tests.servers.slapd import Newcomers

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "Entirely-New-42"
LONG_AGO = "131000000000000000"
CHANGE_PASSWORD_RIGHT = "ab721a53-1e2f-11d0-9819-00aa0040529b"


def change(
    username: str,
    old: str,
    new: str = NEW_PASSWORD,
    *,
    repeated: str | None = None,
    session: SessionStore | None = None,
    now: datetime | None = None,
) -> Admitted | None:
    """What comes of this change, now or at another moment."""
    return change_password(
        session=session or SessionStore(),
        username=username,
        password=old,
        new_password=new,
        repeated=new if repeated is None else repeated,
        browser="Test/1.0",
        origin=HERE,
        now=now or timezone.now(),
    )


@pytest.fixture
def reset(active_directory: SambaDc, ad_people: AdPeople) -> str:
    """Somebody whose password an administrator has reset."""
    assert active_directory.process is not None
    dn = ad_people.person("mustchange", flags=NORMAL_ACCOUNT)
    ad_people.change(dn, pwdLastSet="0")
    return dn


@pytest.mark.attack("LD-07")
def test_a_reset_password_is_changed_and_opens(reset: str, ad_people: AdPeople) -> None:
    """Told at the sign-in, changed with nothing but the right to change passwords, and signed in with the new one."""
    with pytest.raises(MustChangePassword):
        enter("mustchange", RIGHT_PASSWORD)
    session = SessionStore()
    assert change("mustchange", RIGHT_PASSWORD, session=session) is not None
    person = who(session)
    assert person is not None
    assert person.username == "mustchange"
    assert events() == [
        ("person:sign-in:refused", "must-change-password"),
        ("person:password:changed", ""),
        ("person:sign-in:admitted", ""),
    ]
    assert {row.account_key for row in AuditRecord.objects.all()} == {person.account_key}
    assert who(enter("mustchange", NEW_PASSWORD)) is not None
    assert int(ad_people.read(reset, "badPwdCount").get("badPwdCount", [b"0"])[0]) == 0


@pytest.mark.attack("LD-07")
def test_an_expired_password_is_changed(active_directory: SambaDc, ad_people: AdPeople) -> None:
    """An expired one is told as such to whoever has it, and changed in the same way."""
    dn = ad_people.person("expired", flags=NORMAL_ACCOUNT)
    active_directory.force(dn, pwdLastSet=LONG_AGO)
    with pytest.raises(PasswordExpired) as told:
        enter("expired", RIGHT_PASSWORD)
    assert "expired" in told.value.told
    with pytest.raises(SignInRefused) as wrong:
        enter("expired", "Wrong-Passw0rd")
    assert not isinstance(wrong.value, PasswordChangeNeeded)
    assert change("EXAMPLE\\expired", RIGHT_PASSWORD) is not None
    assert who(enter("expired@example.test", NEW_PASSWORD)) is not None


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("N-1a", "at least 7 characters"),
        ("alllowercaseletters", "three kinds"),
        (RIGHT_PASSWORD[:-1] + "2", "one of your last 24"),
        ("x" * 1_025, "far too long"),
    ],
)
def test_the_domains_policy_is_explained(reset: str, ad_people: AdPeople, new: str, why: str) -> None:
    """Length, complexity, history: the sentence says which; the old password goes on, and nothing is counted."""
    if "last" in why:
        # What is remembered must have been had.
        ad_people.change(reset, unicodePwd=f'"{new}"'.encode("utf-16-le"))
        ad_people.change(reset, unicodePwd=f'"{RIGHT_PASSWORD}"'.encode("utf-16-le"))
        ad_people.change(reset, pwdLastSet="0")
    for _ in range(PER_PERSON + 1):
        with pytest.raises(NewPasswordRefused, match=r".") as refusal:
            change("mustchange", RIGHT_PASSWORD, new)
        assert why in refusal.value.told
    assert events()[-1] == ("person:password:refused", "new-password-refused")
    assert change("mustchange", RIGHT_PASSWORD) is not None


def test_a_password_that_is_too_young_is_explained(active_directory: SambaDc, ad_people: AdPeople) -> None:
    """Changed a moment ago, the domain wants it kept for a day: that is what the person reads."""
    assert active_directory.process is not None
    ad_people.person("hasty")
    with pytest.raises(NewPasswordRefused) as refusal:
        change("hasty", RIGHT_PASSWORD)
    assert "less than 24 hours ago" in refusal.value.told


@pytest.mark.attack("LD-07")
@pytest.mark.parametrize("how", ["disabled", "account-expired", "outside-hours"])
def test_who_may_not_sign_in_changes_nothing(
    active_directory: SambaDc, ad_people: AdPeople, how: str
) -> None:
    """With the right password too, it looks like a wrong one, and the password stays what it was."""
    assert active_directory.process is not None
    dn = ad_people.person("former", flags=NORMAL_ACCOUNT)
    changes: dict[str, dict[str, str | bytes]] = {
        "disabled": {"userAccountControl": str(NORMAL_ACCOUNT | 2)},
        "account-expired": {"accountExpires": LONG_AGO},
        "outside-hours": {"logonHours": bytes(21)},
    }
    ad_people.change(dn, **changes[how])
    before = ad_people.read(dn, "pwdLastSet")
    with pytest.raises(SignInRefused) as refusal:
        change("former", RIGHT_PASSWORD)
    assert (refusal.value.code, refusal.value.told) == ("sign-in-refused", SignInRefused.sentence)
    assert ad_people.read(dn, "pwdLastSet") == before
    assert events()[-1][0] == "person:password:refused"
    assert how in events()[-1][1]


def test_without_the_right_it_says_so(reset: str, active_directory: SambaDc) -> None:
    """Where the domain lets nobody change this password, the person is sent to their administrators."""
    active_directory.tool(
        "dsacl", "set", f"--objectdn={reset}", f"--sddl=(OD;;CR;{CHANGE_PASSWORD_RIGHT};;WD)"
    )
    with pytest.raises(PasswordNotChangeable):
        change("mustchange", RIGHT_PASSWORD)


@pytest.mark.attack("BF-05")
def test_a_wrong_old_password_counts_like_a_failed_sign_in(newcomers: Newcomers) -> None:
    """Guessing here uses up the one budget of the person; after it neither door opens with the right one."""
    newcomers.person("ada")
    now = fail("ada", PER_PERSON - 2, now=timezone.now())
    for _ in range(2):
        now += timedelta(minutes=1)
        with pytest.raises(SignInRefused):
            change("ada", "wrong", now=now)
    now += timedelta(minutes=1)
    with pytest.raises(Throttled):
        change("ada", SLAPD_PASSWORD, now=now)
    with pytest.raises(Throttled):
        enter("ada", now=now)


def under(newcomers: Newcomers, dn: str, name: str, **rules: str) -> None:
    """The person is under a password policy of these rules."""
    policy = f"cn={name},ou=policies,{newcomers.slapd.base}"
    newcomers.add(
        policy, objectClass=["person", "pwdPolicy"], cn=name, sn=name, pwdAttribute="userPassword", **rules
    )
    newcomers.change(dn, f"add: pwdPolicySubentry\npwdPolicySubentry: {policy}")


@pytest.mark.attack("LD-07")
def test_a_reset_password_of_openldap_is_changed_by_the_person(newcomers: Newcomers) -> None:
    """Bound as themselves, which is all that the server lets them do after a reset; then they are signed in."""
    dn = newcomers.person("ada")
    under(newcomers, dn, "must", pwdMustChange="TRUE", pwdAllowUserChange="TRUE")
    newcomers.change(dn, "replace: pwdReset\npwdReset: TRUE")
    with pytest.raises(MustChangePassword):
        enter("ada")
    session = SessionStore()
    assert change("ada", SLAPD_PASSWORD, session=session) is not None
    assert who(session) is not None
    assert who(enter("ada", NEW_PASSWORD)) is not None
    with pytest.raises(SignInRefused):
        enter("ada", SLAPD_PASSWORD)


def test_a_grace_sign_in_changes_too(newcomers: Newcomers) -> None:
    """An expired password that opens once more is changed with that one time, and says so at a sign-in."""
    dn = newcomers.person("ada")
    under(newcomers, dn, "grace", pwdMaxAge="86400", pwdGraceAuthnLimit="2", pwdAllowUserChange="TRUE")
    newcomers.force(dn, pwdChangedTime="20200101000000Z")
    session = SessionStore()
    assert who(enter("ada", session=session)) is not None
    assert change("ada", SLAPD_PASSWORD) is not None
    assert who(enter("ada", NEW_PASSWORD)) is not None


def test_expired_without_grace_is_for_the_administrators(newcomers: Newcomers) -> None:
    """Where OpenLDAP takes an expired password not even for a change, the person is told whom to ask."""
    dn = newcomers.person("ada")
    under(newcomers, dn, "old", pwdMaxAge="86400", pwdAllowUserChange="TRUE")
    newcomers.force(dn, pwdChangedTime="20200101000000Z")
    with pytest.raises(PasswordNotChangeable):
        change("ada", SLAPD_PASSWORD)


@pytest.mark.parametrize(
    ("rules", "new", "why"),
    [
        ({"pwdMinLength": "12", "pwdCheckQuality": "2"}, "short", "at least 12 characters"),
        ({"pwdInHistory": "5"}, SLAPD_PASSWORD + "-before", "one of your last 5"),
        ({"pwdMinAge": "86400"}, NEW_PASSWORD, "less than 24 hours ago"),
    ],
)
def test_openldaps_policy_is_explained(
    newcomers: Newcomers, rules: dict[str, str], new: str, why: str
) -> None:
    """Too short, had before, too young: the error of the policy's control, in words."""
    dn = newcomers.person(
        "ada", password=f"{SLAPD_PASSWORD}-before" if "pwdInHistory" in rules else SLAPD_PASSWORD
    )
    under(newcomers, dn, f"with-{next(iter(rules))}", pwdAllowUserChange="TRUE", **rules)
    newcomers.force(dn, pwdChangedTime=f"{timezone.now():%Y%m%d%H%M%SZ}")
    if "pwdInHistory" in rules:
        newcomers.change(dn, f"replace: userPassword\nuserPassword: {SLAPD_PASSWORD}")
    with pytest.raises(NewPasswordRefused) as refusal:
        change("ada", SLAPD_PASSWORD, new)
    assert why in refusal.value.told
    assert who(enter("ada", SLAPD_PASSWORD)) is not None


def test_a_policy_that_allows_no_change(newcomers: Newcomers) -> None:
    """Where the policy lets nobody change their own, the person is told whom to ask."""
    under(newcomers, newcomers.person("ada"), "fixed", pwdAllowUserChange="FALSE")
    with pytest.raises(PasswordNotChangeable):
        change("ada", SLAPD_PASSWORD)


@pytest.mark.parametrize(
    ("new", "repeated", "kind"),
    [("one", "another", NotTheSame), (SLAPD_PASSWORD, None, NotNew), ("", None, NewPasswordRefused)],
)
def test_what_can_be_told_without_asking(
    newcomers: Newcomers, new: str, repeated: str | None, kind: type[Refused]
) -> None:
    """Two spellings, the same again, nothing at all: told at once, and nothing is counted or changed."""
    newcomers.person("ada")
    for _ in range(PER_PERSON + 1):
        with pytest.raises(kind):
            change("ada", SLAPD_PASSWORD, new, repeated=repeated)
    assert who(enter("ada")) is not None


def test_other_sessions_end_and_no_secret_stays(
    newcomers: Newcomers, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever was signed in with the old password is out; neither password is in a table or in the log."""
    newcomers.person("ada")
    elsewhere = enter("ada")
    caplog.set_level(logging.DEBUG)
    session = SessionStore()
    assert change("ada", SLAPD_PASSWORD, session=session) is not None
    assert who(elsewhere) is None
    assert who(session) is not None
    stored = [str(vars(row)) for model in (AuditRecord, SiteSession) for row in model.objects.all()]
    for secret in (SLAPD_PASSWORD, NEW_PASSWORD):
        assert not any(secret in text for text in stored)
        assert secret not in caplog.text
