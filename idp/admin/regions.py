"""How the regions of AWS are: look, take one out of use, and into it again."""

from datetime import UTC, datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from idp.admin.base import ReadOnlyAdmin
from idp.models import RegionHealth
from idp.services.regions import switch_region


@admin.register(RegionHealth)
class RegionHealthAdmin(ReadOnlyAdmin):
    """One region a line, as STS and the sign-in were last probed; what was never probed or switched is not here."""

    list_display = (
        "region",
        "is_well",
        "problem",
        "probed_at",
        "sign_in_is_well",
        "sign_in_problem",
        "sign_in_probed_at",
        "switched_off_by",
    )
    list_filter = ("is_well", "sign_in_is_well")
    search_fields = ("region",)
    fields = (*list_display, "switched_off_at", "changed_at")
    readonly_fields = fields
    actions = ("switch_off", "switch_on")

    @admin.action(
        description="Do not use these regions, until somebody switches them on", permissions=["view"]
    )
    def switch_off(self, request: HttpRequest, rows: QuerySet[RegionHealth]) -> None:
        """Neither STS nor the sign-in of these regions is used any more, by any process, within seconds."""
        self._switch(request, rows, off=True)

    @admin.action(description="Use these regions again", permissions=["view"])
    def switch_on(self, request: HttpRequest, rows: QuerySet[RegionHealth]) -> None:
        """They are used in their order, as probes see them."""
        self._switch(request, rows, off=False)

    def _switch(self, request: HttpRequest, rows: QuerySet[RegionHealth], *, off: bool) -> None:
        now, by = datetime.now(UTC), request.user.get_username()
        names = sorted(rows.values_list("region", flat=True))
        for name in names:
            switch_region(name, off=off, by=by, now=now)
        messages.success(request, f"{'Not used any more' if off else 'Used again'}: {', '.join(names)}.")
