"""Each access handed out: look, search, export."""

from datetime import UTC, datetime

from django.contrib import admin

from idp.admin.base import ReadOnlyAdmin
from idp.admin.export import export_csv
from idp.domain.access_session import AccessState, is_over
from idp.models import AccessSession


@admin.register(AccessSession)
class AccessSessionAdmin(ReadOnlyAdmin):
    """Who took which role, by which rule, from when, until when."""

    list_display = (
        "started_at",
        "user",
        "kind",
        "account_name",
        "role_arn",
        "session_name",
        "ends_at",
        "now_is",
    )
    list_filter = ("kind", "environment", ("started_at", admin.DateFieldListFilter))
    list_select_related = ("user",)
    search_fields = (
        "user__display_name", "user__username", "role_arn", "session_name", "=assertion_id", "=access_key_id",
        "=reference",
    )  # fmt: skip
    date_hierarchy = "started_at"
    ordering = ("-started_at",)
    fields = (
        "id", "user", "kind", "now_is", "account_name", "environment", "role_arn", "session_name", "rule_number",
        "rule_name", "group_dn", "started_at", "ends_at", "warned_at", "ended_at", "assertion_id",
        "access_key_id", "reference",
    )  # fmt: skip
    readonly_fields = fields
    actions = (export_csv,)
    export_columns = (
        "id", "user__account_key", "user__username", "kind", "state", "account_name", "environment", "role_arn",
        "session_name", "rule_number", "rule_name", "group_dn", "started_at", "ends_at", "ended_at",
        "assertion_id", "access_key_id", "reference",
    )  # fmt: skip

    @admin.display(description="state")
    def now_is(self, row: AccessSession) -> str:
        """The state as it is true now, whoever marks it later."""
        over = is_over(ends_at=row.ends_at, now=datetime.now(UTC))
        return AccessState.ENDED.value if over else row.state
