"""The password policies of real directories, as far as our service account may read them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ldap.ldapobject import SimpleLDAPObject

from deploy.demo import company as demo_company
from deploy.demo.slapd import Slapd
from idp.conf.directories import DirectoryConfig, directory_config
from idp.directory import password_policy
from idp.directory.connections import Connections
from idp.directory.deadline import NO_DEADLINE
from idp.directory.errors import AccountSpared, WrongPassword
from idp.directory.ldap_directory import LdapDirectory
from idp.directory.password_policy import Policies, suffix_of
from idp.directory.port import FoundAccount
from idp.domain.password_policy import Lockout, PasswordRules
from tests.servers.samba import BASE, AdPeople, SambaDc
from tests.servers.slapd import RIGHT_PASSWORD, Newcomers

pytestmark = pytest.mark.attack("BF-02")

ASSUMED = Lockout(5, timedelta(minutes=30))
# What an entry of Active Directory shows to whoever may read all of it.
SEEN = {"uSNChanged": [b"4711"]}


def policies_of(config: DirectoryConfig) -> Policies:
    """The policies of this directory, nothing read yet."""
    return Policies(config, Connections(config).service, assumed=ASSUMED)


def add_policy(newcomers: Newcomers, name: str, **rules: str) -> str:
    """A password policy of OpenLDAP with these rules exists; gives its name."""
    dn = f"cn={name},ou=policies,{newcomers.slapd.base}"
    newcomers.add(
        dn, objectClass=["person", "pwdPolicy"], cn=name, sn=name, pwdAttribute="userPassword", **rules
    )
    return dn


def test_a_policy_of_openldap(newcomers: Newcomers) -> None:
    """Threshold, memory, lock and rules of the policy that the entry names; zero means for good."""
    named = add_policy(
        newcomers, "named", pwdLockout="TRUE", pwdMaxFailure="7", pwdFailureCountInterval="600",
        pwdLockoutDuration="0", pwdMinLength="12", pwdInHistory="5", pwdMinAge="3600",
    )  # fmt: skip
    found = policies_of(directory_config()).of({"pwdPolicySubentry": [named.encode()]})
    assert found.is_read
    assert found.lockout == Lockout(7, timedelta(minutes=10), None)
    assert found.rules == PasswordRules(12, 5, complex=False, youngest=timedelta(hours=1))


def test_the_strictest_stands_for_the_default(newcomers: Newcomers) -> None:
    """Which policy is OpenLDAP's default we cannot read: none of those that may be is overstepped."""
    add_policy(newcomers, "lax", pwdLockout="TRUE", pwdMaxFailure="20", pwdFailureCountInterval="60")
    add_policy(newcomers, "strict", pwdLockout="TRUE", pwdMaxFailure="4", pwdFailureCountInterval="30")
    add_policy(newcomers, "off", pwdLockout="FALSE", pwdMaxFailure="2")
    policies = policies_of(directory_config())
    assert policies.known().lockout == ASSUMED
    assert policies.of({}).lockout == Lockout(4, timedelta(seconds=60), None)
    assert policies.known().lockout.threshold == 4


def test_a_policy_is_read_again_after_minutes(newcomers: Newcomers, monkeypatch: pytest.MonkeyPatch) -> None:
    """For some minutes what was read holds; then whoever has failed makes it be read anew."""
    named = add_policy(newcomers, "changing", pwdLockout="TRUE", pwdMaxFailure="7")
    entry = {"pwdPolicySubentry": [named.encode()]}
    policies = policies_of(directory_config())
    assert policies.of(entry).lockout.threshold == 7
    newcomers.change(named, "replace: pwdMaxFailure\npwdMaxFailure: 3")
    policies.renew(entry, NO_DEADLINE)
    assert policies.of(entry).lockout.threshold == 7
    monkeypatch.setattr(password_policy, "KEPT_FOR", 0.0)
    policies.renew(entry, NO_DEADLINE)
    assert policies.of(entry).lockout.threshold == 3


def test_a_policy_that_is_not_there_is_assumed(newcomers: Newcomers) -> None:
    """A name that leads nowhere keeps nobody out: the assumed policy holds, or the default where that is stricter."""
    add_policy(newcomers, "strict", pwdLockout="TRUE", pwdMaxFailure="3", pwdFailureCountInterval="3600")
    policies = policies_of(directory_config())
    policies.of({})
    found = policies.of({"pwdPolicySubentry": [f"cn=gone,ou=policies,{newcomers.slapd.base}".encode()]})
    assert not found.is_read
    assert found.lockout == Lockout(3, timedelta(hours=1), None)


def test_nobody_who_answers_is_asked_again(company: Slapd) -> None:
    """While no server answers the assumed policy holds, and is not kept: the next question asks."""
    away = replace(directory_config(), uris=("ldap://127.0.0.1:1",))
    assert policies_of(away).of({}).lockout == ASSUMED
    policies = policies_of(directory_config())
    assert policies.of({}).is_read
    assert company.process is not None


