"""Names of audit events, `subject:matter:what-happened`; once written they never change their meaning."""

from enum import StrEnum


class AuditEvent(StrEnum):
    """Everything that the audit trail tells."""

    SIGN_IN_ADMITTED = "person:sign-in:admitted"
    SIGN_IN_REFUSED = "person:sign-in:refused"
    SIGN_IN_THROTTLED = "person:sign-in:throttled"
    SIGN_IN_UNAVAILABLE = "person:sign-in:unavailable"
    SIGNED_OUT = "person:sign-in:signed-out"
    STAFF_REFUSED = "person:admin:refused"
    STAFF_GIVEN = "person:admin:given"
    STAFF_TAKEN = "person:admin:taken"
    ROLES_LOST = "person:roles:lost"
    ASSERTION_ISSUED = "person:assertion:issued"
    ASSERTION_REFUSED = "person:assertion:refused"
    CREDENTIALS_ISSUED = "person:credentials:issued"
    CREDENTIALS_REFUSED = "person:credentials:refused"
    ACCESS_ENDED = "access:session:ended"
    ENDING_DUE = "access:session:ending-due"
    MAPPING_CHANGED = "admin:mapping:changed"
    MAPPING_IMPORTED = "admin:mapping:imported"
    SERVICE_PROVIDER_CHANGED = "admin:service-provider:changed"
    SERVICE_PROVIDER_PREVIEWED = "admin:service-provider:previewed"
    SERVICE_PROVIDER_REFRESHED = "service-provider:metadata:refreshed"
    SERVICE_PROVIDER_REFRESH_FAILED = "service-provider:metadata:failed"
    BREAK_GLASS_CREATED = "operator:break-glass:created"
    BREAK_GLASS_RESET = "operator:break-glass:reset"
    SIGNING_KEY_MADE = "operator:signing-key:made"
    SIGNING_KEY_PROMOTED = "operator:signing-key:promoted"
