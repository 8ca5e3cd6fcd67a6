"""One entry read: OpenLDAP's and Active Directory's forms, and what is no clean value."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from idp.conf.directories import DirectoryConfig
from idp.directory.entries import id_filter, identity_of, immutable_id_of, texts, username_of
from idp.domain.errors import DirectoryUnavailable, Malformed
from idp.domain.identity import AccountState

OPENLDAP = DirectoryConfig(
    name="directory",
    uris=(),
    bind_dn="",
    bind_password="",
    user_base="ou=people,dc=example,dc=test",
    user_filter="(objectClass=inetOrgPerson)",
    group_base="ou=groups,dc=example,dc=test",
    group_filter="(objectClass=groupOfNames)",
    starttls=True,
    ca_file="",
    id_attribute="entryUUID",
    username_attribute="uid",
    display_name_attribute="cn",
    mail_attribute="mail",
    member_attribute="member",
    extra_attributes=(),
)
ACTIVE_DIRECTORY = replace(OPENLDAP, id_attribute="objectGUID", username_attribute="sAMAccountName")


@pytest.mark.spec("RFC 4530", "2", "entryUUID is a UUID as text")
def test_entry_uuid_in_lower_case() -> None:
    """The identifier has one spelling, whatever the server's."""
    entry = {"entryUUID": [b"93CC6FA8-7B52-1041-8701-77538DFB15D4"]}
    assert immutable_id_of(entry, OPENLDAP) == "93cc6fa8-7b52-1041-8701-77538dfb15d4"
    assert immutable_id_of({"ENTRYuuid": entry["entryUUID"]}, OPENLDAP) == immutable_id_of(entry, OPENLDAP)


@pytest.mark.spec("MS-DTYP", "2.3.4.2", "a GUID begins little-endian on the wire")
def test_object_guid_there_and_back() -> None:
    """Active Directory's sixteen bytes become the usual text, and the filter for it the same bytes again."""
    octets = bytes.fromhex("33221100554477668899aabbccddeeff")
    text = immutable_id_of({"objectGUID": [octets]}, ACTIVE_DIRECTORY)
    assert text == "00112233-4455-6677-8899-aabbccddeeff"
    escaped = "".join(f"\\{octet:02x}" for octet in octets)
    assert id_filter(text, ACTIVE_DIRECTORY) == f"(objectGUID={escaped})"
    with pytest.raises(Malformed):
        id_filter("*", ACTIVE_DIRECTORY)
    assert id_filter("*", OPENLDAP) == "(entryUUID=\\2a)"


@pytest.mark.parametrize(
    "values", [[], [b"a", b"b"], [b""], [b"\xff\xfe"], [b"with blank"], [b"a" * 101], [b"x)(uid=*"]]
)
def test_no_identifier_is_no_answer(values: list[bytes]) -> None:
    """Missing, doubled or misshapen identifiers never become a person."""
    with pytest.raises(DirectoryUnavailable):
        immutable_id_of({"entryUUID": values}, OPENLDAP)
    assert immutable_id_of({"entryUUID": [b"one"]}, OPENLDAP) == "one"


def test_a_guid_of_another_length_is_no_answer() -> None:
    """Fifteen bytes are no GUID; sixteen are."""
    with pytest.raises(DirectoryUnavailable):
        immutable_id_of({"objectGUID": [bytes(15)]}, ACTIVE_DIRECTORY)
    assert immutable_id_of({"objectGUID": [bytes(16)]}, ACTIVE_DIRECTORY) == str(uuid.UUID(int=0))


@pytest.mark.parametrize(
    "value", [b"\xff", b"a\nb", b"a\x00b", b"", b"   ", b"a" * 2_049, "a\u2028b".encode(), "a\x85b".encode()]
)
def test_unclean_values_are_left_out(value: bytes) -> None:
    """Binary, broken, empty and overlong values vanish; clean ones come trimmed and in one order."""
    assert texts({"description": [b" b ", value, b"a"]}, "description") == ("a", "b")


def test_every_mail_address_is_kept_in_one_order() -> None:
    """However the server orders them, all are there, and the first of the alphabet is the one that is shown."""
    attributes = {
        "uid": [b"jane"],
        "entryUUID": [b"7d4b6a52"],
        "mail": [b"jane@b.test", b"jane@a.test", b"\xff"],
    }
    for entry in (attributes, attributes | {"mail": attributes["mail"][::-1]}):
        identity = identity_of(
            ("uid=jane,ou=people", entry),
            groups=(),
            state=AccountState.ENABLED,
            config=OPENLDAP,
            asked_at=datetime.now(UTC),
        )
        assert (identity.mail, identity.mails) == ("jane@a.test", ("jane@a.test", "jane@b.test"))


def test_the_user_name_is_the_one_in_the_entrys_name() -> None:
    """Of several names the entry's own is taken, then the first in order; none at all is no answer."""
    entry = {"uid": [b"zed", b"abe"]}
    assert username_of(("uid=zed,ou=people", entry), OPENLDAP) == "zed"
    assert username_of(("cn=Zed,ou=people", entry), OPENLDAP) == "abe"
    assert username_of(("no name at all", entry), OPENLDAP) == "abe"
    with pytest.raises(DirectoryUnavailable):
        username_of(("uid=zed,ou=people", {"uid": [b"\xff"]}), OPENLDAP)