class SecretiveSlapd(Slapd):
    """A server that hides its policies from us."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        file = self.folder / "slapd.conf"
        rule = "access to attrs=userPassword"
        hidden = f'access to dn.subtree="ou=policies,{self.base}" by * none\n'
        file.write_text(file.read_text().replace(rule, hidden + rule))


def test_hidden_policies_are_assumed_and_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing can be read people sign in all the same, under the threshold that the settings assume."""
    with SecretiveSlapd(tmp_path / "secretive", ldif=demo_company.ldif()) as slapd:
        config = replace(directory_config(), uris=(slapd.uri,), ca_file=str(slapd.ca_file))
        found = policies_of(config).of({})
        assert (found.is_read, found.lockout) == (False, ASSUMED)
        assert "directory.policy.hidden" in caplog.messages
        password = demo_company.password_of("jane")
        assert (
            LdapDirectory(config).check_password("jane", password, now=datetime.now(UTC)).username == "jane"
        )


def test_the_domain_of_active_directory(active_directory: SambaDc, ad_people: AdPeople) -> None:
    """The domain's own numbers, which every account may read; a fine-grained policy is hidden and assumed."""
    assert active_directory.process is not None
    policies = policies_of(directory_config())
    domain = policies.of(SEEN)
    assert domain.is_read
    assert (domain.lockout.threshold, domain.lockout.window) == (0, timedelta(minutes=30))
    assert domain.rules == PasswordRules(7, 24, complex=True, youngest=timedelta(days=1))
    name = f"CN=nobody-reads,CN=Password Settings Container,CN=System,{BASE}"
    ad_people.add(
        name,
        objectClass="msDS-PasswordSettings",
        **{
            "msDS-PasswordSettingsPrecedence": "9",
            "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
            "msDS-PasswordHistoryLength": "24",
            "msDS-PasswordComplexityEnabled": "TRUE",
            "msDS-MinimumPasswordLength": "7",
            "msDS-MinimumPasswordAge": "0",
            "msDS-MaximumPasswordAge": str(-42 * 86_400 * 10_000_000),
            "msDS-LockoutThreshold": "9",
            "msDS-LockoutObservationWindow": str(-30 * 60 * 10_000_000),
            "msDS-LockoutDuration": str(-30 * 60 * 10_000_000),
        },
    )
    hidden = policies.of({**SEEN, "msDS-ResultantPSO": [name.encode()]})
    assert (hidden.is_read, hidden.lockout) == (False, ASSUMED)


def test_what_whoever_counts_hears(newcomers: Newcomers) -> None:
    """The account, its policy once a failure has made it be read, and how many failures the server has marked."""
    named = add_policy(
        newcomers, "named", pwdLockout="TRUE", pwdMaxFailure="7", pwdFailureCountInterval="600"
    )
    newcomers.change(newcomers.person("ada"), f"add: pwdPolicySubentry\npwdPolicySubentry: {named}")
    directory = LdapDirectory(directory_config())
    heard: list[tuple[str, int, int]] = []

    def listen(account: FoundAccount | None) -> None:
        assert account is not None
        heard.append((account.username, account.lockout.threshold, account.failures))

    for _ in range(3):
        with pytest.raises(WrongPassword):
            directory.check_password("ada", "wrong", now=datetime.now(UTC), found=listen)
    directory.check_password("ada", RIGHT_PASSWORD, now=datetime.now(UTC), found=listen)
    directory.check_password("ada", RIGHT_PASSWORD, now=datetime.now(UTC), found=listen)
    assert heard == [("ada", 2, 0), ("ada", 7, 1), ("ada", 7, 2), ("ada", 7, 3), ("ada", 7, 0)]


def test_a_good_sign_in_costs_no_look_at_the_policy(
    newcomers: Newcomers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who has not been tried is looked up there; after a failure elsewhere the exact policy is heard too."""
    newcomers.person("ada")
    directory = LdapDirectory(directory_config())
    heard: list[int] = []

    def wary(account: FoundAccount | None) -> None:
        assert account is not None
        heard.append(account.lockout.threshold)
        if len(heard) == 2:
            raise AccountSpared

    asked: list[str] = []
    through = SimpleLDAPObject.search_ext

    def spy(self: Any, base: str, scope: int, filterstr: str, *rest: Any, **named: Any) -> Any:
        asked.append(filterstr)
        return through(self, base, scope, filterstr, *rest, **named)

    monkeypatch.setattr(SimpleLDAPObject, "search_ext", spy)
    for looks in (0, 1):
        asked.clear()
        directory.check_password("ada", RIGHT_PASSWORD, now=datetime.now(UTC), found=wary)
        assert asked.count("(objectClass=pwdPolicy)") == looks
    assert heard == [2, 2, 0]


@pytest.mark.parametrize(
    ("base", "top"),
    [
        ("ou=people,dc=example,dc=test", "dc=example,dc=test"),
        ("OU=People,OU=Berlin,DC=corp,DC=example,DC=test", "DC=corp,DC=example,DC=test"),
        ("ou=people,o=Acme\\, Inc", "o=Acme\\, Inc"),
        ("o=acme", "o=acme"),
    ],
)
def test_the_top_of_the_tree(base: str, top: str) -> None:
    """The domain's own entry, or the last name where there are no domain components."""
    assert suffix_of(base) == top
