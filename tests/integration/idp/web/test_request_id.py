"""The number of a request, and whose address it came from."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import RequestFactory

from idp.conf.access import access_config
from idp.web.identifiers import new_ids
from idp.web.request_id import client_address, new_reference, origin_of, trusted_networks

PROXIES = ("10.0.0.0/24", "192.0.2.7", "2001:db8:1::/48")


@pytest.fixture
def _behind_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "DRAWBRIDGE_TRUSTED_PROXIES", PROXIES)
    access_config.cache_clear()
    trusted_networks.cache_clear()
    yield
    access_config.cache_clear()
    trusted_networks.cache_clear()


@pytest.mark.attack("BF-03")
@pytest.mark.usefixtures("_behind_proxies")
@pytest.mark.parametrize(
    ("connection", "forwarded", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "1.2.3.4, 198.51.100.1, 192.0.2.7", "198.51.100.1"),
        ("10.0.0.5", "10.0.0.9", "10.0.0.9"),
        ("10.0.0.5", "1.2.3.4, nonsense", "10.0.0.5"),
        ("10.0.0.5", "1.2.3.4, nonsense, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.5", "<script>", "10.0.0.5"),
        ("::ffff:10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1::1", "2001:db8:2::1", "2001:db8:2::1"),
        ("2001:db8:2::1", "2001:db8:3::1", "2001:db8:2::1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_only_trusted_proxies_speak_for_a_client(connection: str, forwarded: str, client: str) -> None:
    """The first address from the right that is no proxy of ours is the client; what it claims itself is not heard."""
    request = RequestFactory().get("/", REMOTE_ADDR=connection, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == client


@pytest.mark.attack("BF-03")
def test_without_proxies_nobody_speaks_for_a_client() -> None:
    """Where no proxy is configured the connection's address is the client's, whatever the header says."""
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.5", HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert client_address(request) == "10.0.0.5"


def test_a_request_keeps_its_number() -> None:
    """The number is twelve characters that can be read out, the same all through one request, fresh in the next."""
    request = RequestFactory().get("/")
    assert origin_of(request) == origin_of(request)
    references = {new_reference() for _ in range(1_000)}
    assert len(references) == 1_000
    assert all(re.fullmatch(r"[A-Z2-7]{12}", reference) for reference in references)


@pytest.mark.spec("SAML Core", "1.3.4", "identifiers of 128 random bits that are NCNames")
def test_identifiers_of_a_statement_are_fresh() -> None:
    """Three different identifiers, each an NCName with 128 random bits, never given twice."""
    made = [new_ids() for _ in range(500)]
    every = [one for ids in made for one in (ids.response, ids.assertion, ids.session_index)]
    assert len(set(every)) == 1_500
    assert all(re.fullmatch(r"_[0-9a-f]{32}", one) for one in every)
