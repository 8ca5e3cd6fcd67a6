"""The local AWS that the attacks are tried on: one process for all of them."""

from collections.abc import Iterator

import pytest

from tests.attacks import forge
from tests.attacks.stand import Stand
from tests.servers.local_aws import LocalAws


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    with Stand(LocalAws(forge.world())) as running:
        yield running


@pytest.fixture(params=forge.MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Where the signature is: on the response, on the assertion, or on both."""
    return str(request.param)
