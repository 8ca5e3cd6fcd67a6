"""Accesses that must end in AWS before their time: look, search, export."""

from django.contrib import admin

from idp.admin.base import ReadOnlyAdmin
from idp.admin.export import export_csv
from idp.models import EndingDue, RoleEnding, RoleRoom


@admin.register(EndingDue)
class EndingDueAdmin(ReadOnlyAdmin):
    """Whose access, to what, why it must end, since when, and when it ends by itself."""

    list_display = (
        "due_since",
        "state",
        "person",
        "role",
        "reason",
        "denied_at",
        "tries",
        "problem",
        "ends_at",
        "kind",
    )
    list_filter = ("state", "reason", ("due_since", admin.DateFieldListFilter))
    list_select_related = ("access__user",)
    search_fields = (
        "access__user__display_name",
        "access__user__username",
        "access__role_arn",
        "=access__id",
    )
    fields = (
        "access", "person", "role", "kind", "reason", "asked_by", "due_since", "state", "tries", "problem",
        "next_try_at", "denied_before", "denied_at", "until", "cleared_at", "ends_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = (export_csv,)
    export_columns = (
        "access__id", "access__user__account_key", "access__user__username", "access__session_name",
        "access__role_arn", "access__kind", "reason", "asked_by", "due_since", "state", "tries",
        "problem", "denied_before", "denied_at", "until", "cleared_at", "access__ends_at",
    )  # fmt: skip

    @admin.display(ordering="access__user")
    def person(self, row: EndingDue) -> str:
        """Whose access it is."""
        return str(row.access.user)

    @admin.display(ordering="access__role_arn")
    def role(self, row: EndingDue) -> str:
        """The role in AWS."""
        return row.access.role_arn

    @admin.display
    def kind(self, row: EndingDue) -> str:
        """How it was handed out."""
        return row.access.kind

    @admin.display(description="ends by itself", ordering="access__ends_at")
    def ends_at(self, row: EndingDue) -> str:
        """Until when it holds if nobody ends it."""
        return f"{row.access.ends_at:%Y-%m-%d %H:%M} UTC"


@admin.register(RoleEnding)
class RoleEndingAdmin(ReadOnlyAdmin):
    """Roles whose every session had to end: who asked, why, and when AWS denied them."""

    list_display = (
        "due_since",
        "state",
        "role_arn",
        "asked_by",
        "reason",
        "denied_before",
        "denied_at",
        "tries",
        "problem",
    )
    list_filter = ("state", ("due_since", admin.DateFieldListFilter))
    search_fields = ("role_arn", "asked_by")
    fields = (
        "role_arn", "reason", "asked_by", "due_since", "state", "tries", "problem", "next_try_at", "denied_before",
        "denied_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = (export_csv,)
    export_columns = fields


@admin.register(RoleRoom)
class RoleRoomAdmin(ReadOnlyAdmin):
    """How full the policies of roles are in which something was ended: full ones take no further denial."""

    list_display = ("role_arn", "percent", "of_ours_percent", "seen_at")
    search_fields = ("role_arn",)
    fields = ("role_arn", "percent", "of_ours_percent", "seen_at")
    readonly_fields = fields
    actions = (export_csv,)
    export_columns = fields
