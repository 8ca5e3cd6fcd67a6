"""Tables, thin: fields, constraints in the database, named filters. No decisions, no network, no signals.

Only services and the admin touch them. Modules: user, mapping, mapping_version, session, throttle,
directory_snapshot, access_session, ending_due, audit, service_provider, service_session, saml_exchange.
"""

from idp.models.access_session import AccessSession
from idp.models.audit import AuditRecord
from idp.models.directory_snapshot import DirectorySnapshot
from idp.models.ending_due import EndingDue, EndingState, RoleEnding, RoleLease, RoleRoom
from idp.models.key_confirmation import KeyAbsence, KeyConfirmation
from idp.models.mapping import Account, Role, Rule
from idp.models.mapping_version import MappingVersion
from idp.models.region_health import RegionHealth
from idp.models.role_finding import AccountCheck, RoleFinding
from idp.models.saml_exchange import ClaimedMessage, ParkedRequest, RefusalCount
from idp.models.service_provider import (
    EntryNameId,
    PersistentNameId,
    ServiceProvider,
    SubjectIdentifier,
)
from idp.models.service_session import LogoutRun, ServiceSession
from idp.models.session import SiteSession
from idp.models.throttle import SignInCounter
from idp.models.user import User

__all__ = [
    "AccessSession",
    "Account",
    "AccountCheck",
    "AuditRecord",
    "ClaimedMessage",
    "DirectorySnapshot",
    "EndingDue",
    "EndingState",
    "EntryNameId",
    "KeyAbsence",
    "KeyConfirmation",
    "LogoutRun",
    "MappingVersion",
    "ParkedRequest",
    "PersistentNameId",
    "RefusalCount",
    "RegionHealth",
    "Role",
    "RoleEnding",
    "RoleFinding",
    "RoleLease",
    "RoleRoom",
    "Rule",
    "ServiceProvider",
    "ServiceSession",
    "SignInCounter",
    "SiteSession",
    "SubjectIdentifier",
    "User",
]
