"""SAML providers: `ListSAMLProviders`, `GetSAMLProvider`, `CreateSAMLProvider`, `UpdateSAMLProvider`.

Keys for encrypted statements and the mode of encryption are kept and shown; the local AWS does not decrypt.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Final

from sts_bridge.local_aws.arns import read_provider_arn
from sts_bridge.local_aws.callers import Caller
from sts_bridge.local_aws.errors import AwsError, WorldError
from sts_bridge.local_aws.iam.gate import allow, iam_caller, invalid_input, limit_exceeded, no_such_entity
from sts_bridge.local_aws.iam.private_keys import Change, apply, read_change
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.session_terms import read_tags
from sts_bridge.local_aws.statements.metadata import LARGEST_METADATA, read_metadata
from sts_bridge.local_aws.validation import Validator
from sts_bridge.local_aws.world.model import SamlProvider

_SMALLEST_METADATA: Final = 1_000
_MOST_PROVIDERS: Final = 100


def list_saml_providers(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the providers of the caller's account; this list has no pages."""
    caller = iam_caller(call, realm=realm, now=now)
    allow(call, caller, "ListSAMLProviders", "*", realm=realm, now=now)
    return {
        "SAMLProviderList": [
            {"Arn": provider.arn.text, "ValidUntil": provider.valid_until, "CreateDate": provider.created_at}
            for provider in realm.saml.of_account(caller.partition, caller.account)
        ]
    }


def get_saml_provider(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give one provider with its document, and what is kept for encrypted statements."""
    check = Validator(call.parameters, "iam")
    _, provider = _named(call, "GetSAMLProvider", check, realm=realm, now=now)
    provider.current()
    return {
        "SAMLProviderUUID": provider.unique_id,
        "SAMLMetadataDocument": provider.text,
        "CreateDate": provider.created_at,
        "ValidUntil": provider.valid_until,
        "Tags": [{"Key": key, "Value": value} for key, value in provider.tags.items()],
        "AssertionEncryptionMode": provider.encryption,
        "PrivateKeyList": [
            {"KeyId": number, "Timestamp": added_at}
            for number, added_at in realm.saml.private_keys(provider.arn.text)
        ],
    }


def create_saml_provider(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """A provider of this name exists from now on; refuses a second one, and metadata that cannot be read."""
    caller = iam_caller(call, realm=realm, now=now)
    check = Validator(call.parameters, "iam")
    document = check.text(
        "SAMLMetadataDocument", shortest=_SMALLEST_METADATA, longest=LARGEST_METADATA, secret=True
    )
    name = check.text("Name", shortest=1, longest=128, pattern=r"[\w._-]+")
    tags = read_tags(check)
    change = read_change(check)
    check.refuse_problems()
    arn = f"arn:{caller.partition}:iam::{caller.account}:saml-provider/{name}"
    allow(call, caller, "CreateSAMLProvider", arn, realm=realm, now=now)
    _refuse_unreadable(document)
    with realm.state.writing():
        if realm.saml.find(arn) is not None:
            raise AwsError(
                "EntityAlreadyExists",
                f"SAMLProvider {arn} already exists.",
                status=HTTPStatus.CONFLICT,
                reason="iam.provider.exists",
            )
        if len(realm.saml.of_account(caller.partition, caller.account)) >= _MOST_PROVIDERS:
            raise limit_exceeded(
                f"Cannot exceed quota for SAMLProvidersPerAccount: {_MOST_PROVIDERS}", "iam.provider.limit"
            )
        mode = apply(change, arn, None, realm=realm, now=now)
        realm.saml.write(arn, document, encryption=mode, tags=tags, now=now)
    shown = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"SAMLProviderArn": arn, "Tags": shown or None}


def update_saml_provider(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """The provider has the new document, key or mode; the next statement is held to it."""
    check = Validator(call.parameters, "iam")
    document = check.optional(
        "SAMLMetadataDocument", shortest=_SMALLEST_METADATA, longest=LARGEST_METADATA, secret=True
    )
    change = read_change(check)
    _, provider = _named(call, "UpdateSAMLProvider", check, realm=realm, now=now)
    if document is None and change == Change():
        raise invalid_input(
            "Unable to update identity provider. No updates are defined for metadata or encryption assertion.",
            "iam.provider.nothing",
        )
    if document is not None:
        _refuse_unreadable(document)
    with realm.state.writing():
        mode = apply(change, provider.arn.text, provider.encryption, realm=realm, now=now)
        realm.saml.write(
            provider.arn.text, document or provider.text, encryption=mode, tags=provider.tags, now=now
        )
    return {"SAMLProviderArn": provider.arn.text}


def _named(
    call: Call, action: str, check: Validator, *, realm: Realm, now: datetime
) -> tuple[Caller, SamlProvider]:
    caller = iam_caller(call, realm=realm, now=now)
    text = check.text("SAMLProviderArn", shortest=20, longest=2_048)
    check.refuse_problems()
    arn = read_provider_arn(text)
    if arn is None:
        raise invalid_input("Invalid ARN:  Could not be parsed!", "iam.provider.arn")
    allow(call, caller, action, text, realm=realm, now=now)
    provider = realm.saml.find(text) if arn.home == (caller.partition, caller.account) else None
    if provider is None:
        raise no_such_entity(f"Manifest not found for arn {text}", "iam.provider.unknown")
    return caller, provider


def _refuse_unreadable(document: str) -> None:
    try:
        identity = read_metadata(document)
    except WorldError as problem:
        raise invalid_input("Could not parse metadata.", "iam.metadata") from problem
    if not identity.certificates:
        raise invalid_input("Could not parse metadata. There is no signing key in it.", "iam.metadata.no_key")
