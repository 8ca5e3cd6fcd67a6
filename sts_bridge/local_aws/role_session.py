"""From a posted statement to a role taken: the one way, for STS and for the console."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sts_bridge.local_aws.authorization import federated_may_take
from sts_bridge.local_aws.callers import Caller, role_caller
from sts_bridge.local_aws.errors import NOT_AUTHORIZED, AwsError, access_denied, invalid_statement
from sts_bridge.local_aws.policies.patterns import Context
from sts_bridge.local_aws.realm import Realm
from sts_bridge.local_aws.session_terms import Narrowing, seconds_of_role
from sts_bridge.local_aws.statements.attributes import SessionWish, read_wish
from sts_bridge.local_aws.statements.checks import Expectation, check_claims, check_response
from sts_bridge.local_aws.statements.claims import Claims, read_claims
from sts_bridge.local_aws.statements.context import attribute_keys
from sts_bridge.local_aws.statements.gate import GatedStatement
from sts_bridge.local_aws.statements.grammar import SAML
from sts_bridge.local_aws.statements.verify import verify
from sts_bridge.local_aws.world.model import RESERVED_ROLE, Role, SamlProvider

DEFAULT_SECONDS: Final = 3_600

ENCRYPTION_REQUIRED: Final = (
    "The provider requires encrypted SAML assertions, and the local AWS does not decrypt."
)

_PLAIN_FORMATS = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
_WIDE = Narrowing(policy=None, policy_arns=(), packed=0)
# Longer than any statement is taken: ten minutes of life and the tolerance on both ends.
_KEEP_MARKS_FOR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class AcceptedStatement:
    """A statement that is signed by the named provider, meant for us, and in time."""

    provider: SamlProvider
    claims: Claims
    recipient: str
    wish: SessionWish

    @property
    def subject_type(self) -> str:
        """The format of the name, short for those of SAML 2.0, as AWS gives it."""
        return self.claims.name_id_format.removeprefix(_PLAIN_FORMATS)

    @property
    def name_qualifier(self) -> str:
        """AWS's fingerprint of issuer, account and provider name."""
        text = f"{self.claims.issuer}{self.provider.arn.account}/{self.provider.arn.name}"
        return base64.b64encode(hashlib.sha1(text.encode(), usedforsecurity=False).digest()).decode()

    def context(self) -> dict[str, tuple[str, ...]]:
        """Give the keys that a trust policy may ask for."""
        wish = self.wish
        context = attribute_keys(self.claims.attributes) | {
            "saml:aud": (self.recipient,),
            "saml:doc": (f"{self.provider.arn.account}/{self.provider.arn.name}",),
            "saml:iss": (self.claims.issuer,),
            "saml:namequalifier": (self.name_qualifier,),
            "saml:sub": (self.claims.name_id or "",),
            "saml:sub_type": (self.subject_type,),
            "sts:rolesessionname": (wish.session_name,),
        }
        if wish.source_identity is not None:
            context["sts:sourceidentity"] = (wish.source_identity,)
        if wish.tags:
            context["aws:tagkeys"] = tuple(wish.tags)
            context |= {f"aws:requesttag/{key.lower()}": (value,) for key, value in wish.tags.items()}
        if wish.transitive_tag_keys:
            context["sts:transitivetagkeys"] = wish.transitive_tag_keys
        return context

    def kept_keys(self) -> dict[str, str]:
        """Give the three keys that every later call of the session still carries."""
        return {
            "saml:namequalifier": self.name_qualifier,
            "saml:sub": self.claims.name_id or "",
            "saml:sub_type": self.subject_type,
        }


def accept_statement(
    statement: GatedStatement, *, provider: SamlProvider, realm: Realm, now: datetime
) -> AcceptedStatement:
    """Give what a statement says once its signature and every check of it holds; refuses it otherwise."""
    if provider.encryption == "Required":
        raise invalid_statement("saml.encryption.required", ENCRYPTION_REQUIRED)
    identity = provider.current()
    verified = verify(statement, provider=identity, now=now)
    expected = Expectation(
        entity_id=identity.entity_id,
        audience=realm.world.audiences[provider.arn.partition],
        sign_in_urls=realm.world.sign_in_urls,
        skew=realm.world.skew,
        now=now,
    )
    check_response(verified, expected)
    claims = read_claims(verified.assertion)
    recipient = check_claims(claims, verified.assertion.find(f"{{{SAML}}}Issuer"), expected)
    return AcceptedStatement(
        provider=provider, claims=claims, recipient=recipient, wish=read_wish(claims.attributes)
    )


def take_role(
    accepted: AcceptedStatement,
    *,
    role_arn: str,
    seconds: int,
    realm: Realm,
    surroundings: Context,
    now: datetime,
    narrowing: Narrowing = _WIDE,
) -> Caller:
    """Give the session of a role that the statement names and that trusts its provider.

    Refuses a role that is not paired with this provider, a trust policy that does not allow all that is
    asked, a time beyond the role's longest, and, in a strict world, a second use.
    """
    role = _find_role(accepted, role_arn, realm)
    _check_trust(accepted, role, {**surroundings, "sts:durationseconds": (str(seconds),)}, realm)
    seconds = seconds_of_role(seconds, longest=role.longest_session, chained=False)
    ends_at = now + timedelta(seconds=min(seconds, accepted.wish.session_seconds or seconds))
    if accepted.claims.session_ends_at is not None:
        ends_at = min(ends_at, accepted.claims.session_ends_at)
    mark = (accepted.claims.issuer, accepted.claims.assertion_id, role.arn.text)
    if (realm.world.strict_replay or accepted.claims.one_time_use) and not realm.state.claim(
        mark, until=now + _KEEP_MARKS_FOR, now=now
    ):
        raise invalid_statement("saml.replay")
    return role_caller(
        role,
        accepted.wish.session_name,
        issued_at=now,
        ends_at=ends_at,
        source_identity=accepted.wish.source_identity,
        tags=accepted.wish.tags,
        transitive_tag_keys=accepted.wish.transitive_tag_keys,
        session_policy=narrowing.policy,
        session_policy_arns=narrowing.policy_arns,
        provider=accepted.provider.arn.text,
        kept_keys=accepted.kept_keys(),
    )


def _find_role(accepted: AcceptedStatement, role_arn: str, realm: Realm) -> Role:
    provider = accepted.provider.arn
    try:
        pairs = accepted.wish.pairs()
    except AwsError as malformed:
        # The sign-in page calls such a statement invalid; STS only says no.
        raise access_denied(malformed.reason) from malformed
    if (role_arn, provider.text) not in {(role.text, named.text) for role, named in pairs}:
        raise access_denied("sts.role.not_in_statement")
    role = realm.world.roles.get(role_arn)
    if role is None or role.arn.name.startswith(RESERVED_ROLE):
        raise access_denied("sts.role.unknown")
    if role.arn.home != provider.home:
        raise access_denied("sts.role.other_account")
    return role


def _check_trust(accepted: AcceptedStatement, role: Role, surroundings: Context, realm: Realm) -> None:
    actions = ["sts:AssumeRoleWithSAML"]
    if accepted.wish.tags:
        actions.append("sts:TagSession")
    if accepted.wish.source_identity is not None:
        actions.append("sts:SetSourceIdentity")
    federated_may_take(
        role,
        actions,
        {**surroundings, **accepted.context()},
        provider=accepted.provider.arn.text,
        subject=accepted.claims.name_id or "",
        message=NOT_AUTHORIZED,
        vault=realm.vault,
    )
