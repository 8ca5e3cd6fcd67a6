"""What a statement becomes: the values AWS computes from it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sts_bridge.local_aws.arns import read_pair, read_provider_arn, read_role_arn
from sts_bridge.local_aws.realm import Realm, realm_of
from sts_bridge.local_aws.role_session import AcceptedStatement, accept_statement
from sts_bridge.local_aws.state import State
from sts_bridge.local_aws.statements.gate import admit
from sts_bridge.local_aws.world.load import load_world
from tests.attacks import forge
from tests.unit.sts_bridge.local_aws.test_world import written

VECTOR = "arn:aws:iam::123456789012:saml-provider/MySAMLIdP"


def accepted(realm: Realm, statement: forge.Statement, provider: str = VECTOR) -> AcceptedStatement:
    return accept_statement(
        admit(forge.encode(forge.signed(statement, "both"))),
        provider=realm.world.providers[provider],
        realm=realm,
        now=datetime.now(UTC),
    )


@pytest.fixture
def realm(tmp_path: Path) -> Realm:
    text = forge.metadata("https://example.com/saml", forge.key_pair().certificate_text)
    changes = {
        "accounts": [{"id": "123456789012"}],
        "saml_providers": [{"arn": VECTOR, "metadata": text}],
        "roles": [],
    }
    world = load_world(written(tmp_path, forge.world(**changes)))
    return realm_of(world, State())


def test_the_name_qualifier_is_the_documented_one(realm: Realm) -> None:
    """Base64 of SHA-1 over issuer, account, slash and provider name: the known vector."""
    statement = forge.Statement(issuer="https://example.com/saml")
    assert accepted(realm, statement).name_qualifier == "1uAJanUnBc2XeUkHURMht+xam2c="


def test_formats_of_saml_2_are_shortened_and_others_are_not(realm: Realm) -> None:
    """`persistent`, but the whole name of a SAML 1.1 format."""
    statement = forge.Statement(issuer="https://example.com/saml")
    assert accepted(realm, statement).subject_type == "persistent"
    address = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    other = forge.Statement(issuer="https://example.com/saml", name_id_format=address)
    assert accepted(realm, other).subject_type == address


def test_the_context_holds_only_what_the_statement_says(realm: Realm) -> None:
    """Keys that the statement does not fill are absent."""
    statement = forge.Statement(issuer="https://example.com/saml")
    context = accepted(realm, statement).context()
    assert context["saml:aud"] == (forge.RECIPIENT,)
    assert context["saml:doc"] == ("123456789012/MySAMLIdP",)
    assert not {"sts:sourceidentity", "aws:tagkeys", "sts:transitivetagkeys"} & context.keys()
    more = statement.with_attributes(
        PrincipalTag__Team="risk", SourceIdentity="ada", TransitiveTagKeys="Team"
    )
    context = accepted(realm, more).context()
    assert context["aws:requesttag/team"] == ("risk",)
    assert context["aws:tagkeys"] == context["sts:transitivetagkeys"] == ("Team",)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arn:aws:iam::111122223333:role/Admin", "Admin"),
        ("arn:aws-us-gov:iam::111122223333:role/a/b,c/Ad,min=+@.-_1", "Ad,min=+@.-_1"),
        ("arn:aws:iam::111122223333:role/", None),
        ("arn:aws:iam::111122223333:role/a b", None),
        ("arn:aws:iam::11112222333:role/Admin", None),
        ("arn:aws-moon:iam::111122223333:role/Admin", None),
        ("arn:aws:sts::111122223333:role/Admin", None),
        ("arn:aws:iam::111122223333:user/Admin", None),
        ("arn:aws:iam::111122223333:role/Admin\n", None),
        ("arn:aws:iam::111122223333:role/" + "x" * 65, None),
    ],
)
def test_role_names_are_read(text: str, name: str | None) -> None:
    """A role with its path, in a known partition, and nothing around it."""
    found = read_role_arn(text)
    assert (found.name if found else None) == name


def test_a_comma_in_a_role_name_does_not_split_the_pair() -> None:
    """Role names may hold commas; a pair is split before `arn:` only."""
    role, provider = "arn:aws:iam::111122223333:role/a,b", "arn:aws:iam::111122223333:saml-provider/x"
    for text in (f"{role},{provider}", f"{provider},{role}"):
        pair = read_pair(text)
        assert pair is not None
        assert (pair[0].text, pair[1].text) == (role, provider)
    assert read_pair(role) is None
    assert read_provider_arn(provider + "/y") is None
