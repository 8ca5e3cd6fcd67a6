"""`AssumeRoleWithWebIdentity`: a token of a registered issuer in, temporary credentials out."""

from datetime import datetime, timedelta
from typing import Final

from sts_bridge.local_aws.arns import read_role_arn
from sts_bridge.local_aws.authorization import call_context, federated_may_take
from sts_bridge.local_aws.callers import role_caller
from sts_bridge.local_aws.errors import access_denied
from sts_bridge.local_aws.query import Call
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.session_terms import (
    narrow,
    read_policies,
    read_seconds,
    read_smallest_token,
    seconds_of_role,
)
from sts_bridge.local_aws.sts.answers import credentials_member, report, size_members
from sts_bridge.local_aws.sts.gate import refuse_disabled_region
from sts_bridge.local_aws.validation import ARN, NAME, Validator
from sts_bridge.local_aws.web_identity.claims import WebIdentity, read_identity
from sts_bridge.local_aws.web_identity.tokens import invalid_token, read_token, verified_claims
from sts_bridge.local_aws.world.model import RESERVED_ROLE, Role

NOT_AUTHORIZED: Final = "Not authorized to perform sts:AssumeRoleWithWebIdentity"

_DEFAULT_SECONDS = 3_600


def assume_role_with_web_identity(call: Call, *, realm: Realm, now: datetime) -> dict[str, object]:
    """Give the members of the result: credentials for the role, and whom the token spoke of.

    Refuses parameters outside their limits, a token that the issuer's keys did not sign or that is not meant for us
    and for now, an issuer that cannot be asked, and a role that does not trust it.
    """
    region = call.endpoint_region
    refuse_disabled_region(region, realm)
    check = Validator(call.parameters)
    role_arn = check.text("RoleArn", shortest=20, longest=2_048, pattern=ARN)
    session_name = check.text("RoleSessionName", shortest=2, longest=64, pattern=NAME)
    posted = check.text("WebIdentityToken", shortest=4, longest=20_000, secret=True)
    other_provider = check.optional("ProviderId", shortest=4, longest=2_048)
    seconds = read_seconds(check, largest=43_200, default=_DEFAULT_SECONDS)
    smallest_token = read_smallest_token(check)
    policy, arns = read_policies(check)
    check.refuse_problems()
    if other_provider is not None:
        raise invalid_token(
            "ProviderId is for OAuth 2.0 access tokens, which are not taken.", "oidc.provider_id"
        )
    identity = _identity(posted, role_arn, realm, now)
    narrowing = narrow(policy, arns, identity.tags)
    role = _find_role(role_arn, identity, realm)
    surroundings = call_context(call, now, region=region) | {
        "sts:rolesessionname": (session_name,),
        "sts:durationseconds": (str(seconds),),
    }
    _check_trust(identity, role, surroundings, realm)
    ends_at = now + timedelta(seconds=seconds_of_role(seconds, longest=role.longest_session, chained=False))
    session = role_caller(
        role,
        session_name,
        issued_at=now,
        ends_at=ends_at,
        source_identity=identity.source_identity,
        tags=identity.tags,
        transitive_tag_keys=identity.transitive_tag_keys,
        session_policy=narrowing.policy,
        session_policy_arns=narrowing.policy_arns,
        provider=identity.provider.arn.text,
    )
    realm.note_use(role.arn.text, region, now)
    credentials = realm.vault.issue(session, smallest_token=smallest_token)
    report(call, "AssumeRoleWithWebIdentity", session, credentials, by=identity.provider.arn.text)
    return {
        "Credentials": credentials_member(session, credentials),
        "SubjectFromWebIdentityToken": identity.subject,
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": narrowing.packed,
        "Provider": identity.provider.url,
        "Audience": identity.audience,
        "SourceIdentity": session.source_identity,
        **size_members(credentials),
    }


def _identity(posted: str, role_arn: str, realm: Realm, now: datetime) -> WebIdentity:
    """Find the issuer in the role's own account, and hold the token to its keys and to what it may say."""
    token, arn = read_token(posted), read_role_arn(role_arn)
    if arn is None:
        raise access_denied("sts.role.malformed", NOT_AUTHORIZED)
    address = token.unverified_issuer.partition("://")[2]
    provider = realm.world.oidc_providers.get(
        f"arn:{arn.partition}:iam::{arn.account}:oidc-provider/{address}"
    )
    if provider is None:
        raise invalid_token(
            f"No OpenIDConnect provider found in your account for {token.unverified_issuer[:256]}",
            "oidc.provider.unknown",
        )
    claims = verified_claims(token, provider=provider, keys=realm.issuer_keys, now=now)
    return read_identity(claims, provider=provider, skew=realm.world.skew, now=now)


def _find_role(role_arn: str, identity: WebIdentity, realm: Realm) -> Role:
    role = realm.world.roles.get(role_arn)
    if role is None or role.arn.name.startswith(RESERVED_ROLE) or role.arn.home != identity.provider.arn.home:
        raise access_denied("sts.role.unknown", NOT_AUTHORIZED)
    return role


def _check_trust(
    identity: WebIdentity, role: Role, surroundings: dict[str, tuple[str, ...]], realm: Realm
) -> None:
    actions = ["sts:AssumeRoleWithWebIdentity"]
    actions += ["sts:TagSession"] if identity.tags else []
    actions += ["sts:SetSourceIdentity"] if identity.source_identity is not None else []
    federated_may_take(
        role,
        actions,
        surroundings | identity.context(),
        provider=identity.provider.arn.text,
        subject=identity.subject,
        message=NOT_AUTHORIZED,
        vault=realm.vault,
    )
