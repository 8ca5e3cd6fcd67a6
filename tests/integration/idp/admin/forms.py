"""Forms of the admin as a browser sends them."""

from typing import Any

from django.test import Client
from django.urls import reverse

from idp.models import AuditRecord, Role

EMPTY = {
    "name": "a rule",
    "effect": "allow",
    "enabled": "on",
    "group": "",
    "group_by_hand": "",
    "pattern": "",
    "base": "",
    "role": "",
    "account": "",
    "role_name": "",
    "duration_seconds": "",
    "starts_at_0": "",
    "starts_at_1": "",
    "ends_at_0": "",
    "ends_at_1": "",
    "note": "",
}


def read_only() -> str:
    """The role ReadOnly, as forms name it."""
    return str(Role.objects.get(name="ReadOnly").pk)


def save(admin: Client, model: str, row: Any = None, **form: str) -> dict[str, list[str]]:
    """What the form says is wrong, by field; empty where it was saved."""
    address = (
        reverse(f"admin:idp_{model}_change", args=[row.pk]) if row else reverse(f"admin:idp_{model}_add")
    )
    answer = admin.post(address, form, secure=True)
    if answer.status_code == 302:
        return {}
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


def last_record() -> AuditRecord:
    """The newest row of the audit trail."""
    record = AuditRecord.objects.first()
    assert record is not None
    return record
