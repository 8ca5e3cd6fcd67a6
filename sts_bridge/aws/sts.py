"""The operations of STS that give credentials: each answers with credentials of what was asked for, or refuses.

A statement or a token is redeemed unsigned; the rest is signed by the broker's own identity, or
by the credentials of the hub role through which it goes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from idp.domain.aws.arn import ProviderArn, RoleArn
from sts_bridge.aws.clients import broker_client, client_with, said, unsigned_client, with_retries
from sts_bridge.aws.deadlines import answered_within
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import Secret, TemporaryCredentials
from sts_bridge.domain.errors import AwsUnavailable
from sts_bridge.domain.session_policy import SessionPolicy

assumed_grammar = re.compile(
    r"arn:(?P<partition>[a-z-]+):sts::(?P<account>[0-9]{12}):assumed-role/(?P<name>[^/]+)/.+", re.ASCII
)

WHOLE_ROOM = 100


@dataclass(frozen=True, slots=True)
class SessionWish:
    """What every session is asked for with: how long, how narrow, and what is said of the person."""

    name: str
    duration: timedelta
    policy: SessionPolicy
    external_id: str = ""
    source_identity: str = ""
    tags: Mapping[str, str] | None = None
    transitive_tags: tuple[str, ...] = ()


def assume_role_with_saml(
    *,
    role: RoleArn,
    provider: ProviderArn,
    statement: str,
    duration: timedelta,
    policy: SessionPolicy,
    region: str,
    config: BridgeConfig,
) -> TemporaryCredentials:
    """The credentials that STS gives for this statement.

    Refuses as STS refuses, in our words; is Unavailable where STS does not answer in time, asks us to slow
    down, or answers with something else than credentials of this role.
    """
    client = unsigned_client("sts", region=region, config=config)
    parameters = {
        "RoleArn": str(role),
        "PrincipalArn": str(provider),
        "SAMLAssertion": statement,
        "DurationSeconds": _seconds(duration),
        **_policy_parameters(policy),
    }
    call = partial(client.assume_role_with_saml, **parameters)
    return _credentials_of_role(call, role, duration, config)


def assume_role_with_web_identity(
    *, role: RoleArn, token: str, wish: SessionWish, region: str, config: BridgeConfig
) -> TemporaryCredentials:
    """The credentials that STS gives for this token of an issuer; unsigned, and otherwise as above."""
    client = unsigned_client("sts", region=region, config=config)
    parameters = {
        "RoleArn": str(role),
        "RoleSessionName": wish.name,
        "WebIdentityToken": token,
        "DurationSeconds": _seconds(wish.duration),
        **_policy_parameters(wish.policy),
    }
    call = partial(client.assume_role_with_web_identity, **parameters)
    return _credentials_of_role(call, role, wish.duration, config)


def assume_role(
    *,
    role: RoleArn,
    wish: SessionWish,
    by: TemporaryCredentials | None,
    region: str,
    config: BridgeConfig,
) -> TemporaryCredentials:
    """The credentials that STS gives the broker, or the holder of these credentials, for this role.

    Refuses and is Unavailable as above; also where the broker has no identity.
    """
    if by is None:
        client = broker_client("sts", region=region, config=config)
    else:
        client = client_with(by, "sts", region=region, config=config)
    parameters: dict[str, Any] = {
        "RoleArn": str(role),
        "RoleSessionName": wish.name,
        "DurationSeconds": _seconds(wish.duration),
        **_policy_parameters(wish.policy),
        **_tag_parameters(wish),
    }
    if wish.external_id:
        parameters["ExternalId"] = wish.external_id
    if wish.source_identity:
        parameters["SourceIdentity"] = wish.source_identity
    return _credentials_of_role(partial(client.assume_role, **parameters), role, wish.duration, config)


def get_federation_token(
    *, partition: str, wish: SessionWish, region: str, config: BridgeConfig
) -> TemporaryCredentials:
    """The credentials of a federated user of this name in the broker's own account; refuses as above."""
    client = broker_client("sts", region=region, config=config)
    parameters = {
        "Name": wish.name,
        "DurationSeconds": _seconds(wish.duration),
        **_policy_parameters(wish.policy),
        **_tag_parameters(wish),
    }
    answer = with_retries(lambda: client.get_federation_token(**parameters), config)
    arn = _member(answer, "FederatedUser", "Arn")
    if not (arn.startswith(f"arn:{partition}:sts::") and arn.endswith(f":federated-user/{wish.name}")):
        raise AwsUnavailable(f"STS answered for {arn} instead of the federated user {wish.name}")
    return _credentials(answer, arn, wish.duration)


