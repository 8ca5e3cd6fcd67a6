"""The state of an account as real servers tell it, with the right password and with a wrong one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.demo import company as demo_company
from deploy.demo.slapd import Slapd
from idp.conf.directories import directory_config
from idp.directory.errors import (
    AccountDisabled,
    AccountExpired,
    AccountLocked,
    DirectoryRefusal,
    MustChangePassword,
    PasswordExpired,
    WrongPassword,
)
from idp.directory.ldap_directory import LdapDirectory
from idp.domain.errors import PasswordChangeNeeded, SignInRefused
from idp.domain.identity import AccountState
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

LONG_AGO = "20200101000000Z"


@pytest.fixture
def directory(company: Slapd) -> LdapDirectory:
    assert company.process is not None
    return LdapDirectory(directory_config())


def policy(newcomers: Newcomers, name: str, **rules: str) -> str:
    """A password policy of these rules exists; gives the attribute that puts somebody under it."""
    dn = f"cn={name},ou=policies,{newcomers.slapd.base}"
    newcomers.add(
        dn, objectClass=["person", "pwdPolicy"], cn=name, sn=name, pwdAttribute="userPassword", **rules
    )
    return f"add: pwdPolicySubentry\npwdPolicySubentry: {dn}"


def refusal(directory: LdapDirectory, name: str, password: str) -> DirectoryRefusal:
    """How this try is refused."""
    with pytest.raises(DirectoryRefusal) as refused:
        directory.check_password(name, password, now=datetime.now(UTC))
    return refused.value


@pytest.mark.attack("LD-07")
def test_states_of_openldap(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """Each state has its own reason with the right password; a wrong one is told nothing that it may not know."""
    strict = policy(
        newcomers,
        "strict",
        pwdMustChange="TRUE",
        pwdMaxAge="86400",
        pwdLockout="TRUE",
        pwdAllowUserChange="TRUE",
    )
    people = {
        name: newcomers.person(name) for name in ("reset", "stale", "locked", "ended", "coming", "gone")
    }
    newcomers.change(people["reset"], f"{strict}\n-\nreplace: pwdReset\npwdReset: TRUE")
    newcomers.change(people["stale"], strict)
    newcomers.force(people["stale"], pwdChangedTime=LONG_AGO)
    newcomers.change(
        people["locked"], f"{strict}\n-\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 20260101000000Z"
    )
    newcomers.change(people["ended"], f"add: pwdEndTime\npwdEndTime: {LONG_AGO}")
    newcomers.change(people["coming"], "add: pwdStartTime\npwdStartTime: 20990101000000Z")
    newcomers.disable(people["gone"])
    expected: dict[str, tuple[type[DirectoryRefusal], type[DirectoryRefusal]]] = {
        "reset": (MustChangePassword, WrongPassword),
        "stale": (PasswordExpired, WrongPassword),
        "locked": (AccountLocked, AccountLocked),
        "ended": (AccountExpired, AccountExpired),
        "coming": (AccountDisabled, AccountDisabled),
        "gone": (AccountDisabled, AccountDisabled),
    }
    for name, (right, wrong) in expected.items():
        assert type(refusal(directory, name, RIGHT_PASSWORD)) is right, name
        assert type(refusal(directory, name, "wrong")) is wrong, name


@pytest.mark.attack("LD-07")
def test_only_the_right_password_is_told_to_change(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """Reset says so to the right password; everything else, and every wrong password, says one thing."""
    must_change = policy(newcomers, "must-change", pwdMustChange="TRUE", pwdAllowUserChange="TRUE")
    newcomers.change(newcomers.person("reset"), f"{must_change}\n-\nreplace: pwdReset\npwdReset: TRUE")
    newcomers.disable(newcomers.person("gone"))
    told = refusal(directory, "reset", RIGHT_PASSWORD)
    assert isinstance(told, PasswordChangeNeeded)
    assert told.code == "password-change-needed"
    alike = {
        (one.code, one.told)
        for one in (
            refusal(directory, "reset", "wrong"),
            refusal(directory, "gone", RIGHT_PASSWORD),
            refusal(directory, "nobody", RIGHT_PASSWORD),
        )
    }
    assert alike == {("sign-in-refused", SignInRefused.sentence)}


def test_a_bind_that_must_be_followed_by_a_change_is_no_sign_in(
    directory: LdapDirectory, newcomers: Newcomers
) -> None:
    """OpenLDAP takes the password after a reset and says so beside it: nobody is signed in by that."""
    must_change = policy(newcomers, "must-change", pwdMustChange="TRUE", pwdAllowUserChange="TRUE")
    dn = newcomers.person("reset")
    newcomers.change(dn, f"{must_change}\n-\nreplace: pwdReset\npwdReset: TRUE")
    identity = directory.find_by_name("reset", now=datetime.now(UTC))
    assert identity is not None
    assert identity.state is AccountState.MUST_CHANGE
    assert isinstance(refusal(directory, "reset", RIGHT_PASSWORD), MustChangePassword)
    newcomers.change(dn, "replace: pwdReset\npwdReset: FALSE")
    assert directory.check_password("reset", RIGHT_PASSWORD, now=datetime.now(UTC)).username == "reset"


def test_a_grace_sign_in_and_a_warning_are_sign_ins(directory: LdapDirectory, newcomers: Newcomers) -> None:
    """An expired password that still opens three times says how often; one that ends soon says when."""
    grace = policy(newcomers, "grace", pwdMaxAge="86400", pwdGraceAuthnLimit="3")
    warn = policy(newcomers, "warn", pwdMaxAge="86400", pwdExpireWarning="86000")
    newcomers.change(newcomers.person("late"), grace)
    newcomers.force(f"uid=late,ou=people,{newcomers.slapd.base}", pwdChangedTime=LONG_AGO)
    newcomers.change(newcomers.person("soon"), warn)
    changed = datetime.now(UTC) - timedelta(hours=20)
    newcomers.force(f"uid=soon,ou=people,{newcomers.slapd.base}", pwdChangedTime=f"{changed:%Y%m%d%H%M%SZ}")
    now = datetime.now(UTC)
    assert [directory.check_password("late", RIGHT_PASSWORD, now=now).grace_sign_ins for _ in range(3)] == [
        2,
        1,
        0,
    ]
    assert isinstance(refusal(directory, "late", RIGHT_PASSWORD), PasswordExpired)
    ends_at = directory.check_password("soon", RIGHT_PASSWORD, now=now).password_ends_at
    assert ends_at is not None
    assert abs(ends_at - changed - timedelta(days=1)) < timedelta(minutes=5)


class TellingSlapd(Slapd):
    """A server that hides the mark of a lock from us, and tells of it in the policy's control."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        file = self.folder / "slapd.conf"
        rule = "access to attrs=userPassword"
        text = file.read_text().replace(rule, f"access to attrs=pwdAccountLockedTime by * none\n{rule}")
        file.write_text(f"{text}ppolicy_use_lockout\n")


@pytest.mark.attack("LD-07")
def test_a_lock_that_only_the_control_tells(tmp_path: Path) -> None:
    """Where we may not read the mark of the lock, the server's control still tells the audit."""
    with TellingSlapd(tmp_path / "telling", ldif=demo_company.ldif()) as slapd:
        directory = LdapDirectory(replace(directory_config(), uris=(slapd.uri,), ca_file=str(slapd.ca_file)))
        password = demo_company.password_of("jane")
        assert directory.check_password("jane", password, now=datetime.now(UTC)).username == "jane"
        jane = f"uid=jane,ou=people,{slapd.base}"
        slapd.modify(
            f"dn: {jane}\nchangetype: modify\nadd: pwdAccountLockedTime\n"
            "pwdAccountLockedTime: 20260101000000Z\n"
        )
        for tried in (password, "wrong"):
            assert type(refusal(directory, "jane", tried)) is AccountLocked
