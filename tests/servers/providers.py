"""The services that the shared site knows: registered once for all tests that need one."""

from dataclasses import dataclass

import pytest

from tests.servers.site import Site
from tests.service_provider import Provider, key, provider, register


@dataclass(frozen=True)
class Providers:
    """Each differs from the others in what its name says."""

    signing: Provider
    plain: Provider
    restricted: Provider
    several: Provider
    other: Provider


REDIRECT_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


def logout_at(name: str, binding: str, answers: str = "") -> dict[str, str]:
    """Where this service takes logout messages."""
    base = f"https://{name}.example.test"
    return {
        "location": f"{base}/slo",
        "binding": binding,
        "response_location": f"{base}{answers}" if answers else "",
    }


@pytest.fixture(scope="session")
def providers(site: Site) -> Providers:
    made = Providers(
        signing=provider("signing", row={"logout": [logout_at("signing", REDIRECT_BINDING)]}),
        plain=provider("plain", signs=False),
        restricted=provider("restricted", row={"for_everyone": False, "groups": []}),
        several=provider(
            "several",
            row={
                "acs": [
                    {"location": "https://several.example.test/first", "index": 3},
                    {
                        "location": "https://several.example.test/acs?next=1&SAMLResponse=x",
                        "index": 7,
                        "is_default": True,
                    },
                ]
            },
        ),
        other=provider(
            "other", key=key("other"), row={"logout": [logout_at("other", POST_BINDING, "/answers")]}
        ),
    )
    register(site, vars(made).values())
    return made
