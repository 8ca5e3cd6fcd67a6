"""A small mapping over the demo company, for the tests of this folder."""

from typing import Any

import pytest
import yaml
from django.utils import timezone

from deploy.demo import company
from idp.domain.errors import Malformed
from idp.models import AuditRecord, MappingVersion
from idp.services.mapping import ImportReport, export_mapping, import_mapping

READ = "arn:aws:iam::111122223333:role/ReadOnly"
ADMIN = "arn:aws:iam::111122223333:role/Admin"
ACCOUNT = {
    "id": "111122223333",
    "name": "Payments production",
    "environment": "production",
    "partition": "aws",
    "provider": "drawbridge",
}
PATTERN = "AWS-(?P<account>[0-9]{12})-(?P<role>[A-Za-z0-9+=,.@_-]{1,64})"
AWS_UNIT = "ou=aws,ou=groups,dc=example,dc=test"


def group(name: str, unit: str = "") -> dict[str, str]:
    """The group of the demo company as files name it."""
    return {"id": company.group_id(name, unit), "dn": company.group_dn(name, unit)}


def auditors(**changes: Any) -> dict[str, Any]:
    """A rule for the auditors: helen, ivan, juergen."""
    return {"name": "auditors read", "group": group("auditors"), "role": READ, "effect": "allow"} | changes


def by_name(**changes: Any) -> dict[str, Any]:
    """A rule for the groups below ou=aws."""
    return {"name": "by name", "pattern": PATTERN, "base": AWS_UNIT, "effect": "allow"} | changes


def document(*rules: dict[str, Any], **changes: Any) -> bytes:
    """The file with one account, two roles and these rules."""
    parts: dict[str, Any] = {
        "accounts": [ACCOUNT],
        "roles": [{"arn": READ, "longest": "4h"}, {"arn": ADMIN}],
        "rules": list(rules),
    }
    return yaml.safe_dump(parts | changes, sort_keys=False, allow_unicode=True).encode()


def take_over(octets: bytes, **options: Any) -> ImportReport:
    """The tables say what the file says."""
    return import_mapping(octets, actor="operator", origin=None, now=timezone.now(), **options)


def problems(octets: bytes) -> list[str]:
    """What is wrong with the file; that nothing was changed is seen to."""
    before = (MappingVersion.current(), export_mapping(), AuditRecord.objects.count())
    with pytest.raises(Malformed) as refusal:
        take_over(octets)
    assert (MappingVersion.current(), export_mapping(), AuditRecord.objects.count()) == before
    return refusal.value.told.splitlines()[1:]