def who_is_the_broker(*, region: str, config: BridgeConfig) -> str:
    """The ARN of the broker's own identity; for a role that somebody has taken, the role's.

    Is Unavailable where the broker has no identity or STS does not answer.
    """
    client = broker_client("sts", region=region, config=config)
    arn = str(with_retries(client.get_caller_identity, config)["Arn"])
    found = assumed_grammar.fullmatch(arn)
    return f"arn:{found['partition']}:iam::{found['account']}:role/{found['name']}" if found else arn


def ask_sts(*, region: str, config: BridgeConfig) -> datetime:
    """The moment that STS's clock shows; STS answers even a caller without credentials, with a refusal.

    Is Unavailable where something else answers, or nobody.
    """
    client = unsigned_client("sts", region=region, config=config)
    try:
        with answered_within(config.connect_seconds + config.read_seconds):
            answer = client.get_caller_identity()
    except ClientError as error:
        answer = error.response
    except (BotoCoreError, ResponseParserError, KeyError) as error:
        # The parser raises a bare KeyError for a document that is no answer of STS.
        raise AwsUnavailable(said(error)) from None
    moment = _answered_at(answer)
    if moment is None:
        raise AwsUnavailable("no moment in the answer")
    return moment


def _answered_at(answer: dict[str, Any]) -> datetime | None:
    """The moment of an answer by the clock of whoever gave it, in whole seconds; None where it tells none."""
    try:
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
    except (KeyError, OverflowError, ValueError):
        return None


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


def _policy_parameters(policy: SessionPolicy) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if policy.document:
        parameters["Policy"] = policy.document
    if policy.managed:
        parameters["PolicyArns"] = [{"arn": arn} for arn in policy.managed]
    return parameters


def _tag_parameters(wish: SessionWish) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if wish.tags:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in wish.tags.items()]
    if transitive := [key for key in wish.transitive_tags if key in (wish.tags or {})]:
        parameters["TransitiveTagKeys"] = transitive
    return parameters


def _credentials_of_role(
    call: Callable[[], dict[str, Any]], role: RoleArn, asked_for: timedelta, config: BridgeConfig
) -> TemporaryCredentials:
    answer = with_retries(call, config)
    assumed = _member(answer, "AssumedRoleUser", "Arn")
    if not assumed.startswith(f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.name}/"):
        raise AwsUnavailable(f"STS answered for {assumed} instead of {role}")
    return _credentials(answer, assumed, asked_for)


def _member(answer: dict[str, Any], structure: str, name: str) -> str:
    try:
        return str(answer[structure][name])
    except KeyError as error:
        raise AwsUnavailable(f"STS answered without {error}") from None


def _credentials(answer: dict[str, Any], who: str, asked_for: timedelta) -> TemporaryCredentials:
    try:
        given = answer["Credentials"]
        return TemporaryCredentials(
            access_key_id=given["AccessKeyId"],
            secret_access_key=Secret(given["SecretAccessKey"]),
            session_token=Secret(given["SessionToken"]),
            issued_at=_issued_at(answer, given["Expiration"].astimezone(UTC), asked_for),
            expires_at=given["Expiration"].astimezone(UTC),
            assumed_role=who,
            packed_percent=_packed_percent(answer),
        )
    except KeyError as error:
        raise AwsUnavailable(f"STS answered without {error}") from None


def _issued_at(answer: dict[str, Any], expires_at: datetime, asked_for: timedelta) -> datetime:
    """The latest moment, by AWS's clock, at which these credentials can have been issued.

    They end at their issue and the length asked for, or earlier where a statement shortened them; and they were
    issued before the answer was dated. Whatever dates it on the way, they were not issued after their own end: a
    denial up to that date would close the role for as long.
    """
    answered_at = _answered_at(answer) or expires_at - asked_for
    return max(expires_at - asked_for, min(answered_at, expires_at))


def _packed_percent(answer: dict[str, Any]) -> int | None:
    """What STS says the policies and tags take of its room; what is no percentage is nothing worth keeping."""
    told = answer.get("PackedPolicySize")
    return told if isinstance(told, int) and 0 <= told <= WHOLE_ROOM else None
