"""Accounts, roles and rules: changed by staff, each change with its audit row in the same transaction."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from idp.admin.base import Admin, EndsAccesses
from idp.admin.group_field import groups_as_json
from idp.admin.mapping_forms import AccountForm, RoleForm, RuleForm
from idp.domain.aws.role import Road
from idp.domain.errors import NotFound
from idp.domain.events import AuditEvent
from idp.models import Account, Role, Rule
from idp.services.audit import write_event
from idp.services.endings import end_role_sessions
from idp.services.mapping_text import length_text
from idp.services.mapping_writing import name_of_row
from idp.web.request_id import origin_of

if TYPE_CHECKING:
    from django.forms import ModelForm

LONGEST_VALUE = 500


class MappingAdmin(Admin):
    """A table of the mapping: whatever is added, changed or removed here is recorded with old and new values."""

    show_full_result_count = False
    list_per_page = 50

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:  # noqa: FBT001 - Django's protocol
        """The row and the record of its change are written together; a form that changes nothing writes nothing."""
        with transaction.atomic():
            before = values_of(self.model.objects.select_for_update().get(pk=obj.pk)) if change else {}
            if change and before == values_of(obj):
                return
            super().save_model(request, obj, form, change)
            record(request, obj, "changed" if change else "added", before, values_of(obj))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """The row goes, and the record tells what it said."""
        with transaction.atomic():
            record(request, obj, "removed", values_of(obj), {})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each row goes, and a record of its own tells what it said."""
        with transaction.atomic():
            for row in queryset:
                record(request, row, "removed", values_of(row), {})
            super().delete_queryset(request, queryset)


@admin.register(Account)
class AccountAdmin(MappingAdmin):
    """AWS accounts; number and partition are part of every ARN and stay as they are."""

    form = AccountForm
    list_display = ("name", "number", "environment", "colour", "partition", "provider")
    list_filter = ("environment", "colour", "partition")
    search_fields = ("name", "number", "environment")
    ordering = ("name", "number")
    fields = ("number", "name", "environment", "colour", "partition", "provider", "hub", "external_id")

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's protocol
        """Another number or partition would silently give other roles to everybody; nobody chooses an ExternalId."""
        return ("number", "partition", "external_id") if obj is not None else ("external_id",)


