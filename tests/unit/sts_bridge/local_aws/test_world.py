"""The world file: what is written there exists, and nonsense stops the start with one clear sentence."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sts_bridge.local_aws.errors import WorldError
from sts_bridge.local_aws.statements.metadata import read_metadata
from sts_bridge.local_aws.world.load import load_world
from tests.attacks import forge
from tests.servers import aws_world


def written(folder: Path, world: object) -> Path:
    path = folder / "world.json"
    path.write_text(world if isinstance(world, str) else json.dumps(world))
    return path


def test_a_world_is_read(tmp_path: Path) -> None:
    """Accounts, providers and roles are found by their names; what is left out has its default."""
    world = load_world(written(tmp_path, forge.world()))
    assert world.accounts["aws", forge.ACCOUNT].title == f"payments-production ({forge.ACCOUNT})"
    assert world.accounts["aws", forge.OTHER_ACCOUNT].title == forge.OTHER_ACCOUNT
    assert world.providers[forge.PROVIDER].current().entity_id == forge.ISSUER
    assert world.roles[forge.ADMIN].longest_session == 43_200
    assert world.skew == timedelta(seconds=60)
    assert world.audiences["aws-us-gov"] == "urn:amazon:webservices:govcloud"
    assert not world.strict_replay
    assert load_world(written(tmp_path, forge.world()), strict_replay=True).strict_replay
    other = forge.world(audience={"aws": "urn:x"}, clock_skew_seconds=0, strict_replay=True)
    changed = load_world(written(tmp_path, other))
    assert (changed.audiences["aws"], changed.skew, changed.strict_replay) == ("urn:x", timedelta(), True)


def role(**changes: Any) -> dict[str, Any]:
    return {"roles": [forge.role(forge.ROLE) | changes]}


def provider(**changes: Any) -> dict[str, Any]:
    return {"saml_providers": [{"arn": forge.PROVIDER} | changes]}


METADATA = forge.metadata(forge.ISSUER, forge.key_pair().certificate_text)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sealing_key": "short"}, "sealing_key must be the base64 of 32 random bytes"),
        ({"sealing_key": None}, "sealing_key"),
        ({"sign_in_urls": []}, "sign_in_urls"),
        ({"sign_in_urls": ["/saml"]}, "sign_in_urls"),
        ({"sign_in_urls": ["http://x/saml#y"]}, "sign_in_urls"),
        ({"console_url": "console"}, "console_url"),
        ({"audience": {"aws-moon": "x"}}, "audience"),
        ({"audience": {"aws": ""}}, "audience"),
        ({"clock_skew_seconds": -1}, "clock_skew_seconds must be a whole number from 0 to 300"),
        ({"clock_skew_seconds": True}, "clock_skew_seconds"),
        ({"strict_replay": "yes"}, "strict_replay"),
        ({"accounts": "x"}, "accounts must be a list"),
        ({"accounts": [{"id": "123"}]}, "twelve digits"),
        ({"accounts": [{"id": "\u0661" * 12}]}, "twelve digits"),
        ({"accounts": [{"id": forge.ACCOUNT, "alias": "A B"}]}, "alias"),
        ({"accounts": [{"id": forge.ACCOUNT, "partition": "moon"}]}, "partition"),
        (provider(), "needs either metadata or metadata_file"),
        (provider(metadata=METADATA, metadata_file="x"), "needs either"),
        (provider(metadata="<x/>"), "could not parse metadata"),
        (provider(metadata="x"), "could not parse metadata"),
        (provider(metadata="<!DOCTYPE x>" + METADATA), "could not parse metadata"),
        (provider(metadata="\ufeff" + METADATA), "could not parse metadata"),
        (provider(metadata=METADATA.replace("MII", "!!!", 1)), "certificate cannot be read"),
        (provider(metadata=forge.metadata(forge.ISSUER, "")), "certificate cannot be read"),
        (provider(metadata=forge.metadata("", "")), "could not parse metadata"),
        (provider(metadata_file="missing.xml"), "missing.xml"),
        (provider(metadata=METADATA, arn="arn:aws:iam::999999999999:saml-provider/x"), "no SAML provider"),
        (provider(metadata=METADATA, arn="x"), "no SAML provider"),
        (role(arn=forge.ROLE.replace(forge.ACCOUNT, "999999999999")), "no role of a listed account"),
        (role(arn=forge.ROLE.replace("arn:aws:", "arn:aws-us-gov:")), "no role of a listed account"),
        (role(role_id="x"), "role_id"),
        (role(max_session_duration=3599), "max_session_duration must be a whole number from 3600 to 43200"),
        (role(trust_policy={}), "Statement"),
        (role(trust_policy=None), "trust policy"),
        ({"rolls": []}, "unknown keys: rolls"),
    ],
)
def test_nonsense_is_refused_with_its_place(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    """Each mistake is told in one sentence with file and place; the same world without it is read."""
    with pytest.raises(WorldError) as refusal:
        load_world(written(tmp_path, forge.world(**changes)))
    assert sentence in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert load_world(written(tmp_path, forge.world()))


def issuer(**changes: Any) -> dict[str, Any]:
    return {
        "arn": f"arn:aws:iam::{forge.ACCOUNT}:oidc-provider/idp.example.test/pool",
        "url": "https://idp.example.test/pool",
        "client_ids": ["x"],
    } | changes


def person(**changes: Any) -> dict[str, Any]:
    return {"users": [aws_world.user(aws_world.EVE, "eve") | changes]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (person(arn="arn:aws:iam::999999999999:user/eve"), "no user of a listed account"),
        (person(arn=forge.ROLE), "no user of a listed account"),
        (person(user_id="AROAEVE"), "user_id must begin with AIDA"),
        (person(access_keys=[{"id": "AKIA1", "secret": "x" * 40}]), "access key's id"),
        (person(access_keys=[{"id": "AKIA" + "A" * 16, "secret": "short"}]), "access key's secret"),
        (person(access_keys=[{"id": "AKIA" + "A" * 16, "secret": "x" * 40}] * 2), "stands here twice"),
        (person(mfa_devices=[{"serial": "x", "seed": "ab"}]), "device's seed"),
        (
            person(policies={"p": {"Statement": [{"Effect": "Allow"}]}}),
            "policy p: statement 1 needs an Action",
        ),
        (person(policies={"p q": aws_world.allow("*")}), "policies must map names"),
        (person(attached_policies=["arn:aws:iam::aws:policy/None"]), "no managed policy of this world"),
        (person(tags={"a": 1}), "tags must map"),
        (person(pasword="x"), "unknown keys: pasword"),
        (role(trust_policy=forge.trust(*(forge.PROVIDER, *["sts:x" * 100] * 10))), "longer than 4096"),
        (role(created_at="yesterday"), "created_at must be an instant"),
        (role(policies=[]), "policies must map names"),
        ({"managed_policies": {"x": {}}}, "policy x: it has no Statement"),
        ({"oidc_providers": [{"arn": "x"}]}, "no OpenID Connect provider"),
        (
            {"oidc_providers": [issuer(url="http://idp.example.test/pool")]},
            "must be https, or http on this machine",
        ),
        (
            {"oidc_providers": [issuer(url="https://idp.other.test/pool")]},
            "must end with the issuer's address",
        ),
        ({"oidc_providers": [issuer(client_ids=[])]}, "one to a hundred clients"),
        ({"oidc_providers": [issuer(ca_file="none.pem")]}, "none.pem"),
        ({"organization": []}, "organization must be an object"),
        ({"organization": {"id": "x", "management_account": forge.ACCOUNT}}, "organization's id"),
        ({"organization": {"id": "o-example1234", "management_account": "1"}}, "1 is no listed account"),
        ({"accounts": [{"id": forge.ACCOUNT, "state": "GONE"}]}, "state must be one of"),
        ({"accounts": [{"id": forge.ACCOUNT}, {"id": forge.ACCOUNT}]}, "stands here twice"),
        ({"requests_per_second": 0}, "requests_per_second must be a whole number from 1"),
        ({"delegations": [{"trade_in_token": "x", "role": "y"}]}, "no listed role"),
        ({"disabled_regions": "eu-west-1"}, "disabled_regions must be a list of texts"),
    ],
)
def test_mistakes_about_people_are_refused_with_their_place(
    changes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    """Users, keys, devices, policies, issuers and the organization: each mistake in one sentence."""
    with pytest.raises(WorldError, match=r"line [0-9]+: ") as refusal:
        load_world(written(tmp_path, forge.world(**changes)))
    assert sentence in str(refusal.value)
    lawful = forge.world(**person(), oidc_providers=[issuer()])
    assert load_world(written(tmp_path, lawful)).users[aws_world.EVE].user_id == "AIDAEVEEXAMPLE"


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ('"role_id": "AROA', '"role_id": "ROLE', None),
        ('"Effect": "Allow"', '"Effect": "allow"', '"trust_policy"'),
        (f'"id": "{forge.GOV_ACCOUNT}"', '"id": "77"', None),
        ('"strict_replay": true', '"strict_repaly": true', None),
        ('"audience": {}', '"audience": 1', None),
        ('"sign_in_urls": [', '"sign_in_urls": [7,', "[7,"),
        ('"max_session_duration": 3600', '"max_session_duration": 3', None),
        ('"accounts": [', '"accounts": [,', None),
    ],
)
def test_a_mistake_is_named_by_its_line(right: str, wrong: str, place: str | None, tmp_path: Path) -> None:
    """The line of the very thing that is wrong, or of what it stands in."""
    text = json.dumps(forge.world(audience={}, strict_replay=True), indent=1)
    assert load_world(written(tmp_path, text))
    spoiled = text.replace(right, wrong, 1)
    line = spoiled[: spoiled.index(place or wrong)].count("\n") + 1
    with pytest.raises(WorldError) as refusal:
        load_world(written(tmp_path, spoiled))
    assert f"world.json, line {line}: " in str(refusal.value)


def test_the_handbooks_example_starts(tmp_path: Path) -> None:
    """What the handbook shows is a world."""
    text = (Path(__file__).parents[4] / "deploy" / "README.md").read_text()
    example = text.split("```json\n")[-1].partition("```")[0]
    world = load_world(written(tmp_path, example))
    assert world.access_keys["AKIAABCDEFGHIJKLMNOP"].user.arn.name == "broker"


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '"x"'])
def test_a_file_that_is_no_object_is_refused(text: str, tmp_path: Path) -> None:
    """An unreadable world is no world, and a missing one neither."""
    for path in (written(tmp_path, text), tmp_path / "missing.json"):
        with pytest.raises(WorldError):
            load_world(path)


def test_metadata_is_read_anew_when_its_file_changes(tmp_path: Path) -> None:
    """A key roll-over that is registered later counts at once; a broken file leaves the old keys in force."""
    file = tmp_path / "idp.xml"
    file.write_text(METADATA)
    world = load_world(written(tmp_path, forge.world(**provider(metadata_file="idp.xml"))))
    registered = world.providers[forge.PROVIDER]
    first = registered.current()
    assert registered.current() is first
    both = forge.metadata(
        forge.ISSUER, forge.key_pair().certificate_text, forge.key_pair("next", "rsa-3072").certificate_text
    )
    file.write_text(both)
    assert len(registered.current().certificates) == 2
    file.write_text("<broken")
    assert len(registered.current().certificates) == 2
    file.unlink()
    assert len(registered.current().certificates) == 2
    other = tmp_path / "new.xml"
    other.write_text(METADATA)
    os.replace(other, file)  # noqa: PTH105 - as a careful writer does
    assert registered.current().certificates == first.certificates


def test_only_signing_keys_that_may_verify_are_taken() -> None:
    """Encryption keys, short keys and other curves are no signing keys; a key without a use serves for both."""
    text = forge.key_pair().certificate_text
    assert len(read_metadata(METADATA).certificates) == 1
    assert len(read_metadata(METADATA.replace(' use="signing"', "")).certificates) == 1
    assert read_metadata(METADATA.replace('use="signing"', 'use="encryption"')).certificates == ()
    assert read_metadata(forge.metadata(forge.ISSUER)).certificates == ()
    for name, kind in (("weak", "rsa-1024"), ("dsa", "dsa-2048"), ("p521", "ec-521")):
        weak = forge.key_pair(name, kind).certificate_text
        assert len(read_metadata(forge.metadata(forge.ISSUER, weak, text)).certificates) == 1
    elliptic = forge.key_pair("elliptic", "ec-256").certificate_text
    assert len(read_metadata(forge.metadata(forge.ISSUER, elliptic, text)).certificates) == 2
    wrapped = METADATA.replace(text, "\n".join(text[at : at + 64] for at in range(0, len(text), 64)))
    assert len(read_metadata(wrapped).certificates) == 1


def test_an_expired_certificate_is_not_in_force() -> None:
    """A certificate counts from its first to its last second."""
    certificate = forge.key_pair().certificate
    known = read_metadata(METADATA)
    assert known.certificates_at(datetime.now(UTC)) == (certificate,)
    second = timedelta(seconds=1)
    assert known.certificates_at(certificate.not_valid_after_utc + second) == ()
    assert known.certificates_at(certificate.not_valid_before_utc - second) == ()
