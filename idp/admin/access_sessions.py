"""Each access handed out: look, search, export."""

from datetime import UTC, datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from idp.admin.base import EndsAccesses, ReadOnlyAdmin
from idp.admin.export import export_csv
from idp.domain.access_session import AccessState, is_over
from idp.domain.aws.role import Road
from idp.models import AccessSession, User
from idp.services.endings import demand_endings
from idp.web.request_id import origin_of

ADMINISTRATOR = "administrator"


@admin.register(AccessSession)
class AccessSessionAdmin(EndsAccesses, ReadOnlyAdmin):
    """Who took which role, by which rule, from when, until when."""

    list_display = (
        "started_at",
        "user",
        "kind",
        "road",
        "account_name",
        "role_arn",
        "session_name",
        "ends_at",
        "now_is",
        "can_be_ended",
    )
    list_filter = ("kind", "road", "environment", ("started_at", admin.DateFieldListFilter))
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
        "access_key_id", "road", "narrowing", "packed_percent", "address", "client", "reference",
    )  # fmt: skip
    readonly_fields = fields
    actions = (export_csv, "end_chosen")
    export_columns = (
        "id", "user__account_key", "user__username", "kind", "state", "account_name", "environment", "role_arn",
        "session_name", "rule_number", "rule_name", "group_dn", "started_at", "ends_at", "ended_at",
        "assertion_id", "access_key_id", "road", "narrowing", "packed_percent", "address", "client", "reference",
    )  # fmt: skip

    @admin.action(description="End what these people hold in these roles", permissions=["end"])
    def end_chosen(self, request: HttpRequest, rows: QuerySet[AccessSession]) -> None:
        """Every session of each of these people in each of these roles is going to end in AWS."""
        now, asked_by = datetime.now(UTC), request.user.get_username()
        roles: dict[User, set[str]] = {}
        for row in rows.select_related("user"):
            roles.setdefault(row.user, set()).add(row.role_arn)
        ended = sum(
            demand_endings(
                person,
                reason=ADMINISTRATOR,
                now=now,
                roles=held,
                asked_by=asked_by,
                origin=origin_of(request),
            )
            for person, held in roles.items()
        )
        messages.success(
            request, f"{ended} accesses are being ended; the list of accesses to end shows when."
        )
        if rows.filter(road=Road.FEDERATION.value).exists():
            messages.warning(request, "Those of the road federation cannot be ended before their time.")

    @admin.display(description="state")
    def now_is(self, row: AccessSession) -> str:
        """The state as it is true now, whoever marks it later."""
        over = is_over(ends_at=row.ends_at, now=datetime.now(UTC))
        return AccessState.ENDED.value if over else row.state

    @admin.display(description="can be ended", boolean=True)
    def can_be_ended(self, row: AccessSession) -> bool:
        """Whether this site ends such sessions in AWS before their time: of the road federation it does not."""
        return row.road != Road.FEDERATION.value
