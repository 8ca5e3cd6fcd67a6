"""What people type for themselves, and whom it means."""

from dataclasses import replace

import pytest

from idp.conf.directories import DirectoryKind
from idp.directory.errors import UnsendableName
from idp.directory.typed_names import person_filter, those_meant, typed_name
from tests.unit.idp.directory.test_entries import OPENLDAP

CORP = replace(
    OPENLDAP,
    kind=DirectoryKind.ACTIVE_DIRECTORY,
    user_filter="(objectClass=user)",
    username_attribute="sAMAccountName",
    domains=("corp.example.com",),
    netbios_name="CORP",
)
OPEN = replace(OPENLDAP, user_filter="(objectClass=person)")


@pytest.mark.parametrize(
    ("text", "account", "domain"),
    [
        ("jane", "jane", ""),
        ("  jane ", "jane", ""),
        ("jane@corp.example.com", "jane", "corp.example.com"),
        ("CORP\\jane", "jane", "CORP"),
        ("jane\uff20corp.example.com", "jane", "corp.example.com"),
        ("\uff2a\uff21NE", "JANE", ""),
        ("a@b@c", "a@b", "c"),
        ("@corp", "@corp", ""),
        ("jane@", "jane@", ""),
        ("\\jane", "\\jane", ""),
        ("jane\\", "jane\\", ""),
    ],
)
def test_the_parts_of_a_name(text: str, account: str, domain: str) -> None:
    """An account and the domain beside it, whatever the width; a name without both sides is a bare one."""
    assert (typed_name(text).account, typed_name(text).domain) == (account, domain)


@pytest.mark.parametrize(
    "text", ["", "  ", "jan\u200be", "a\0b", "a\nb", "x" * 257, "jane\u00ad", "\ufdfa" * 100]
)
def test_what_no_directory_holds_is_refused(text: str) -> None:
    """Empty, invisible, broken and overlong names are refused before anything is asked."""
    with pytest.raises(UnsendableName):
        typed_name(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("jane", "(sAMAccountName=jane)"),
        ("CORP\\jane", "(sAMAccountName=jane)"),
        ("corp\\jane", "(sAMAccountName=jane)"),
        ("corp.example.com\\jane", "(sAMAccountName=jane)"),
        ("OTHER\\jane", "(sAMAccountName=OTHER\\5cjane)"),
        (
            "jane@Corp.example.com",
            (
                "(|(sAMAccountName=jane@Corp.example.com)(userPrincipalName=jane@Corp.example.com)"
                "(sAMAccountName=jane)(mail=jane@Corp.example.com))"
            ),
        ),
        (
            "jane@alias.example.com",
            (
                "(|(sAMAccountName=jane@alias.example.com)(userPrincipalName=jane@alias.example.com)"
                "(mail=jane@alias.example.com))"
            ),
        ),
        ("*)(a=*", "(sAMAccountName=\\2a\\29\\28a=\\2a)"),
    ],
)
def test_active_directory_is_asked_for(text: str, meant: str) -> None:
    """A bare name is an account's; with a domain it is a principal name, spelt out or implied, or a mail address."""
    assert person_filter(typed_name(text), CORP) == f"(&(objectClass=user){meant})"


def test_openldap_is_asked_for() -> None:
    """A name with a domain is a mail address, or a user name that is spelt so; a domain of ours implies one."""
    mail = "(|(uid=jane@example.com)(mail=jane@example.com))"
    both = "(|(uid=jane@example.com)(uid=jane)(mail=jane@example.com))"
    assert person_filter(typed_name("jane@example.com"), OPEN) == f"(&(objectClass=person){mail})"
    ours = replace(OPEN, domains=("example.com",))
    assert person_filter(typed_name("jane@example.com"), ours) == f"(&(objectClass=person){both})"
    assert person_filter(typed_name("CORP\\jane"), ours) == "(&(objectClass=person)(uid=CORP\\5cjane))"


def test_a_name_comes_before_a_mail_address() -> None:
    """Who writes somebody's principal name into their own mail address neither is that person nor is in the way."""
    jane = ("CN=Jane", {"sAMAccountName": [b"jane"], "userPrincipalName": [b"Jane@corp.example.com"]})
    mallory = ("CN=Mallory", {"sAMAccountName": [b"mallory"], "mail": [b"jane@corp.example.com"]})
    typed = typed_name("jane@corp.example.com")
    assert those_meant(typed, [mallory, jane], CORP) == [jane]
    assert those_meant(typed, [mallory], CORP) == [mallory]
    folded = ("CN=J", {"sAMAccountName": ["jané".encode()], "mail": [b"jane@corp.example.com"]})
    assert those_meant(typed, [mallory, folded], CORP) == [folded]
