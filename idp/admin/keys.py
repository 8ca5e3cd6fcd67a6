"""The rollover of the signing key: where it stands, and who has the next certificate; keys change at the machine."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from idp.admin.base import ReadOnlyAdmin
from idp.admin.service_providers import author_of
from idp.domain.errors import Refused
from idp.models import KeyConfirmation
from idp.services.key_rollover import confirm, rollover


@admin.register(KeyConfirmation)
class KeyRolloverAdmin(ReadOnlyAdmin):
    """One page in place of a list: the stage, the keys, everybody who is waited for, and the box to confirm them."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Where the rollover stands; posted, the chosen ones are confirmed."""
        page = reverse("admin:idp_keyconfirmation_changelist")
        if request.method == "POST":
            try:
                new = confirm(request.POST.getlist("party"), author=author_of(request), now=datetime.now(UTC))
                messages.success(request, f"{len(new)} confirmed.")
            except Refused as refusal:
                messages.error(request, refusal.told)
            return HttpResponseRedirect(page)
        context = self.admin_site.each_context(request) | {
            "title": "Signing key",
            "state": rollover(),
            "opts": self.opts,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/idp/keyconfirmation/rollover.html", context)
