"""AWS error codes as our refusals; an unknown code is `Unavailable` (STS API Reference, Errors)."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from idp.domain.errors import Refused, Unavailable
from sts_bridge.domain.errors import (
    AwsUnavailable,
    BrokerUnknown,
    NothingThere,
    PolicyFull,
    RegionSwitchedOff,
    RoleDoesNotTrustUs,
    SessionTooLong,
    StatementNotAccepted,
    StatementTooOld,
    TokenIssuerUnknown,
    TooManyTags,
)

REFUSALS: Mapping[str, type[Refused]] = MappingProxyType(
    {
        "AccessDenied": RoleDoesNotTrustUs,
        "ExpiredTokenException": StatementTooOld,
        "IDPCommunicationError": TokenIssuerUnknown,
        "IDPRejectedClaim": StatementNotAccepted,
        "InvalidIdentityToken": StatementNotAccepted,
        "LimitExceeded": PolicyFull,
        "MalformedPolicyDocument": TooManyTags,
        "NoSuchEntity": NothingThere,
        "PackedPolicyTooLarge": TooManyTags,
        "RegionDisabledException": RegionSwitchedOff,
    }
)
# A signed call whose signer AWS does not know: whoever set the broker up must mend it.
UNKNOWN_SIGNER = frozenset(
    {
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
THROTTLING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequestsException",
    }
)
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
LONGEST_MESSAGE = 200
# AWS's validation messages quote what was sent, and a statement opens a session while it is young.
something_encoded = re.compile(r"eyJ[A-Za-z0-9_.-]+|[A-Za-z0-9+/=%]{64,}", re.ASCII)


def may_pass(code: str, status: int) -> bool:
    """Whether asking again soon may help: AWS is throttling, or did not do well itself."""
    return code in THROTTLING or status == TOO_MANY_REQUESTS or status >= SERVER_ERROR


def our_refusal(*, code: str, message: str, status: int) -> Refused | Unavailable:
    """AWS's error in our words; the cause keeps its code and message without anything encoded."""
    said = something_encoded.sub("…", message)[:LONGEST_MESSAGE]
    cause = f"AWS {status} {code}: {said}"
    if may_pass(code, status):
        return AwsUnavailable(cause)
    if code in UNKNOWN_SIGNER:
        return BrokerUnknown(cause)
    if code == "ValidationError" and "MaxSessionDuration" in message:
        return SessionTooLong(cause)
    kind = REFUSALS.get(code)
    return kind(cause) if kind is not None else AwsUnavailable(cause)
