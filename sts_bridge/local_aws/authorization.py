"""May this caller do this? The policies of the caller, of the session and of the resource, and what decided."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sts_bridge.local_aws.callers import Caller, Kind
from sts_bridge.local_aws.errors import AwsError, access_denied
from sts_bridge.local_aws.policies.decisions import Asker, Decision, Naming, Request, decide
from sts_bridge.local_aws.policies.documents import Policy
from sts_bridge.local_aws.policies.patterns import Context
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.signature_v4 import signed_region
from sts_bridge.local_aws.tokens import Vault
from sts_bridge.local_aws.world.model import Role

AUTHORIZATION_MESSAGE: Final = "authorization message"

# What DecodeAuthorizationMessage takes is ten thousand characters, sealed and in base64.
_ROOM_FOR_CONDITIONS: Final = 3_000
_MOST_FAILURES, _LONGEST_FAILURE = 10, 200
_ROOT: Final = Decision(allowed=True, decided_by="root user")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that a caller tries, and the condition keys of the call."""

    caller: Caller
    action: str
    resource: str
    context: Context

    def request(self) -> Request:
        """Give the same as policies are asked."""
        return Request(self.action, self.resource, self.context, self.caller.asker())


def call_context(call: Call, now: datetime, *, region: str | None) -> dict[str, tuple[str, ...]]:
    """Give the condition keys that every call fills, whoever makes it; the region is what was verified of it."""
    context = {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:sourceip": call.client,
        "aws:securetransport": "true" if call.is_secure else "false",
        "aws:useragent": next(iter(call.header("user-agent")), None),
        "aws:referer": next(iter(call.header("referer")), None),
        "aws:requestedregion": region,
    }
    return {key: (value,) for key, value in context.items() if value}


def caller_context(call: Call, caller: Caller, realm: Realm, now: datetime) -> dict[str, tuple[str, ...]]:
    """Give the condition keys of a call and of who has signed it."""
    return call_context(call, now, region=signed_region(call)) | caller.context(realm.tags_of(caller), now)


def authorize(attempt: Attempt, realm: Realm, *, trust: Policy | None = None) -> None:
    """Let the caller go on, or refuse with AccessDenied.

    With a trust policy both sides are asked: it must allow, and the caller's own policies must too unless it names
    somebody of its own account in person.
    """
    own = _own_decision(attempt, realm)
    if own.explicitly_denied:
        raise refusal(attempt, own, realm.vault, side="an identity-based policy")
    if trust is None:
        if not own.allowed:
            raise refusal(attempt, own, realm.vault, side="no identity-based policy")
        return
    trusted = decide((trust,), attempt.request(), by_trust=True)
    if not trusted.allowed:
        raise refusal(attempt, trusted, realm.vault, side="a resource-based policy")
    home = tuple(attempt.resource.split(":")[at] for at in (1, 4))
    in_person = trusted.naming is Naming.PERSON and home == (attempt.caller.partition, attempt.caller.account)
    if in_person:
        own = _session_decision(attempt, realm)
    if not own.allowed:
        # In the same words as above: whoever may not learns nothing of whom a role trusts.
        raise refusal(attempt, own, realm.vault, side="a resource-based policy")


def federated_may_take(
    role: Role,
    actions: Iterable[str],
    context: Context,
    *,
    provider: str,
    subject: str,
    message: str,
    vault: Vault,
) -> None:
    """Let somebody whom a provider vouches for take a role, or refuse with AccessDenied and AWS's short sentence."""
    known = {**context, "aws:federatedprovider": (provider,), "aws:resourceaccount": (role.arn.account,)}
    for action in actions:
        request = Request(action, role.arn.text, known, Asker(provider=provider))
        decision = decide((role.trust_policy,), request, by_trust=True)
        if not decision.allowed:
            error = access_denied(f"sts.trust.{action.partition(':')[2]}", message)
            error.details = decision.reason
            error.encoded = encode(request, decision, vault, arn=provider, of=subject)
            raise error


def is_denied(attempt: Attempt, realm: Realm) -> bool:
    """Tell whether some policy of the caller denies this in so many words."""
    return _own_decision(attempt, realm).explicitly_denied


def refusal(attempt: Attempt, decision: Decision, vault: Vault, *, side: str) -> AwsError:
    """Give the refusal, with what decided: in the log, and sealed for whoever may have it decoded."""
    message = (
        f"User: {attempt.caller.arn} is not authorized to perform: {attempt.action} "
        f"on resource: {attempt.resource}"
    )
    if decision.explicitly_denied:
        message += f" with an explicit deny in {side}"
    elif side.startswith("no "):
        message += f" because {side} allows the {attempt.action} action"
    error = access_denied(f"policy.{attempt.action.partition(':')[2]}", message)
    error.details = decision.reason
    error.encoded = encode(
        attempt.request(), decision, vault, arn=attempt.caller.arn, of=attempt.caller.user_id
    )
    return error


def encode(request: Request, decision: Decision, vault: Vault, *, arn: str, of: str) -> str:
    """Give the explanation of a refusal, sealed for the account of what was asked for."""
    explanation = {
        "allowed": decision.allowed,
        "explicitDeny": decision.explicitly_denied,
        "matchedStatements": {"items": [decision.decided_by] if decision.decided_by else []},
        "failures": {"items": [failure[:_LONGEST_FAILURE] for failure in decision.failures[:_MOST_FAILURES]]},
        "context": {
            "principal": {"id": of, "arn": arn},
            "action": request.action,
            "resource": request.resource,
            "conditions": {"items": _told(request.context)},
        },
    }
    account = (request.resource.split(":") + [""] * 5)[4] or arn.split(":")[4]
    message = json.dumps(explanation, separators=(",", ":"))
    return vault.seal(AUTHORIZATION_MESSAGE, {"account": account, "message": message})


def _told(context: Context) -> list[Mapping[str, object]]:
    """Give the condition keys of a request; as many as the message has room for."""
    told: list[Mapping[str, object]] = []
    room = _ROOM_FOR_CONDITIONS
    for key, values in sorted(context.items()):
        told.append({"key": key, "values": {"items": [{"value": value} for value in values]}})
        room -= len(json.dumps(told[-1]))
        if room < 0:
            return told[:-1]
    return told


def _own_decision(attempt: Attempt, realm: Realm) -> Decision:
    """Give what the caller's policies say: the session's narrow those of the role or user."""
    caller, request = attempt.caller, attempt.request()
    own = decide(realm.permissions(caller), request, by_trust=False)
    if caller.is_root and not own.explicitly_denied:
        own = _ROOT
    if not own.allowed:
        return own
    session = _session_decision(attempt, realm)
    return own if session.allowed else session


def _session_decision(attempt: Attempt, realm: Realm) -> Decision:
    """Give what the session's own policies say; without any, a federated user may do nothing, others all."""
    policies = realm.session_policies(attempt.caller)
    if not policies and attempt.caller.kind is not Kind.FEDERATED:
        return Decision(allowed=True)
    return decide(policies, attempt.request(), by_trust=False)
