"""How the regions of AWS are: look, take one out of use, and into it again."""

from datetime import UTC, datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from idp.admin.base import ReadOnlyAdmin
from idp.models import RegionHealth
from idp.services.regions import BOTH, Endpoint, switch_region

SWITCH = ["switch"]
ONLY_STS, ONLY_SIGN_IN = (Endpoint.STS,), (Endpoint.SIGN_IN,)
WORDS = {BOTH: "STS and sign-in", ONLY_STS: "STS", ONLY_SIGN_IN: "sign-in"}


@admin.register(RegionHealth)
class RegionHealthAdmin(ReadOnlyAdmin):
    """One region a line, as STS and the sign-in were last probed; what was never probed or switched is not here."""

    list_display = ("region", "sts", "sign_in", "probed")
    list_filter = ("is_well", "sign_in_is_well")
    search_fields = ("region",)
    fields = (
        "region",
        "is_well",
        "problem",
        "probed_at",
        "switched_off_by",
        "switched_off_at",
        "sign_in_is_well",
        "sign_in_problem",
        "sign_in_probed_at",
        "sign_in_switched_off_by",
        "sign_in_switched_off_at",
        "changed_at",
    )
    readonly_fields = fields
    actions = (
        "switch_off",
        "switch_off_sts",
        "switch_off_sign_in",
        "switch_on",
        "switch_on_sts",
        "switch_on_sign_in",
    )

    def has_switch_permission(self, request: HttpRequest) -> bool:
        """Whether this person may take regions out of use: whoever looks at them may not do that for it."""
        return bool(request.user.has_perm("idp.switch_region"))

    @admin.display(description="STS", ordering="is_well")
    def sts(self, row: RegionHealth) -> str:
        """How the token service of this region is, and whether it is used."""
        return _told(
            is_well=row.is_well,
            problem=row.problem,
            probed_at=row.probed_at,
            off_by=row.switched_off_by,
        )

    @admin.display(description="sign-in", ordering="sign_in_is_well")
    def sign_in(self, row: RegionHealth) -> str:
        """How the sign-in of this region is, and whether it is used."""
        return _told(
            is_well=row.sign_in_is_well,
            problem=row.sign_in_problem,
            probed_at=row.sign_in_probed_at,
            off_by=row.sign_in_switched_off_by,
        )

    @admin.display(ordering="probed_at")
    def probed(self, row: RegionHealth) -> datetime | None:
        """When that was seen; of both probes the older one."""
        return min((at for at in (row.probed_at, row.sign_in_probed_at) if at is not None), default=None)

    @admin.action(
        description="Use nothing of these regions, until somebody says otherwise", permissions=SWITCH
    )
    def switch_off(self, request: HttpRequest, rows: QuerySet[RegionHealth]) -> None:
        """Neither STS nor the sign-in of these regions is used any more, by any process, within seconds."""
        self._switch(request, rows, off=True, of=BOTH)

    @admin.action(description="Do not use STS of these regions", permissions=SWITCH)
    def switch_off_sts(self, request: HttpRequest, rows: QuerySet[RegionHealth]) -> None:
        """Credentials come from other regions; the sign-in stays as it is."""
        self._switch(request, rows, off=True, of=ONLY_STS)

    @admin.action(description="Do not use the sign-in of these regions", permissions=SWITCH)
    def switch_off_sign_in(self, request: HttpRequest, rows: QuerySet[RegionHealth]) -> None:
        """Statements are made out to other regions; STS stays as it is."""
        self._switch(request, rows, off=True, of=ONLY_SIGN_IN)

    @admin.action(description="Use these regions again, STS and sign-in", permissions=SWITCH)
    def switch_on(self, request: HttpRequest, rows: QuerySet[RegionHealth]) -> None:
        """They are used in their order, as probes see them."""
        self._switch(request, rows, off=False, of=BOTH)

    @admin.action(description="Use STS of these regions again", permissions=SWITCH)
    def switch_on_sts(self, request: HttpRequest, rows: QuerySet[RegionHealth]) -> None:
        """STS is used in its order again; the sign-in stays as it is."""
        self._switch(request, rows, off=False, of=ONLY_STS)

    @admin.action(description="Use the sign-in of these regions again", permissions=SWITCH)
    def switch_on_sign_in(self, request: HttpRequest, rows: QuerySet[RegionHealth]) -> None:
        """The sign-in is used in its order again; STS stays as it is."""
        self._switch(request, rows, off=False, of=ONLY_SIGN_IN)

    def _switch(
        self, request: HttpRequest, rows: QuerySet[RegionHealth], *, off: bool, of: tuple[Endpoint, ...]
    ) -> None:
        now, by = datetime.now(UTC), request.user.get_username()
        names = sorted(rows.values_list("region", flat=True))
        for name in names:
            switch_region(name, off=off, by=by, now=now, of=of)
        told = f"{'Not used any more' if off else 'Used again'}: {WORDS[of]} of {', '.join(names)}."
        messages.success(request, told)


def _told(*, is_well: bool, problem: str, probed_at: datetime | None, off_by: str) -> str:
    """One endpoint in a few words: what somebody has switched off comes first."""
    seen = "not probed" if probed_at is None else "answers" if is_well else problem
    return f"switched off by {off_by} ({seen})" if off_by else seen
