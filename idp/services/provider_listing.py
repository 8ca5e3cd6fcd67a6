"""Service providers as operators look at them: every one, or one with all that was agreed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from idp.domain.errors import Malformed
from idp.domain.service_provider import ServiceProvider
from idp.models import ServiceProvider as ProviderRow
from idp.saml.certificates import read_certificate_text
from idp.services.provider_changes import row_of
from idp.services.service_provider_rows import fields_of, provider_of_row

WARNED_BEFORE = timedelta(days=2)
MOST_TOLD = 50


@dataclass(frozen=True, slots=True)
class ProviderShown:
    """One row as it is told; `problem` says why it cannot be served, or why its metadata could not be read."""

    entity_id: str
    name: str
    kind: str
    state: str
    problem: str
    provider: ServiceProvider | None
    metadata_url: str
    refreshed_at: str

    def as_json(self) -> dict[str, Any]:
        """Everything, certificates by their fingerprints."""
        told: dict[str, Any] = {
            "entity_id": self.entity_id,
            "name": self.name,
            "kind": self.kind,
            "state": self.state,
            "problem": self.problem,
            "metadata_url": self.metadata_url,
            "refreshed_at": self.refreshed_at,
        }
        if self.provider is None:
            return told
        values = fields_of(self.provider)
        until = values["believed_until"]
        return {
            **values,
            **told,
            "believed_until": until.isoformat() if until else None,
            "signing_certificates": [_recognised(text) for text in values["signing_certificates"]],
            "encryption_certificate": _recognised(values["encryption_certificate"]),
        }


def all_providers() -> list[ProviderShown]:
    """Every provider, in the order of the names; one that cannot be read is among them, with what is wrong."""
    return [_shown(row) for row in ProviderRow.objects.order_by("name", "entity_id")]


def shown(entity_id: str) -> ProviderShown:
    """This provider; refuses an unknown one."""
    return _shown(row_of(entity_id))


def ailing_providers(*, now: datetime) -> list[tuple[str, str]]:
    """The enabled providers that need a hand, each with why: metadata that cannot be read, or ends soon."""
    soon = now + WARNED_BEFORE
    rows = ProviderRow.objects.filter(enabled=True).filter(
        ~Q(refresh_problem="") | Q(believed_until__isnull=False, believed_until__lt=soon)
    )
    told = []
    for row in rows.order_by("name")[:MOST_TOLD]:
        cause = row.refresh_problem
        if row.believed_until is not None and row.believed_until < soon:
            ended = "was" if row.believed_until <= now else "is"
            cause = f"its metadata {ended} valid until {row.believed_until:%Y-%m-%d %H:%M} UTC only. {cause}".strip()
        told.append((row.name, cause))
    return told


def _shown(row: ProviderRow) -> ProviderShown:
    provider, problem = None, row.refresh_problem
    try:
        provider = provider_of_row(row)
    except Malformed as refusal:
        problem = refusal.told
    return ProviderShown(
        entity_id=row.entity_id,
        name=row.name,
        kind=row.kind,
        state="broken" if provider is None else "enabled" if row.enabled else "disabled",
        problem=problem,
        provider=provider,
        metadata_url=row.metadata_url,
        refreshed_at=row.refreshed_at.isoformat() if row.refreshed_at else "",
    )


def _recognised(text: str) -> str:
    if not text:
        return ""
    try:
        facts = read_certificate_text(text)
    except Malformed as refusal:
        return refusal.told
    return f"{facts.subject}, {facts.key}, until {facts.valid_until:%Y-%m-%d}, SHA-256 {facts.sha256}"
