"""May this person take this role now, and for how long: the one decision behind every road to AWS."""

from datetime import datetime, timedelta

from idp.conf.access import access_config
from idp.domain.aws.account_limits import HubNotAllowed
from idp.domain.aws.duration import HonestTime, honest_time
from idp.domain.aws.role import AnotherRoad, PartitionOff, Road
from idp.domain.entitlements import Entitlement, find_entitlement_by_name
from idp.domain.errors import RoleNotGranted
from idp.domain.identity import DirectoryIdentity
from idp.models import User
from idp.services.identity import current_identity
from idp.services.rules import current_rules


def identity_for_access(person: User, *, now: datetime) -> DirectoryIdentity:
    """The person as the directory answers now; refuses whoever is in no directory: they take no role by a click."""
    if person.is_local or person.is_workload:
        raise RoleNotGranted("neither a local administrator nor a workload takes a role by a click")
    return current_identity(person, now=now)


def granted_role(
    identity: DirectoryIdentity, account: str, role_name: str, *, roads: frozenset[Road], now: datetime
) -> Entitlement:
    """The entitlement to this role by the rules of this moment.

    Refuses with RoleNotGranted if no rule gives it, and only then with PartitionOff, with HubNotAllowed, or with
    AnotherRoad if it is not opened so: whoever has not the role learns nothing about it.
    """
    entitlement = find_entitlement_by_name(identity, current_rules(), account, role_name, now=now)
    limits, role = access_config().accounts, entitlement.role
    if problem := limits.partition_problem(role.arn.partition):
        raise PartitionOff(problem)
    if role.road is Road.BROKER and role.hub is not None and (problem := limits.hub_problem(role.hub)):
        raise HubNotAllowed(problem)
    if entitlement.role.road not in roads:
        raise AnotherRoad(f"{entitlement.role.arn} has the road {entitlement.role.road}")
    return entitlement


def road_of(account: str, role_name: str) -> Road:
    """The road that the role of this name is registered with; an unknown one is refused on the usual road."""
    book = current_rules()
    arn = book.registered(account, role_name)
    return book.roles[arn].road if arn is not None else Road.SAML


def time_for(
    entitlement: Entitlement,
    *,
    console: bool,
    request: timedelta | None,
    signed_in_at: datetime,
    now: datetime,
) -> HonestTime:
    """For how long the role is given, with every limit that was asked; the same before the click and at it."""
    config = access_config()
    sign_in_left = signed_in_at + config.absolute_for - now if config.access_ends_with_sign_in else None
    return honest_time(
        console=console,
        role=entitlement.role.longest,
        rule=entitlement.ground.rule.duration,
        request=request,
        assertion=sign_in_left,
        chained=entitlement.role.is_chained,
    )
