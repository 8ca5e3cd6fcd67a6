"""Person and chosen role → signed response, recorded: the one way to a signature."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from idp.conf.directories import tag_sources_of
from idp.conf.saml import saml_config
from idp.domain.access_session import AccessKind
from idp.domain.assertion import AssertionPlan, NewIds, plan_assertion
from idp.domain.aws.duration import GrantedDuration
from idp.domain.aws.role import Road
from idp.domain.aws.signin import SignInEndpoint, check_destination, home_region, sign_in_endpoint
from idp.domain.entitlements import Entitlement
from idp.domain.errors import Refused, Unavailable
from idp.domain.events import AuditEvent
from idp.domain.identity import DirectoryIdentity
from idp.domain.origin import Origin
from idp.models import User
from idp.models.compiled import insert_together
from idp.saml.keys import signing_keys
from idp.saml.responses import build_and_sign
from idp.services.access_events import offered_event, write_refusal
from idp.services.access_sessions import access_row
from idp.services.endings import write_unless_it_ends
from idp.services.grants import granted_role, identity_for_access, time_for
from idp.services.regions import usable_regions

BY_STATEMENT = frozenset({Road.SAML})


@dataclass(frozen=True, slots=True)
class IssuedStatement:
    """The finished document, where it goes, and what it gives; `saml_response` opens a session: never log it."""

    saml_response: str
    acs: str
    relay_state: str | None
    form_action: tuple[str, ...]
    entitlement: Entitlement
    granted: GrantedDuration
    access_number: UUID
    ends_by: datetime

    def __repr__(self) -> str:
        return f"IssuedStatement({self.access_number}, {self.entitlement.role.arn})"


class SignInSwitchedOff(Unavailable):
    """No address is left for a statement: an operator has taken every one out of use."""

    code = "sign-in-switched-off"
    sentence = "Your administrators have switched the sign-in to AWS off for the moment."


def issue_assertion(
    *,
    person: User,
    account: str,
    role_name: str,
    kind: AccessKind,
    region: str | None,
    destination: str | None,
    duration: timedelta | None,
    narrowing: str = "",
    origin: Origin,
    signed_in_at: datetime,
    now: datetime,
    ids: NewIds,
) -> IssuedStatement:
    """Sign a statement that this person may take this role; it is recorded before it leaves.

    Refuses with RoleNotGranted if no rule gives the role now, with AnotherRoad if the role is not opened by a
    statement, with MalformedDestination for an address that is no console of the account's partition, and with
    AccessEnds for a console that would end as soon as it is opened; is Unavailable if every sign-in is switched
    off, if the directory cannot be asked and the last complete answer is too old, or if there is no key to sign with.
    """
    try:
        identity = identity_for_access(person, now=now)
        entitlement = granted_role(identity, account, role_name, roads=BY_STATEMENT, now=now)
        endpoint = _endpoint(entitlement, region)
        relay_state = _relay_state(entitlement, destination)
        granted = time_for(
            entitlement,
            console=kind is AccessKind.CONSOLE,
            request=duration,
            signed_in_at=signed_in_at,
            now=now,
        ).granted
        plan = _plan(person, identity, entitlement, granted, endpoint, signed_in_at, now, ids)
        response = build_and_sign(plan, signing_keys().current)
        access = access_row(
            person=person,
            kind=kind,
            entitlement=entitlement,
            session_name=plan.session_name,
            assertion_id=plan.ids.assertion,
            narrowing=narrowing,
            ends_at=plan.access_ends_by,
            origin=origin,
            now=now,
        )
        event = offered_event(
            AuditEvent.ASSERTION_ISSUED,
            access,
            entitlement=entitlement,
            granted=plan.granted,
            origin=origin,
            now=now,
            details={"assertion": plan.ids.assertion, "recipient": plan.recipient},
        )
        if kind is AccessKind.CONSOLE:
            write_unless_it_ends(access, event)
        else:
            # What is redeemed here is looked at when AWS has answered, by AWS's own clock.
            insert_together(access, event)
    except Refused as refusal:
        asked = f"{account}/{role_name}"
        write_refusal(AuditEvent.ASSERTION_REFUSED, person, asked, refusal, origin=origin, now=now)
        raise
    return IssuedStatement(
        saml_response=response.base64_text,
        acs=endpoint.acs,
        relay_state=relay_state,
        form_action=endpoint.form_action,
        entitlement=entitlement,
        granted=plan.granted,
        access_number=access.pk,
        ends_by=plan.access_ends_by,
    )


def _endpoint(entitlement: Entitlement, region: str | None) -> SignInEndpoint:
    """The sign-in of the region that was asked for, or of the first configured one that may be used now.

    Where none of them may be, the usual one counts as its home region's: it is not used either if that is off.
    """
    config, partition = saml_config(), entitlement.role.arn.partition
    if region is None and config.signin_regions:
        usual = (home_region(partition),)
        usable = usable_regions(config.signin_regions, partition=partition, sign_in=True)
        region = next(iter(usable or usable_regions(usual, partition=partition, sign_in=True)), None)
        if region is None:
            raise SignInSwitchedOff(f"every sign-in of {partition} is switched off")
    return sign_in_endpoint(
        partition=partition, region=region, stand_in=config.stand_in, audiences=config.audiences
    )


def _relay_state(entitlement: Entitlement, destination: str | None) -> str | None:
    if destination is None:
        return None
    return check_destination(
        destination, partition=entitlement.role.arn.partition, stand_in=saml_config().stand_in
    )


def _plan(
    person: User,
    identity: DirectoryIdentity,
    entitlement: Entitlement,
    granted: GrantedDuration,
    endpoint: SignInEndpoint,
    signed_in_at: datetime,
    now: datetime,
    ids: NewIds,
) -> AssertionPlan:
    config = saml_config()
    return plan_assertion(
        identity=identity,
        entitlement=entitlement,
        granted=granted,
        endpoint=endpoint,
        issuer=config.entity_id,
        name_id=person.persistent_id,
        session_name=person.session_name or "",
        tag_sources=tag_sources_of(identity.directory),
        signed_in_at=signed_in_at,
        now=now,
        ids=ids,
    )
