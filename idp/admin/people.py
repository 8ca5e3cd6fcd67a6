"""The people and workloads whom the site knows: look and search; directory and rules decide about them."""

from datetime import UTC, datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from idp.admin.base import EndsAccesses, ReadOnlyAdmin
from idp.admin.export import export_csv
from idp.models import User
from idp.services.endings import end_all_accesses_of
from idp.web.request_id import origin_of

ADMINISTRATOR = "administrator"


@admin.register(User)
class PersonAdmin(EndsAccesses, ReadOnlyAdmin):
    """Everyone who has signed in, local administrators, and workloads that have taken a role."""

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
    actions = (export_csv, "end_everything")
    export_columns = fields

    @admin.action(description="End everything these people hold", permissions=["end"])
    def end_everything(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """They are signed in nowhere, and what AWS has given them is going to end there."""
        now, asked_by = datetime.now(UTC), request.user.get_username()
        ended = sum(
            end_all_accesses_of(
                person, reason=ADMINISTRATOR, now=now, asked_by=asked_by, origin=origin_of(request)
            )
            for person in people
        )
        messages.success(
            request, f"{ended} accesses are being ended; the list of accesses to end shows when."
        )
