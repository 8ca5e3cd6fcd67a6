"""`AssumeRole`: somebody with keys takes a role that trusts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sts_bridge.local_aws.authorization import Attempt, authorize, caller_context
from sts_bridge.local_aws.callers import Caller, Kind, role_caller
from sts_bridge.local_aws.errors import access_denied, validation_error
from sts_bridge.local_aws.policies.documents import Policy
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.session_terms import (
    UNBOUNDED,
    narrow,
    read_policies,
    read_seconds,
    read_smallest_token,
    read_source_identity,
    read_tags,
    read_transitive_keys,
    seconds_of_role,
)
from sts_bridge.local_aws.signature_v4 import signed_region
from sts_bridge.local_aws.sts.answers import credentials_member, report, size_members
from sts_bridge.local_aws.sts.gate import sts_caller
from sts_bridge.local_aws.sts.mfa import proven_at, read_factor
from sts_bridge.local_aws.validation import ARN, NAME, Validator
from sts_bridge.local_aws.world.model import RESERVED_ROLE, Role

DEFAULT_SECONDS: Final = 3_600

_MOST_CONTEXTS = 5
_TRUSTS_NOBODY = Policy("trust policy", ())


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the call asks for, its shape checked and nothing else."""

    role_arn: str
    session_name: str
    seconds: int
    smallest_token: int
    policy: str | None
    policy_arns: tuple[str, ...]
    tags: Mapping[str, str]
    transitive_keys: tuple[str, ...]
    source_identity: str | None
    external_id: str | None
    factor: tuple[str | None, str | None]
    context_providers: tuple[str, ...]


