"""How AWS differs from what is registered: look, search, export."""

from django.contrib import admin

from idp.admin.base import ReadOnlyAdmin
from idp.admin.export import export_csv
from idp.models import RoleFinding


@admin.register(RoleFinding)
class RoleFindingAdmin(ReadOnlyAdmin):
    """One difference a line: which account and role, what it is, and what it leads to."""

    list_display = ("kind", "account", "role_arn", "detail", "found_at")
    list_filter = ("kind", "account")
    search_fields = ("account", "role_arn", "detail")
    fields = ("kind", "account", "role_arn", "detail", "found_at")
    readonly_fields = fields
    actions = (export_csv,)
    export_columns = fields
