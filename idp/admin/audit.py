"""The audit trail: look, search, export."""

import json

from django.contrib import admin

from idp.admin.base import ReadOnlyAdmin
from idp.admin.export import export_csv
from idp.models import AuditRecord


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnlyAdmin):
    """What happened, when, by whom, from where."""

    list_display = ("at", "event", "person", "role_arn", "reason", "address", "reference")
    list_filter = ("event", ("at", admin.DateFieldListFilter))
    search_fields = ("person", "=account_key", "role_arn", "=address", "=reference", "reason")
    date_hierarchy = "at"
    ordering = ("-pk",)
    fields = (
        "at", "event", "person", "account_key", "role_arn", "reason", "address", "reference", "details_in_words",
    )  # fmt: skip
    readonly_fields = fields
    actions = (export_csv,)
    export_columns = (
        "id", "at", "event", "account_key", "person", "address", "reference", "role_arn", "reason", "details",
    )  # fmt: skip

    @admin.display(description="details")
    def details_in_words(self, row: AuditRecord) -> str:
        """The details a line each."""
        return "\n".join(f"{name}: {json.dumps(value)}" for name, value in sorted(row.details.items()))
