"""The local AWS that the attacks are tried on: one process for all of them."""

from collections.abc import Iterator

import pytest

from tests.attacks import forge
from tests.attacks.service_door import ServiceDoor
from tests.attacks.stand import Stand
from tests.http_browser import HttpBrowser
from tests.servers.local_aws import LocalAws
from tests.servers.postgres import Postgres
from tests.servers.providers import Providers
from tests.servers.site import Site


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    with Stand(LocalAws(forge.world())) as running:
        yield running


@pytest.fixture(params=forge.MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Where the signature is: on the response, on the assertion, or on both."""
    return str(request.param)


@pytest.fixture
def door(site: Site, postgres: Postgres, providers: Providers) -> ServiceDoor:
    """Jane's browser at the doors for service providers."""
    browser = HttpBrowser(site.url)
    browser.sign_in("jane", "demo-jane")
    return ServiceDoor(site, postgres, providers, browser)
