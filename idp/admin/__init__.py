"""Django's admin for staff, at `/admin/`: rules are changed by people who see the consequence; records are read only.

Modules: base (the site, whose every door leads through our sign-in), mapping, people, access_sessions,
endings_due, regions, role_findings, audit, service_providers, keys. They call services and may touch tables.
Next door is `idp.portal`, which serves people.
"""

from idp.admin import (
    access_sessions,
    audit,
    endings_due,
    keys,
    mapping,
    people,
    regions,
    role_findings,
    service_providers,
)

__all__ = [
    "access_sessions",
    "audit",
    "endings_due",
    "keys",
    "mapping",
    "people",
    "regions",
    "role_findings",
    "service_providers",
]