@admin.register(Role)
class RoleAdmin(EndsAccesses, MappingAdmin):
    """IAM roles that people may be given; account and name are part of the ARN and stay as they are."""

    form = RoleForm
    list_display = ("name", "account", "arn", "longest", "road", "source_identity", "tag_keys")
    list_filter = (
        "account__environment",
        "road",
        "source_identity",
        ("account", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("account",)
    search_fields = ("name", "path", "account__number", "account__name")
    autocomplete_fields = ("account",)
    ordering = ("account__name", "name")
    fields = (
        "account", "path", "name", "longest_seconds", "road", "policies", "source_identity", "tags",
        "transitive_tags",
    )  # fmt: skip
    actions = ("end_every_session",)

    @admin.action(description="End every session of these roles, whoever holds it", permissions=["end_role"])
    def end_every_session(self, request: HttpRequest, rows: QuerySet[Role]) -> None:
        """What AWS has given of these roles is going to end there, also what this site knows nothing of."""
        now, asked_by = datetime.now(UTC), request.user.get_username()
        for row in rows.select_related("account"):
            end_role_sessions(
                row.arn, reason="administrator", now=now, asked_by=asked_by, origin=origin_of(request)
            )
        if rows.exclude(road=Road.FEDERATION.value).exists():
            messages.success(request, "The sessions are being ended; the list of roles to end shows when.")
        if rows.filter(road=Road.FEDERATION.value).exists():
            messages.warning(request, "Those of the road federation cannot be ended before their time.")

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's protocol
        """Another account or name would silently give another role to everybody who has this one."""
        return ("account", "name") if obj is not None else ()

    @admin.display(description="longest", ordering="longest_seconds")
    def longest(self, row: Role) -> str:
        """The longest session, as files write it."""
        return seconds_text(row.longest_seconds)

    @admin.display(description="tags")
    def tag_keys(self, row: Role) -> str:
        """The keys of the session tags."""
        return ", ".join(row.tags)


@admin.register(Rule)
class RuleAdmin(MappingAdmin):
    """From directory group or workload to role; a denial wins over everything."""

    form = RuleForm
    list_display = ("name", "effect", "who", "gives", "length", "state")
    list_filter = (
        "effect",
        "enabled",
        ("role__account", admin.RelatedOnlyFieldListFilter),
        ("account", admin.RelatedOnlyFieldListFilter),
        ("pattern", admin.EmptyFieldListFilter),
        ("workload_issuer", admin.EmptyFieldListFilter),
    )
    list_select_related = ("role__account", "account")
    search_fields = (
        "name",
        "group_dn",
        "=group_id",
        "pattern",
        "workload_subject",
        "workload_issuer",
        "role__name",
        "role__account__number",
        "note",
    )
    autocomplete_fields = ("role", "account")
    ordering = ("pk",)
    fieldsets = (
        (None, {"fields": ("name", "effect", "enabled")}),
        ("Who: one group", {"fields": ("group", "group_by_hand")}),
        (
            "Who: groups by their names",
            {
                "fields": ("pattern", "base"),
                "description": "Only groups at or below the base count. What the pattern leaves open is named below.",
            },
        ),
        (
            "Who: workloads, by their tokens",
            {
                "fields": ("workload_issuer", "workload_subject", "claims"),
                "description": "Programs such as build jobs and service accounts; either one subject, or claims.",
            },
        ),
        ("What", {"fields": ("role", "account", "role_name")}),
        ("How long", {"fields": ("duration_seconds", "starts_at", "ends_at")}),
        (None, {"fields": ("note",)}),
    )

    def get_urls(self) -> list[URLPattern]:
        """Beside Django's own: the search for groups."""
        groups = path("groups/", self.admin_site.admin_view(self.groups_view), name="idp_rule_groups")
        return [groups, *super().get_urls()]

    def groups_view(self, request: HttpRequest) -> HttpResponse:
        """The groups whose name holds what was typed; refused for whoever may not write rules."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise NotFound("the search for groups is for those who write rules")
        return groups_as_json(request)

    @admin.display(description="group or workload", ordering="group_dn")
    def who(self, row: Rule) -> str:
        """The group, or the pattern and its base, or the workloads."""
        if row.workload_issuer:
            claims = ", ".join(f"{name}={pattern}" for name, pattern in sorted(row.workload_claims.items()))
            return f"{row.workload_subject or claims} of {row.workload_issuer}"
        return f"{row.pattern} below {row.base}" if row.pattern else row.group_dn or row.group_id

    @admin.display(description="role")
    def gives(self, row: Rule) -> str:
        """The role, or what the rule names of it."""
        if row.role is not None:
            return str(row.role)
        account = row.account.number if row.account is not None else "(by the name)"
        return f"{account} / {row.role_name or '(by the name)'}"

    @admin.display(description="duration", ordering="duration_seconds")
    def length(self, row: Rule) -> str:
        """The length, as files write it."""
        return seconds_text(row.duration_seconds) if row.duration_seconds is not None else "the role's"

    @admin.display(description="state")
    def state(self, row: Rule) -> str:
        """Whether the rule counts now, and if not, why."""
        now = datetime.now(UTC)
        if not row.enabled:
            return "switched off"
        if row.starts_at is not None and now < row.starts_at:
            return f"from {row.starts_at:%Y-%m-%d %H:%M}"
        if row.ends_at is not None and row.ends_at <= now:
            return "over"
        return f"until {row.ends_at:%Y-%m-%d %H:%M}" if row.ends_at is not None else "in force"


def values_of(row: models.Model) -> dict[str, str]:
    """What the row says, field by field, in words that stay readable when what it refers to is gone."""
    values = {}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.name)
        if isinstance(value, (Account, Role, Rule)):
            value = name_of_row(value)
        values[field.name] = "" if value is None else str(value)
    return values


def record(request: HttpRequest, row: Any, kind: str, before: dict[str, str], after: dict[str, str]) -> None:
    """The audit row of one change: who, what, and every value that is different, old and new."""
    details: dict[str, str | int | bool | None] = {
        "kind": kind,
        "what": row._meta.model_name,
        "name": name_of_row(row),
        "number": row.pk,
    }
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, ""), after.get(name, "")
        if old != new and name != "id":
            details |= {f"{name}:old": old[:LONGEST_VALUE], f"{name}:new": new[:LONGEST_VALUE]}
    person: Any = request.user
    write_event(
        AuditEvent.MAPPING_CHANGED,
        at=datetime.now(UTC),
        origin=origin_of(request),
        account_key=person.account_key,
        person=person.username,
        role_arn=row.arn if isinstance(row, Role) else "",
        details=details,
    )


def seconds_text(seconds: int) -> str:
    """The length as files write it."""
    return length_text(timedelta(seconds=seconds))
