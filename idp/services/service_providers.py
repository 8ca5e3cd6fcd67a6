"""The service provider of an entity ID: one cheap statement a click, however many there are."""

from collections import OrderedDict
from datetime import datetime
from threading import Lock

from idp.conf.saml import saml_config
from idp.domain.authn_request import FRESH_FOR
from idp.domain.provider_address import MalformedLocation, is_plain_loopback
from idp.domain.service_provider import LONGEST_ENTITY_ID, ServiceProvider, UnknownProvider
from idp.models import ServiceProvider as ProviderRow
from idp.models.compiled import CompiledQuery
from idp.services.service_provider_rows import provider_of_row

MOST_KEPT = 2_000

version_of_entity_id = CompiledQuery(
    lambda: ProviderRow.objects.filter(entity_id="").order_by().values_list("pk", "version", "enabled")
)


class KeptProviders:
    """The providers that this process has read, each under the version that it had; the oldest go first."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._kept: OrderedDict[str, tuple[int, ServiceProvider]] = OrderedDict()
        self._lock = Lock()

    def find(self, entity_id: str, version: int) -> ServiceProvider | None:
        """The provider as this version has it, if it has been read."""
        with self._lock:
            kept = self._kept.get(entity_id)
            if kept is None or kept[0] != version:
                return None
            self._kept.move_to_end(entity_id)
            return kept[1]

    def keep(self, entity_id: str, version: int, provider: ServiceProvider) -> None:
        """The provider is found under this version from now on."""
        with self._lock:
            self._kept[entity_id] = (version, provider)
            self._kept.move_to_end(entity_id)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


kept_providers = KeptProviders()


def service_provider_of(entity_id: str, *, now: datetime) -> ServiceProvider:
    """The enabled provider of exactly this name, as the table says at this moment.

    Refuses with UnknownProvider what is not registered, is switched off, or whose metadata has expired, and
    with MalformedProvider a row that somebody wrote past every check.
    """
    if not entity_id or len(entity_id) > LONGEST_ENTITY_ID or "\0" in entity_id:
        raise UnknownProvider(f"entity ID {entity_id[:80]!r}")
    found = version_of_entity_id.row(entity_id)
    if found is None:
        raise UnknownProvider(f"entity ID {entity_id[:200]!r} is not registered")
    number, version, enabled = found
    if not enabled:
        raise UnknownProvider(f"{entity_id[:200]} is switched off")
    provider = kept_providers.find(entity_id, version) or _read(number)
    if provider.believed_until is not None and provider.believed_until + FRESH_FOR <= now:
        raise UnknownProvider(f"the metadata of {entity_id[:200]} has expired on {provider.believed_until}")
    return provider


def check_addresses(provider: ServiceProvider) -> ServiceProvider:
    """The same provider; refuses plain addresses of this machine where the settings do not allow them."""
    if not saml_config().unsafe_loopback_providers:
        locations = [endpoint.location for endpoint in provider.acs]
        for endpoint in provider.logout:
            locations += [endpoint.location, endpoint.response_location]
        for location in locations:
            if is_plain_loopback(location):
                raise MalformedLocation(f"plain http: {location}")
    return provider


def _read(number: int) -> ServiceProvider:
    row = ProviderRow.objects.filter(pk=number).first()
    if row is None or not row.enabled:
        raise UnknownProvider(f"service provider {number} has just gone")
    provider = check_addresses(provider_of_row(row))
    # The row's own version: it may be newer than the one that was asked for.
    kept_providers.keep(row.entity_id, row.version, provider)
    return provider
