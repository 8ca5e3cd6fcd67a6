"""The people whom the site knows: look and search; the directory decides about them."""

from django.contrib import admin

from idp.admin.base import ReadOnlyAdmin
from idp.admin.export import export_csv
from idp.models import User


@admin.register(User)
class PersonAdmin(ReadOnlyAdmin):
    """Everyone who has signed in, and local administrators."""

    list_display = (
        "display_name",
        "username",
        "directory",
        "session_name",
        "is_staff",
        "is_active",
        "created_at",
    )
    list_display_links = ("display_name", "username")
    list_filter = ("directory", "is_staff", "is_active")
    search_fields = ("display_name", "username", "mail", "session_name", "=account_key")
    ordering = ("display_name",)
    fields = (
        "display_name", "username", "mail", "directory", "account_key", "session_name", "persistent_id",
        "is_staff", "is_active", "created_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = (export_csv,)
    export_columns = fields
