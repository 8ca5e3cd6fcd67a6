"""`AssertionPlan`: every value a statement will carry, with its validity window; keys and XML come later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.domain.aws.attributes import SamlAttribute, aws_attributes
from idp.domain.aws.duration import GrantedDuration
from idp.domain.aws.signin import SignInEndpoint
from idp.domain.entitlements import Entitlement
from idp.domain.errors import RoleNotGranted
from idp.domain.identity import DirectoryIdentity

# AWS documents no tolerance for clocks; it redeems within five minutes of the issue.
BACKDATED_FOR = timedelta(seconds=60)
VALID_FOR = timedelta(minutes=5)
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
PASSWORD_PROTECTED_TRANSPORT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 - a class of SAML AuthnContext


@dataclass(frozen=True, slots=True)
class NewIds:
    """Fresh identifiers for one statement: xs:ID values of at least 128 random bits (SAML Core 1.3.4)."""

    response: str
    assertion: str
    session_index: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPlan:
    """Everything one response says to a service; `not_on_or_after` bounds its use, not the session that follows."""

    ids: NewIds
    issuer: str
    audience: str
    recipient: str
    name_id: str
    name_id_format: str
    issued_at: datetime
    not_before: datetime
    not_on_or_after: datetime
    signed_in_at: datetime
    authn_context: str
    attributes: tuple[SamlAttribute, ...]
    name_qualifier: str = ""
    sp_name_qualifier: str = ""
    in_response_to: str = ""
    session_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionPlan(StatementPlan):
    """What one response says to AWS; `granted` is how long the session lasts that follows."""

    granted: GrantedDuration
    session_name: str

    @property
    def access_ends_by(self) -> datetime:
        """When a session begun at the last possible moment is over: we never learn when the statement is used."""
        return self.not_on_or_after + self.granted.duration


def plan_assertion(
    *,
    identity: DirectoryIdentity,
    entitlement: Entitlement,
    granted: GrantedDuration,
    endpoint: SignInEndpoint,
    issuer: str,
    name_id: str,
    session_name: str,
    tag_sources: Mapping[str, str],
    signed_in_at: datetime,
    now: datetime,
    ids: NewIds,
) -> AssertionPlan:
    """The plan of a statement that this person takes this role.

    Refuses someone whose account may receive nothing or who is not in the group that gave the role, and
    attributes that AWS would refuse.

    `tag_sources` maps each allow-listed tag key to the directory attribute that fills it. Moments are
    cut to whole seconds, which is what every reader of SAML understands.
    """
    if not identity.may_go_on or entitlement.ground.group not in identity.groups:
        raise RoleNotGranted(f"{entitlement.role.arn} was not given to {identity.account_key}")
    issued_at = now.replace(microsecond=0)
    return AssertionPlan(
        ids=ids,
        issuer=issuer,
        audience=endpoint.audience,
        recipient=endpoint.acs,
        name_id=name_id,
        name_id_format=PERSISTENT,
        issued_at=issued_at,
        not_before=issued_at - BACKDATED_FOR,
        not_on_or_after=issued_at + VALID_FOR,
        signed_in_at=signed_in_at.replace(microsecond=0),
        authn_context=PASSWORD_PROTECTED_TRANSPORT,
        attributes=aws_attributes(
            role=entitlement.role,
            granted=granted,
            session_name=session_name,
            directory_attributes=identity.attributes,
            tag_sources=tag_sources,
        ),
        granted=granted,
        session_name=session_name,
    )