def assume_role(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the members of the result: credentials for the role.

    Refuses parameters outside their limits, a role that does not exist or does not trust the caller, a caller who
    may not, more than an hour for a role taken by a role, and a change of what a session has inherited.
    """
    caller = sts_caller(call, "AssumeRole", realm=realm, now=now)
    wish = _read_wish(call)
    if wish.context_providers:
        raise access_denied("sts.context_provider", "The context provider is not registered.")
    tags, transitive = _inherit_tags(caller, wish)
    source_identity = _inherit_source_identity(caller, wish)
    narrowing = narrow(wish.policy, wish.policy_arns, tags)
    mfa_at = proven_at(wish.factor, caller, realm=realm, now=now)
    context = caller_context(call, caller, realm, now)
    if mfa_at is not None:
        context |= {
            "aws:multifactorauthpresent": ("true",),
            "aws:multifactorauthage": (str(int((now - mfa_at).total_seconds())),),
        }
    role = _trusting_role(caller, wish, tags, source_identity, context=context, realm=realm)
    chained = caller.kind is Kind.ROLE
    seconds = seconds_of_role(wish.seconds, longest=role.longest_session, chained=chained)
    session = role_caller(
        role,
        wish.session_name,
        issued_at=now,
        ends_at=now + timedelta(seconds=seconds),
        source_identity=source_identity,
        tags=tags,
        transitive_tag_keys=transitive,
        session_policy=narrowing.policy,
        session_policy_arns=narrowing.policy_arns,
        chained=chained,
        mfa_at=mfa_at,
    )
    realm.note_use(role.arn.text, signed_region(call), now)
    credentials = realm.vault.issue(session, smallest_token=wish.smallest_token)
    report(call, "AssumeRole", session, credentials, by=caller.arn)
    return {
        "Credentials": credentials_member(session, credentials),
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": narrowing.packed,
        "SourceIdentity": session.source_identity,
        **size_members(credentials),
    }


def _read_wish(call: Call) -> _Wish:
    check = Validator(call.parameters)
    tags = read_tags(check)
    policy, policy_arns = read_policies(check, longest=UNBOUNDED)
    wish = _Wish(
        role_arn=check.text("RoleArn", shortest=20, longest=2_048, pattern=ARN),
        session_name=check.text("RoleSessionName", shortest=2, longest=64, pattern=NAME),
        seconds=read_seconds(check, largest=43_200, default=DEFAULT_SECONDS),
        smallest_token=read_smallest_token(check),
        policy=policy,
        policy_arns=policy_arns,
        tags=tags,
        transitive_keys=read_transitive_keys(check, tags),
        source_identity=read_source_identity(check),
        external_id=check.optional("ExternalId", shortest=2, longest=1_224, pattern=r"[\w+=,.@:\/-]*"),
        factor=read_factor(check),
        context_providers=_read_contexts(check),
    )
    check.refuse_problems()
    return wish


def _read_contexts(check: Validator) -> tuple[str, ...]:
    names = check.members("ProvidedContexts", most=_MOST_CONTEXTS)
    for name in names:
        check.optional(f"{name}.ContextAssertion", shortest=4, longest=2_048, secret=True)
    return tuple(
        check.optional(f"{name}.ProviderArn", shortest=20, longest=2_048, pattern=ARN) or "" for name in names
    )


def _inherit_tags(caller: Caller, wish: _Wish) -> tuple[dict[str, str], tuple[str, ...]]:
    """Give the tags of the session: what travels along from the last one cannot be set again."""
    inherited = {key: caller.tags[key] for key in caller.transitive_tag_keys if key in caller.tags}
    taken = {key.casefold() for key in inherited}
    if any(key.casefold() in taken for key in wish.tags):
        raise validation_error(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session.",
            "sts.tags.inherited",
        )
    return inherited | dict(wish.tags), (*inherited, *wish.transitive_keys)


def _inherit_source_identity(caller: Caller, wish: _Wish) -> str | None:
    """Give the source identity, which stays the same through a chain of roles."""
    if caller.source_identity is None or wish.source_identity in {None, caller.source_identity}:
        return wish.source_identity or caller.source_identity
    raise access_denied(
        "sts.source_identity.changed",
        f"User: {caller.arn} is not authorized to perform: sts:SetSourceIdentity on resource: {wish.role_arn}",
    )


def _trusting_role(
    caller: Caller,
    wish: _Wish,
    tags: Mapping[str, str],
    source_identity: str | None,
    *,
    context: dict[str, tuple[str, ...]],
    realm: Realm,
) -> Role:
    """Give the role once everything that is asked of it is allowed; one that does not exist trusts nobody.

    So the answer is the same for both, and nobody learns which roles there are.
    """
    if caller.is_root:
        raise access_denied("sts.role.root", "Roles may not be assumed by root accounts.")
    role = realm.world.roles.get(wish.role_arn)
    if role is not None and (
        role.arn.partition != caller.partition or role.arn.name.startswith(RESERVED_ROLE)
    ):
        role = None
    context = context | _wished_context(wish, role, tags, source_identity)
    actions = ["sts:AssumeRole"]
    actions += ["sts:TagSession"] if tags else []
    actions += ["sts:SetSourceIdentity"] if source_identity is not None else []
    for action in actions:
        attempt = Attempt(caller, action, wish.role_arn, context)
        authorize(attempt, realm, trust=role.trust_policy if role else _TRUSTS_NOBODY)
    if role is None:
        raise access_denied("sts.role.unknown")
    return role


def _wished_context(
    wish: _Wish, role: Role | None, tags: Mapping[str, str], source_identity: str | None
) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {
        "sts:rolesessionname": (wish.session_name,),
        "sts:durationseconds": (str(wish.seconds),),
    }
    if wish.external_id is not None:
        context["sts:externalid"] = (wish.external_id,)
    if source_identity is not None:
        context["sts:sourceidentity"] = (source_identity,)
    if tags:
        context["aws:tagkeys"] = tuple(tags)
        context |= {f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()}
    if wish.transitive_keys:
        context["sts:transitivetagkeys"] = wish.transitive_keys
    if role is not None:
        context["aws:resourceaccount"] = (role.arn.account,)
    for key, value in (role.tags if role else {}).items():
        context[f"aws:resourcetag/{key.lower()}"] = context[f"iam:resourcetag/{key.lower()}"] = (value,)
    return context
