"""Forms of the admin as a browser sends them."""

from typing import Any

from django.test import Client
from django.urls import reverse
from lxml.html import document_fromstring

from idp.models import AuditRecord, Role

EMPTY = {
    "name": "a rule",
    "effect": "allow",
    "enabled": "on",
    "group": "",
    "group_by_hand": "",
    "pattern": "",
    "base": "",
    "workload_issuer": "",
    "workload_subject": "",
    "claims": "",
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
    seen = opened(admin, model, row)["seen"] if row else []
    answer = admin.post(address, {"seen": seen, **form}, secure=True)
    if answer.status_code == 302:
        return {}
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


def opened(admin: Client, model: str, row: Any) -> dict[str, list[str]]:
    """What a browser would send that opens the page of this row and presses the button."""
    answer = admin.get(reverse(f"admin:idp_{model}_change", args=[row.pk]), secure=True)
    return as_sent(answer, model)


def as_sent(answer: Any, model: str) -> dict[str, list[str]]:
    """What a browser would send from this page."""
    assert answer.status_code == 200, answer
    root: Any = document_fromstring(answer.content.decode())
    [form] = [one for one in root.forms if one.get("id") == f"{model}_form"]
    sent: dict[str, list[str]] = {}
    for name, value in form.form_values():
        # A browser leaves out the line end with which a field of lines begins.
        sent.setdefault(name, []).append(value.removeprefix("\n"))
    return sent


def last_record() -> AuditRecord:
    """The newest row of the audit trail."""
    record = AuditRecord.objects.first()
    assert record is not None
    return record
