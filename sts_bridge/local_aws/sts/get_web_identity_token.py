"""`GetWebIdentityToken`: a signed token that tells services elsewhere who the caller is."""

import json
import uuid
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from sts_bridge.local_aws.authorization import Attempt, authorize, caller_context
from sts_bridge.local_aws.callers import Caller
from sts_bridge.local_aws.errors import AwsError
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.session_terms import read_tags
from sts_bridge.local_aws.sts.answers import report
from sts_bridge.local_aws.sts.gate import sts_caller
from sts_bridge.local_aws.validation import Validator
from sts_bridge.local_aws.web_identity.outbound import ALGORITHMS, issuer_of, issues_tokens, outbound_key

_DEFAULT_SECONDS: Final = 300
_MOST_AUDIENCES = 10
# AWS publishes no limit.
_LARGEST_PAYLOAD = 4_096
_OWN_CLAIMS = "https://sts.amazonaws.com/"


def get_web_identity_token(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the token and its end.

    Refuses an account that issues none, a token that would outlive the caller's own session, and more tags than a
    token has room for.
    """
    caller = sts_caller(call, "GetWebIdentityToken", realm=realm, now=now)
    check = Validator(call.parameters)
    audiences = [
        check.text(name, shortest=1, longest=1_000)
        for name in check.members("Audience", most=_MOST_AUDIENCES, least=1)
    ]
    algorithm = check.text("SigningAlgorithm", shortest=1, longest=64)
    check.choice("SigningAlgorithm", ALGORITHMS)
    seconds = check.number("DurationSeconds", smallest=60, largest=3_600, default=_DEFAULT_SECONDS)
    tags = read_tags(check)
    check.refuse_problems()
    context = caller_context(call, caller, realm, now) | {
        "sts:identitytokenaudience": tuple(audiences),
        "sts:signingalgorithm": (algorithm,),
        "sts:durationseconds": (str(seconds),),
    }
    authorize(Attempt(caller, "sts:GetWebIdentityToken", "*", context), realm)
    ends_at = (now + timedelta(seconds=seconds)).replace(microsecond=0)
    _refuse_unlawful(caller, ends_at, realm)
    claims = _claims(caller, audiences, tags, realm) | {
        "iat": int(now.timestamp()),
        "exp": int(ends_at.timestamp()),
    }
    if len(json.dumps(claims)) > _LARGEST_PAYLOAD:
        raise AwsError(
            "JWTPayloadSizeExceededException",
            "The requested token payload size exceeds the maximum allowed size.",
            reason="sts.jwt.size",
        )
    report(call, "GetWebIdentityToken", caller)
    return {
        "WebIdentityToken": outbound_key(algorithm, realm.state).sign(claims),
        "Expiration": ends_at,
    }


def _refuse_unlawful(caller: Caller, ends_at: datetime, realm: Realm) -> None:
    if not issues_tokens(caller.account, realm.world):
        raise AwsError(
            "OutboundWebIdentityFederationDisabledException",
            "Outbound web identity federation is not enabled for this account.",
            status=HTTPStatus.FORBIDDEN,
            reason="sts.outbound.disabled",
        )
    if caller.ends_at is not None and ends_at > caller.ends_at:
        raise AwsError(
            "SessionDurationEscalationException",
            "The requested token duration would extend the session beyond its original expiration time.",
            status=HTTPStatus.FORBIDDEN,
            reason="sts.outbound.duration",
        )


def _claims(caller: Caller, audiences: list[str], tags: dict[str, str], realm: Realm) -> dict[str, Any]:
    own: dict[str, Any] = {"aws_account": caller.account, "principal_id": caller.principal_arn}
    if tags:
        own["request_tags"] = tags
    session_tags = dict(realm.tags_of(caller)) | dict(caller.tags)
    if session_tags:
        own["principal_tags"] = session_tags
    return {
        "iss": issuer_of(caller.account, realm.world),
        "sub": caller.principal_arn,
        "aud": audiences[0] if len(audiences) == 1 else audiences,
        "jti": str(uuid.uuid4()),
        _OWN_CLAIMS: own,
    }
