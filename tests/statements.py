"""Plans, keys and second opinions for tests of statements; every key is made when the tests start."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from idp.domain.assertion import (
    BACKDATED_FOR,
    PASSWORD_PROTECTED_TRANSPORT,
    PERSISTENT,
    VALID_FOR,
    AssertionPlan,
    NewIds,
)
from idp.domain.aws.attributes import PREFIX, SamlAttribute
from idp.domain.aws.duration import GrantedDuration, Limit
from idp.domain.self_description import SelfDescription
from idp.saml.key_making import KeyMade, make_key, promote_key
from idp.saml.keys import KeyRing, read_ring
from idp.saml.signing_key import SigningKey

DESCRIPTION = SelfDescription(
    display_name="Example",
    scope="example.test",
    logo="https://idp.example.test/static/portal/mark.svg",
    contact="saml@example.test",
)
ISSUER = "https://idp.example.test/saml/metadata"
RECIPIENT = "https://signin.aws.amazon.com/saml"
AUDIENCE = "urn:amazon:webservices"
ROLE = "arn:aws:iam::111122223333:role/ReadOnly"
PROVIDER = "arn:aws:iam::111122223333:saml-provider/drawbridge"

ATTRIBUTES = (
    SamlAttribute(f"{PREFIX}Role", (f"{ROLE},{PROVIDER}",)),
    SamlAttribute(f"{PREFIX}RoleSessionName", ("jane@example.test",)),
    SamlAttribute(f"{PREFIX}SessionDuration", ("3600",)),
    SamlAttribute(f"{PREFIX}SourceIdentity", ("jane@example.test",)),
    SamlAttribute(f"{PREFIX}PrincipalTag:CostCenter", ("4711",)),
    SamlAttribute(f"{PREFIX}TransitiveTagKeys", ("CostCenter",)),
)


def a_plan(*, now: datetime, **changes: Any) -> AssertionPlan:
    """An ordinary plan made at this moment, but for what is named."""
    issued_at = now.replace(microsecond=0)
    plan = AssertionPlan(
        ids=NewIds(f"_{'1' * 32}", f"_{'2' * 32}", f"_{'3' * 32}"),
        issuer=ISSUER,
        audience=AUDIENCE,
        recipient=RECIPIENT,
        name_id="5f0c1d6e3b8a4f0f9c5d2e7a1b4c8d90",
        name_id_format=PERSISTENT,
        issued_at=issued_at,
        not_before=issued_at - BACKDATED_FOR,
        not_on_or_after=issued_at + VALID_FOR,
        signed_in_at=issued_at - timedelta(minutes=7),
        authn_context=PASSWORD_PROTECTED_TRANSPORT,
        attributes=ATTRIBUTES,
        granted=GrantedDuration(timedelta(hours=1), Limit.RULE),
        session_name="jane@example.test",
    )
    return replace(plan, **changes)


def make(folder: Path, *, now: datetime, bits: int = 2048, days: int = 365) -> KeyMade:
    """A key in this folder, current or next."""
    return make_key(folder, bits=bits, days=days, name="drawbridge tests", now=now, record=nobody)


def promote(folder: Path, *, now: datetime) -> KeyMade:
    """The next key of this folder is the current one."""
    return promote_key(folder, now=now, record=nobody)


def keys_in(folder: Path, *, further: bool = False) -> Path:
    """A current key made on 2026-03-02 stands in this folder, and a next one if that is asked for.

    They are made once for all tests: making keys takes longer than most tests.
    """
    shutil.copytree(_made_once(further), folder, dirs_exist_ok=True)
    return folder


@functools.cache
def _made_once(further: bool) -> Path:  # noqa: FBT001 - the cache takes it by position
    top = tempfile.mkdtemp(prefix="drawbridge-keys-")
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    folder = Path(top, "keys")
    for _ in range(2 if further else 1):
        make(folder, now=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    return folder


def nobody(made: KeyMade) -> None:
    """Nothing is written down."""


def signing_key(bits: int = 2048, number: int = 0) -> SigningKey:
    """A key that holds from the beginning of 2026 for ten years; another number gives another key."""
    return _key_made_once(bits, number)


@functools.cache
def _key_made_once(bits: int, number: int) -> SigningKey:
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), now=begin, bits=bits, days=3_650)
        current = read_ring(Path(folder)).current
        assert isinstance(current, SigningKey)
        return current


def ring_of(*keys: SigningKey) -> KeyRing:
    """A ring of keys that stand in no file."""
    return KeyRing(keys[0], tuple(key.certificate for key in keys))


def xmlsec1_accepts(document: bytes, certificate: str, *, node: str) -> bool:
    """Whether the xmlsec1 program verifies the first signature at or below the element with this ID."""
    with tempfile.TemporaryDirectory() as folder:
        pem, file = Path(folder, "certificate.pem"), Path(folder, "document.xml")
        pem.write_text(f"-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n")
        file.write_bytes(document)
        run = subprocess.run(
            [
                "xmlsec1", "--verify",
                "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response",
                "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
                "--enabled-key-data", "raw-x509-cert", "--pubkey-cert-pem", pem, "--node-id", node, file,
            ],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
            check=False,
        )  # fmt: skip
    return run.returncode == 0
