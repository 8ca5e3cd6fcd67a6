"""Clients of AWS, made once, and the one way in which they are asked: within time limits, tried again a few times.

Retries are ours alone, with full jitter, so that a person waits at most `GIVEN_UP_AFTER` and a struggling
AWS is not pressed.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from idp.domain.aws.signin import in_partition
from idp.domain.errors import Refused, Unavailable
from sts_bridge.aws.deadlines import answered_within
from sts_bridge.aws.errors import may_pass, our_refusal
from sts_bridge.conf import BridgeConfig
from sts_bridge.domain.credentials import TemporaryCredentials
from sts_bridge.domain.errors import AwsUnavailable, BrokerUnknown

GIVEN_UP_AFTER = timedelta(seconds=8)
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0
HOME_REGION = "us-east-1"
WITHOUT_IDENTITY = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ProfileNotFound)

logger = logging.getLogger("drawbridge.aws")
chance = random.SystemRandom()
# At DEBUG botocore writes statements and secrets into the log, whoever asked for DEBUG and of what.
logging.getLogger("botocore").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class _ClientKey:
    """What distinguishes one client from another."""

    service: str
    region: str
    endpoint: str | None
    connect_seconds: float
    read_seconds: float
    is_broker: bool = False


clients: dict[_ClientKey, Any] = {}
sessions: dict[str, Any] = {}
_making = threading.Lock()


def forget_clients() -> None:
    """The next client is made anew: connections are not shared with a parent process."""
    clients.clear()
    sessions.clear()


os.register_at_fork(after_in_child=forget_clients)


def unsigned_client(service: str, *, region: str, config: BridgeConfig) -> Any:
    """A client for what needs no credentials; ours, if there are any, are none of its business."""
    return _kept_client(service, region, config, is_broker=False)


def broker_client(service: str, *, region: str, config: BridgeConfig) -> Any:
    """A client that signs with the broker's own identity; is Unavailable where it has none."""
    return _kept_client(service, region, config, is_broker=True)


def client_with(credentials: TemporaryCredentials, service: str, *, region: str, config: BridgeConfig) -> Any:
    """A client that signs with these credentials; it is kept by nobody."""
    key = _key(service, region, config, is_broker=False)
    with _making:
        session = _session("plain", config)
    return session.client(
        service,
        region_name=region,
        endpoint_url=key.endpoint,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key.reveal(),
        aws_session_token=credentials.session_token.reveal(),
        config=_limits(key),
    )


def broker_is_temporary(config: BridgeConfig) -> bool:
    """Whether the broker's own credentials are those of a session, so that AWS calls a role they take chained.

    Is Unavailable where the broker has no identity.
    """
    try:
        with _making:
            session = _broker_session(HOME_REGION, config)
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found is not None else None
    except WITHOUT_IDENTITY as error:
        raise BrokerUnknown(type(error).__name__) from None
    if frozen is None:
        raise BrokerUnknown("no credentials were found")
    return frozen.token is not None


def _kept_client(service: str, region: str, config: BridgeConfig, *, is_broker: bool) -> Any:
    key = _key(service, region, config, is_broker=is_broker)
    with _making:
        if key not in clients:
            clients[key] = _new_client(key, config)
        return clients[key]


def _key(service: str, region: str, config: BridgeConfig, *, is_broker: bool) -> _ClientKey:
    endpoint = config.endpoint_of(service, region)
    return _ClientKey(service, region, endpoint, config.connect_seconds, config.read_seconds, is_broker)


def _new_client(key: _ClientKey, config: BridgeConfig) -> Any:
    try:
        session = _broker_session(key.region, config) if key.is_broker else _session("plain", config)
        return session.client(
            key.service,
            region_name=key.region,
            endpoint_url=key.endpoint,
            config=_limits(key, signed=key.is_broker),
        )
    except WITHOUT_IDENTITY as error:
        unknown = BrokerUnknown if key.is_broker else AwsUnavailable
        raise unknown(type(error).__name__) from None
    except BotoCoreError as error:
        raise AwsUnavailable(said(error)) from None


def _broker_session(region: str, config: BridgeConfig) -> Any:
    """The broker's identity in the partition of this region: one of its own there, or the usual one."""
    for partition, profile in config.broker_profiles.items():
        if in_partition(region, partition):
            name = f"broker of {partition}"
            if name not in sessions:
                sessions[name] = boto3.session.Session(profile_name=profile)
            return sessions[name]
    return _session("broker", config)


def _session(name: str, config: BridgeConfig) -> Any:
    """The session of this name; reading AWS's files and service models takes longer than a call."""
    if name not in sessions:
        if name == "plain":
            sessions[name] = boto3.session.Session()
        elif config.broker_access_key_id is not None:
            sessions[name] = boto3.session.Session(
                aws_access_key_id=config.broker_access_key_id,
                aws_secret_access_key=config.broker_secret_access_key,
            )
        else:
            sessions[name] = boto3.session.Session(profile_name=config.broker_profile)
    return sessions[name]


def _limits(key: _ClientKey, *, signed: bool = True) -> Any:
    return Config(
        signature_version=None if signed else botocore.UNSIGNED,
        connect_timeout=key.connect_seconds,
        read_timeout=key.read_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
        # Only the address that the start-up checks have seen; profiles on this machine do not count.
        ignore_configured_endpoint_urls=True,
        max_pool_connections=32,
        tcp_keepalive=True,
    )


def with_retries(call: Callable[[], dict[str, Any]], config: BridgeConfig) -> dict[str, Any]:
    """What the call answers; another try begins only if even the slowest would still end in time."""
    began_at = time.monotonic()
    slowest_try = config.connect_seconds + config.read_seconds
    for number in range(1, config.most_tries + 1):
        try:
            with answered_within(slowest_try):
                return call()
        except ClientError as error:
            answered = error.response.get("Error", {})
            code, status = answered.get("Code", ""), _status(error)
            refusal: Refused | Unavailable = our_refusal(
                code=code, message=answered.get("Message", ""), status=status
            )
            worth_it = may_pass(code, status)
        except (HTTPClientError, ResponseParserError, KeyError) as error:
            # The parser raises a bare KeyError for a document that is no answer of STS.
            refusal, worth_it = AwsUnavailable(said(error)), True
        except WITHOUT_IDENTITY as error:
            refusal, worth_it = BrokerUnknown(type(error).__name__), False
        except BotoCoreError as error:
            refusal, worth_it = AwsUnavailable(said(error)), False
        pause = chance.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**number))
        left = config.give_up_after - (time.monotonic() - began_at)
        if not worth_it or number == config.most_tries or left < pause + slowest_try:
            # What the library raised may quote the statement: it goes no further.
            raise refusal from None
        logger.info("sts.tried_again", extra={"facts": {"try": number, "cause": refusal.cause}})
        time.sleep(pause)
    raise Unavailable("no try was made")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def said(error: Exception) -> str:
    """The kind of the error and, for errors of the connection, which address it was."""
    return f"{type(error).__name__}: {error}" if isinstance(error, HTTPClientError) else type(error).__name__
