"""Service providers: added by hand or from metadata, changed, tried out; each change with its audit row."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from idp.admin.base import Admin, ReadOnlyAdmin
from idp.admin.provider_forms import ImportForm, ProviderForm
from idp.domain.errors import NotFound, Refused, Unavailable
from idp.domain.service_wishes import ServiceWishes
from idp.models import EntryNameId, PersistentNameId, ServiceProvider, SubjectIdentifier
from idp.services.provider_changes import Author, remove_provider, store_provider, values_of
from idp.services.provider_metadata import refresh_provider
from idp.services.provider_preview import Preview, preview
from idp.web.request_id import origin_of

if TYPE_CHECKING:
    from django.forms import ModelForm

LIST = "admin:idp_serviceprovider_changelist"
CHANGE = "admin:idp_serviceprovider_change"
SOON_DAYS = 60


class EndingFilter(admin.SimpleListFilter):
    """Services whose own certificates end soon."""

    title = "certificates end within"
    parameter_name = "ends"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's protocol
        """The days at which an end is told."""
        return [(str(days), f"{days} days" if days else "have ended") for days in (60, 30, 7, 1, 0)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002 - Django's protocol
        """Those that end within the chosen days."""
        chosen = self.value()
        if chosen not in {days for days, _ in self.lookup_choices}:
            return queryset
        return queryset.filter(certificates_until__lt=datetime.now(UTC) + timedelta(days=int(chosen or 0)))


class PreviewForm(forms.Form):
    """Whose statement is looked at."""

    username = forms.CharField(max_length=255, label="User name")


@admin.register(ServiceProvider)
class ServiceProviderAdmin(Admin):
    """Services that believe our statements; the entity ID is their name in every statement and stays as it is."""

    form = ProviderForm
    show_full_result_count = False
    list_per_page = 50
    list_display = ("name", "entity_id", "kind", "enabled", "who", "metadata", "certificates", "problem")
    list_filter = ("enabled", "kind", "want_signed_requests", "encrypt_assertions", EndingFilter)
    search_fields = ("name", "entity_id", "note")
    ordering = ("name",)
    actions = ("read_metadata_again",)
    change_form_template = "admin/idp/serviceprovider/change_form.html"
    change_list_template = "admin/idp/serviceprovider/change_list.html"
    readonly_fields = (
        "asks_for", "says_of_itself", "certificates_until", "believed_until", "refreshed_at", "refresh_problem",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("entity_id", "name", "kind", "enabled", "note")}),
        ("Where responses go", {"fields": ("acs_text", "logout_text", "default_relay_state")}),
        ("Who may use it", {"fields": ("for_everyone", "groups_text")}),
        ("What it learns", {"fields": ("name_id_format", "name_id_source", "omit_name_id", "attributes_text")}),
        ("What it asks", {"fields": ("want_signed_requests", "certificates_text")}),
        (
            "How it is answered",
            {
                "fields": (
                    "sign_assertion", "sign_response", "signature_algorithm", "encrypt_assertions",
                    "encryption_certificate", "encryption_scheme", "session_seconds",
                )
            },
        ),
        (
            "Its metadata",
            {
                "fields": (
                    "metadata_url", "metadata_certificate", "asks_for", "says_of_itself", "certificates_until",
                    "believed_until", "refreshed_at", "refresh_problem",
                ),
                "description": "Addresses and certificates come from there; what was agreed stays as it is.",
            },
        ),
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's protocol
        """Under another entity ID it would be another service, with the trust of this one."""
        return (*self.readonly_fields, "entity_id") if obj is not None else self.readonly_fields

    def get_urls(self) -> list[URLPattern]:
        """Beside Django's own: from metadata, and trying out."""
        view = self.admin_site.admin_view
        return [
            path("import/", view(self.import_view), name="idp_serviceprovider_import"),
            path("<int:number>/test/", view(self.test_view), name="idp_serviceprovider_test"),
            *super().get_urls(),
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """A provider from its metadata, still switched off; its page comes next, for what is to be agreed."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        posted = request.method == "POST"
        form = ImportForm(request.POST, request.FILES) if posted else ImportForm()
        if posted and form.is_valid():
            row: ServiceProvider = form.cleaned_data["row"]
            store_provider(row, before={}, author=author_of(request), now=datetime.now(UTC))
            messages.success(request, f"{row.name} was added. Agree on who may use it, then switch it on.")
            return HttpResponseRedirect(reverse(CHANGE, args=[row.pk]))
        context = self.admin_site.each_context(request) | {
            "title": "Add a service provider from its metadata",
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/idp/serviceprovider/import.html", context)

    def test_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """What a named person would get there; asked by POST, because asking is on record."""
        row = ServiceProvider.objects.filter(pk=number).first()
        if row is None or not self.has_view_permission(request, row):
            raise NotFound(f"service provider {number}")
        posted = request.method == "POST"
        form = PreviewForm(request.POST) if posted else PreviewForm()
        shown: Preview | None = None
        if posted and form.is_valid():
            try:
                shown = preview(
                    row=row,
                    username=form.cleaned_data["username"],
                    author=author_of(request),
                    now=datetime.now(UTC),
                )
            except (Refused, Unavailable) as problem:
                form.add_error("username", problem.told)
        context = self.admin_site.each_context(request) | {
            "title": f"Test {row.name}",
            "form": form,
            "row": row,
            "preview": shown,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/idp/serviceprovider/test.html", context)

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:  # noqa: ARG002, FBT001 - Django's protocol
        """The row and the record of its change are written together; a form that changes nothing writes nothing."""
        before = values_of(self.model.objects.get(pk=obj.pk)) if change else {}
        now = datetime.now(UTC)
        source = {name: str(getattr(obj, name)) for name in ("metadata_url", "metadata_certificate")}
        if obj.metadata_url and (obj.refresh_due_at is None or not source.items() <= before.items()):
            obj.refresh_due_at = now
        if not obj.metadata_url:
            obj.refresh_due_at, obj.refresh_problem = None, ""
        store_provider(obj, before=before, author=author_of(request), now=now)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """The row goes, and the record tells what it said."""
        remove_provider(obj, author=author_of(request), now=datetime.now(UTC))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each row goes, and a record of its own tells what it said."""
        for row in queryset:
            remove_provider(row, author=author_of(request), now=datetime.now(UTC))

    @admin.action(description="Read the metadata again now", permissions=["change"])
    def read_metadata_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each chosen provider is as its metadata says now, or says why not."""
        for row in queryset.exclude(metadata_url="")[:10]:
            name = row.name
            if refresh_provider(row, now=datetime.now(UTC)):
                messages.success(request, f"The metadata of {name} was read.")
            else:
                problems = ServiceProvider.objects.filter(pk=row.pk).values_list("refresh_problem", flat=True)
                messages.error(request, f"{name}: {problems.first() or 'it was changed meanwhile.'}")

    @admin.display(description="for")
    def who(self, row: ServiceProvider) -> str:
        """Who may use it, in a few words."""
        return "everybody" if row.for_everyone else f"{len(row.groups)} groups"

    @admin.display(description="metadata", ordering="refreshed_at")
    def metadata(self, row: ServiceProvider) -> str:
        """Where addresses and keys come from."""
        if not row.metadata_url:
            return "by hand"
        return f"read {row.refreshed_at:%Y-%m-%d %H:%M}" if row.refreshed_at else "not read yet"

    @admin.display(description="certificates", ordering="certificates_until")
    def certificates(self, row: ServiceProvider) -> str:
        """Until when its own certificates hold, and that they end soon."""
        if row.certificates_until is None:
            return ""
        now = datetime.now(UTC)
        left = (row.certificates_until - now).days
        soon = "ended" if row.certificates_until <= now else f"{left} days left" if left < SOON_DAYS else ""
        return f"until {row.certificates_until:%Y-%m-%d}{f' ({soon})' if soon else ''}"

    @admin.display(description="attributes it asks for")
    def asks_for(self, row: ServiceProvider) -> str:
        """The names of each request; it is given none of them by that."""
        requests = ServiceWishes.of_json(row.wishes).requests
        told = [
            f"{one.index}: "
            + ", ".join(f"{name} (required)" if required else name for name, required in one.names.items())
            for one in requests
        ]
        return "; ".join(told) or "none"

    @admin.display(description="says of itself")
    def says_of_itself(self, row: ServiceProvider) -> str:
        """Its entity attributes, as conditions name them."""
        pairs = sorted(ServiceWishes.of_json(row.wishes).entity_attributes)
        return "; ".join(f"entity:{name}={value}" for name, value in pairs) or "nothing"

    @admin.display(description="problem")
    def problem(self, row: ServiceProvider) -> str:
        """What the last reading of the metadata found wrong."""
        return row.refresh_problem


class NamesAtServicesAdmin(ReadOnlyAdmin):
    """Who stands behind a name at a service."""

    list_display = ("value", "entity_id", "account_key", "created_at")
    search_fields = ("=value", "=account_key", "entity_id")
    ordering = ("-created_at",)
    fields = ("value", "entity_id", "account_key", "created_at")
    readonly_fields = fields


@admin.register(PersistentNameId)
class PersistentNameIdAdmin(NamesAtServicesAdmin):
    """How services call people: to look up who stands behind a name in a service's log."""


@admin.register(SubjectIdentifier)
class SubjectIdentifierAdmin(NamesAtServicesAdmin):
    """What stands before the @ of subject identifiers: to look up who stands behind one in a service's log."""


@admin.register(EntryNameId)
class EntryNameIdAdmin(NamesAtServicesAdmin):
    """Whose the names are that come from people's entries; `service_provider release` lets another have one."""


def author_of(request: HttpRequest) -> Author:
    """Who sits before this page."""
    person: Any = request.user
    return Author(person.username, person.account_key, origin_of(request))
