"""Redeems a statement at STS: unsigned, within time limits, tried again a few times where that may help.

A client is made once per process and region. Retries are ours alone, with full jitter, so that a person
waits at most `GIVEN_UP_AFTER` and a struggling STS is not pressed.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from idp.domain.aws.arn import ProviderArn, RoleArn
from idp.domain.errors import Unavailable
from sts_bridge.aws.errors import may_pass, our_refusal
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import Secret, TemporaryCredentials
from sts_bridge.domain.errors import AwsUnavailable

MOST_TRIES = 3
GIVEN_UP_AFTER = timedelta(seconds=8)
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0

logger = logging.getLogger("drawbridge.aws")
chance = random.SystemRandom()
# At DEBUG botocore writes statements and secrets into the log, whoever asked for DEBUG and of what.
logging.getLogger("botocore").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class _ClientKey:
    """What distinguishes one client from another."""

    region: str
    endpoint: str | None
    connect_seconds: float
    read_seconds: float


clients: dict[_ClientKey, Any] = {}
_making = threading.Lock()
# Connections are not shared with a parent process.
os.register_at_fork(after_in_child=clients.clear)


def assume_role_with_saml(
    *,
    role: RoleArn,
    provider: ProviderArn,
    statement: str,
    duration: timedelta,
    region: str,
    config: BridgeConfig,
) -> TemporaryCredentials:
    """The credentials that STS gives for this statement.

    Refuses as STS refuses, in our words; is Unavailable where STS does not answer in time, asks us to slow
    down, or answers with something else than credentials of this role.
    """
    client = _client(region, config)
    answer = _with_retries(
        lambda: client.assume_role_with_saml(
            RoleArn=str(role),
            PrincipalArn=str(provider),
            SAMLAssertion=statement,
            DurationSeconds=int(duration.total_seconds()),
        ),
        config,
    )
    return _credentials(answer, role)


def ask_sts(*, region: str, config: BridgeConfig) -> datetime:
    """The moment that STS's clock shows; STS answers even a caller without credentials, with a refusal.

    Is Unavailable where something else answers, or nobody.
    """
    client = _client(region, config)
    try:
        answer = client.get_caller_identity()
    except ClientError as error:
        answer = error.response
    except (BotoCoreError, ResponseParserError) as error:
        raise AwsUnavailable(_said(error)) from None
    metadata = answer.get("ResponseMetadata", {})
    try:
        return parsedate_to_datetime(metadata["HTTPHeaders"]["date"]).astimezone(UTC)
    except (KeyError, ValueError) as error:
        raise AwsUnavailable(f"no moment in the answer: {type(error).__name__}") from None


def _client(region: str, config: BridgeConfig) -> Any:
    key = _ClientKey(region, config.sts_endpoint, config.connect_seconds, config.read_seconds)
    with _making:
        if key not in clients:
            clients[key] = _new_client(key)
        return clients[key]


def _new_client(key: _ClientKey) -> Any:
    try:
        return boto3.session.Session().client(
            "sts",
            region_name=key.region,
            endpoint_url=key.endpoint,
            config=Config(
                # A statement needs no other credentials, and ours, if there are any, are none of its business.
                signature_version=botocore.UNSIGNED,
                connect_timeout=key.connect_seconds,
                read_timeout=key.read_seconds,
                retries={"total_max_attempts": 1, "mode": "standard"},
                # Only the address that the start-up checks have seen; profiles on this machine do not count.
                ignore_configured_endpoint_urls=True,
                max_pool_connections=32,
                tcp_keepalive=True,
            ),
        )
    except BotoCoreError as error:
        raise AwsUnavailable(_said(error)) from None


def _with_retries(call: Callable[[], dict[str, Any]], config: BridgeConfig) -> dict[str, Any]:
    """What the call answers; another try begins only if even the slowest would still end in time."""
    began_at = time.monotonic()
    slowest_try = config.connect_seconds + config.read_seconds
    for number in range(1, MOST_TRIES + 1):
        try:
            return call()
        except ClientError as error:
            said = error.response.get("Error", {})
            code, status = said.get("Code", ""), _status(error)
            refusal = our_refusal(code=code, message=said.get("Message", ""), status=status)
            worth_it = may_pass(code, status)
        except (HTTPClientError, ResponseParserError, KeyError) as error:
            # The parser raises a bare KeyError for a document that is no answer of STS.
            refusal, worth_it = AwsUnavailable(_said(error)), True
        except BotoCoreError as error:
            refusal, worth_it = AwsUnavailable(_said(error)), False
        pause = chance.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**number))
        left = GIVEN_UP_AFTER.total_seconds() - (time.monotonic() - began_at)
        if not worth_it or number == MOST_TRIES or left < pause + slowest_try:
            # What the library raised may quote the statement: it goes no further.
            raise refusal from None
        logger.info("sts.tried_again", extra={"facts": {"try": number, "cause": refusal.cause}})
        time.sleep(pause)
    raise Unavailable("no try was made")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _said(error: Exception) -> str:
    """The kind of the error and, for errors of the connection, which address it was."""
    return f"{type(error).__name__}: {error}" if isinstance(error, HTTPClientError) else type(error).__name__


def _credentials(answer: dict[str, Any], role: RoleArn) -> TemporaryCredentials:
    try:
        given, assumed = answer["Credentials"], answer["AssumedRoleUser"]["Arn"]
        credentials = TemporaryCredentials(
            access_key_id=given["AccessKeyId"],
            secret_access_key=Secret(given["SecretAccessKey"]),
            session_token=Secret(given["SessionToken"]),
            expires_at=given["Expiration"].astimezone(UTC),
            assumed_role=assumed,
        )
    except KeyError as error:
        raise AwsUnavailable(f"STS answered without {error}") from None
    if not assumed.startswith(f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.name}/"):
        raise AwsUnavailable(f"STS answered for {assumed} instead of {role}")
    return credentials
